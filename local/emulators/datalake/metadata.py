"""What a file system cannot keep beside a file: ETag, content headers and metadata, in SQLite.

A row belongs to an inode and is believed only while size and modification time are those it was
written for. So a rename needs no row to change, a row can be written before its file gets its name
(both then appear in the same instant), and a file changed from outside simply has no row: its ETag
is derived from what the file system says. A directory's row is believed for one path only, because
the times of a directory move with its children.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import stat as stat_module
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from local.emulators import clock
from local.emulators.datalake.immutability import is_protected
from local.emulators.datalake.names import Place

_SCHEMA = """
CREATE TABLE IF NOT EXISTS attributes(
    inode INTEGER PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, place TEXT NOT NULL,
    etag TEXT NOT NULL, modified_ns INTEGER NOT NULL, created_ns INTEGER NOT NULL, kind TEXT NOT NULL,
    headers TEXT NOT NULL, metadata TEXT NOT NULL, block_count INTEGER NOT NULL, traits TEXT NOT NULL DEFAULT '{}');
CREATE INDEX IF NOT EXISTS attributes_of_directories ON attributes(place) WHERE place <> '';
CREATE TABLE IF NOT EXISTS committed_blocks(inode INTEGER PRIMARY KEY, blocks TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS staged_blocks(
    container TEXT NOT NULL, path TEXT NOT NULL, block_id TEXT NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY(container, path, block_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS appended(
    container TEXT NOT NULL, path TEXT NOT NULL, position INTEGER NOT NULL, size INTEGER NOT NULL,
    inode INTEGER NOT NULL, file TEXT NOT NULL, PRIMARY KEY(container, path, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases(
    container TEXT NOT NULL, path TEXT NOT NULL, lease TEXT NOT NULL, PRIMARY KEY(container, path)) WITHOUT ROWID;
"""
_COLUMNS = "inode,size,mtime_ns,place,etag,modified_ns,created_ns,kind,headers,metadata,block_count,traits"
_LOOKUP_BATCH = 500

BLOCK_BLOB, APPEND_BLOB, DIRECTORY = "BlockBlob", "AppendBlob", "Directory"


@dataclass(slots=True, frozen=True)
class Attributes:
    """What is said of one file or directory besides its bytes; times are nanoseconds since 1970 UTC.

    `traits` are told as they are kept: by the response header that carries each (tier, seal, expiry, copy, policy).
    """

    etag: str
    modified_ns: int
    created_ns: int
    kind: str = BLOCK_BLOB
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    block_count: int = 0
    traits: dict[str, str] = field(default_factory=dict)


def open_database(folder: str, *, fsync: bool) -> sqlite3.Connection:
    """The emulator's database; without fsync an acknowledged row survives kill -9 but not a power cut."""
    database = sqlite3.connect(os.path.join(folder, "metadata.sqlite"), isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(f"PRAGMA synchronous={'FULL' if fsync else 'NORMAL'}")
    database.executescript(_SCHEMA)
    if not any(row[1] == "traits" for row in database.execute("PRAGMA table_info(attributes)")):
        # A data folder of an earlier version.
        database.execute("ALTER TABLE attributes ADD COLUMN traits TEXT NOT NULL DEFAULT '{}'")
    database.execute(
        "CREATE INDEX IF NOT EXISTS attributes_with_traits ON attributes(inode) WHERE traits <> '{}'"
    )
    return database


class Stamps:
    """Strictly increasing nanosecond instants: the source of ETags and event sequencers."""

    def __init__(self) -> None:
        self._last = 0

    def next_ns(self) -> int:
        self._last = max(self._last + 1, clock.now_ns())
        return self._last


def etag_of(stamp_ns: int) -> str:
    return f'"0x{stamp_ns:016X}"'


class AttributeRows:
    """Reads and writes attributes by the identity of a file or directory."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.stamps = Stamps()

    def fresh(self, **fields: object) -> Attributes:
        """Attributes of something made now, with a new ETag."""
        now_ns = self.stamps.next_ns()
        made = Attributes(etag_of(now_ns), now_ns, now_ns)
        return replace(made, **fields)  # type: ignore[arg-type]

    def touched(self, attributes: Attributes, **fields: object) -> Attributes:
        """The same attributes after a change now: new ETag and modification time."""
        now_ns = self.stamps.next_ns()
        return replace(attributes, etag=etag_of(now_ns), modified_ns=now_ns, **fields)  # type: ignore[arg-type]

    def read(self, stat: os.stat_result, place: Place) -> Attributes:
        """The attributes of what was found at a place."""
        row = self._database.execute(
            f"SELECT {_COLUMNS} FROM attributes WHERE inode=?", (stat.st_ino,)
        ).fetchone()
        return _believed(row, stat, place)

    def read_many(self, found: Iterable[tuple[Place, os.stat_result]]) -> list[Attributes]:
        """The attributes of each place found, in the same order."""
        wanted = list(found)
        rows: dict[int, tuple[object, ...]] = {}
        for start in range(0, len(wanted), _LOOKUP_BATCH):
            inodes = [stat.st_ino for _, stat in wanted[start : start + _LOOKUP_BATCH]]
            marks = ",".join("?" * len(inodes))
            query = f"SELECT {_COLUMNS} FROM attributes WHERE inode IN ({marks})"
            rows.update((row[0], row) for row in self._database.execute(query, inodes))
        return [_believed(rows.get(stat.st_ino), stat, place) for place, stat in wanted]

    def write(self, stat: os.stat_result, place: Place, attributes: Attributes) -> None:
        is_directory = stat_module.S_ISDIR(stat.st_mode)
        self._database.execute(
            f"INSERT OR REPLACE INTO attributes({_COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                stat.st_ino,
                0 if is_directory else stat.st_size,
                0 if is_directory else stat.st_mtime_ns,
                _key(place) if is_directory else "",
                attributes.etag,
                attributes.modified_ns,
                attributes.created_ns,
                attributes.kind,
                json.dumps(attributes.headers),
                json.dumps(attributes.metadata),
                attributes.block_count,
                json.dumps(attributes.traits),
            ),
        )

    def forget(self, inode: int) -> None:
        self._database.execute("DELETE FROM attributes WHERE inode=?", (inode,))
        self._database.execute("DELETE FROM committed_blocks WHERE inode=?", (inode,))

    def protected(self) -> set[int]:
        """The inodes of blobs that a legal hold or an immutability policy protects now."""
        rows = self._database.execute("SELECT inode, traits FROM attributes WHERE traits <> '{}'")
        return {inode for inode, text in rows if is_protected(json.loads(text))}

    def directories_moved(self, source: Place, destination: Place) -> None:
        """Follow a directory's rename: its own row and those of the directories below it."""
        old, new = _key(source), _key(destination)
        self._database.execute(
            "UPDATE attributes SET place = ? || substr(place, ?) WHERE place = ? OR (place > ? AND place < ?)",
            (new, len(old) + 1, old, old + "/", old + "0"),
        )

    def committed_blocks(self, inode: int) -> list[tuple[str, int]]:
        """The (id, size) of the blocks a block blob was committed from, in order; empty after Put Blob."""
        row = self._database.execute("SELECT blocks FROM committed_blocks WHERE inode=?", (inode,)).fetchone()
        return [(str(name), int(size)) for name, size in json.loads(row[0])] if row else []

    def write_committed_blocks(self, inode: int, blocks: list[tuple[str, int]]) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO committed_blocks VALUES(?,?)", (inode, json.dumps(blocks))
        )


def _key(place: Place) -> str:
    return f"{place.container}/{place.path}".rstrip("/")


def _believed(row: tuple[object, ...] | None, stat: os.stat_result, place: Place) -> Attributes:
    is_directory = stat_module.S_ISDIR(stat.st_mode)
    if row is not None:
        (
            _,
            size,
            mtime_ns,
            row_place,
            etag,
            modified_ns,
            created_ns,
            kind,
            headers,
            metadata,
            blocks,
            traits,
        ) = row
        same = (
            row_place == _key(place) if is_directory else (size, mtime_ns) == (stat.st_size, stat.st_mtime_ns)
        )
        if same and (kind == DIRECTORY) == is_directory:
            return Attributes(
                str(etag),
                int(str(modified_ns)),
                int(str(created_ns)),
                str(kind),
                {} if headers == "{}" else json.loads(str(headers)),
                {} if metadata == "{}" else json.loads(str(metadata)),
                int(str(blocks)),
                {} if traits == "{}" else json.loads(str(traits)),
            )
    return _derived(stat, place, is_directory)


def _derived(stat: os.stat_result, place: Place, is_directory: bool) -> Attributes:
    seen = (
        f"{stat.st_ino}:{_key(place)}" if is_directory else f"{stat.st_ino}:{stat.st_mtime_ns}:{stat.st_size}"
    )
    digest = hashlib.blake2b(seen.encode(), digest_size=8).hexdigest().upper()
    kind = DIRECTORY if is_directory else BLOCK_BLOB
    return Attributes(f'"0x{digest}"', stat.st_mtime_ns, stat.st_mtime_ns, kind)
