"""Bytes that have no name yet: temporary files, uncommitted blocks and appends, all outside the tree."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import sqlite3
from dataclasses import dataclass

from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.names import Place
from local.emulators.datalake.request import Request

IN_MEMORY_BYTES = 256 * 1024
_COPY_PIECE_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Staged:
    """A complete temporary file, with the MD5 (base64) of what it received where it was computed."""

    path: str
    size: int
    md5: str | None = None


class Staging:
    """Temporary files of one emulator; those that no row names are removed at start."""

    def __init__(self, folder: str, database: sqlite3.Connection, *, fsync: bool) -> None:
        self._folder = folder
        self._database = database
        self._fsync = fsync
        self._numbers = itertools.count()
        os.makedirs(folder, exist_ok=True)
        kept = {
            row[0]
            for row in database.execute("SELECT file FROM staged_blocks UNION SELECT file FROM appended")
        }
        for name in os.listdir(folder):
            if name not in kept:
                os.unlink(os.path.join(folder, name))

    def new_path(self) -> str:
        return os.path.join(self._folder, f"{os.urandom(6).hex()}-{next(self._numbers)}")

    def path_of(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def write(self, data: bytes, md5: str | None = None) -> Staged:
        path = self.new_path()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            write_all(descriptor, data)
            self.flush(descriptor)
        finally:
            os.close(descriptor)
        return Staged(path, len(data), md5)

    async def receive(self, request: Request, *, always_md5: bool) -> Staged:
        """Take a request's body, small ones through memory; raises Md5Mismatch, leaving nothing behind."""
        expected = request.header("content-md5")
        wants_md5 = always_md5 or expected is not None
        length = request.content_length
        if length is not None and length <= IN_MEMORY_BYTES:
            data = await request.body(IN_MEMORY_BYTES)
            md5 = _base64(hashlib.md5(data, usedforsecurity=False).digest()) if wants_md5 else None
            require_md5(expected, md5)
            return self.write(data, md5)
        path = self.new_path()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            size, md5 = await receive_into(descriptor, 0, request, wants_md5=wants_md5)
            self.flush(descriptor)
            require_md5(expected, md5)
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(descriptor)
        return Staged(path, size, md5)

    def flush(self, descriptor: int) -> None:
        if self._fsync:
            os.fsync(descriptor)

    def assemble(self, pieces: list[tuple[str, int, int]]) -> Staged:
        """One file of (path, offset, length) pieces in order; runs in a thread, touches no database."""
        path = self.new_path()
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            for source_path, offset, length in pieces:
                copy_range(source_path, offset, length, target)
            self.flush(target)
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(target)
        return Staged(path, sum(length for _, _, length in pieces))

    def remove(self, staged: Staged) -> None:
        discard(staged.path)

    # Uncommitted blocks of block blobs

    def add_block(self, place: Place, block_id: str, staged: Staged) -> None:
        """Keep an uncommitted block; raises where its id is not as long as those that wait already."""
        other = self._database.execute(
            "SELECT block_id FROM staged_blocks WHERE container=? AND path=? LIMIT 1", place
        ).fetchone()
        if other and len(base64.b64decode(other[0])) != len(base64.b64decode(block_id)):
            self.remove(staged)
            raise StorageError("InvalidBlobOrBlock")
        old = self._database.execute(
            "SELECT file FROM staged_blocks WHERE container=? AND path=? AND block_id=?", (*place, block_id)
        ).fetchone()
        self._database.execute(
            "INSERT OR REPLACE INTO staged_blocks VALUES(?,?,?,?,?)",
            (*place, block_id, os.path.basename(staged.path), staged.size),
        )
        if old:
            discard(self.path_of(old[0]))

    def blocks(self, place: Place) -> dict[str, tuple[str, int]]:
        """Block id to (path of its bytes, size) of what is uncommitted at a place."""
        rows = self._database.execute(
            "SELECT block_id, file, size FROM staged_blocks WHERE container=? AND path=?", place
        )
        return {block_id: (self.path_of(file), size) for block_id, file, size in rows}

    def blocks_waiting(self, container: str) -> list[str]:
        """The paths in a container that have uncommitted blocks."""
        rows = self._database.execute(
            "SELECT DISTINCT path FROM staged_blocks WHERE container=?", (container,)
        )
        return [path for (path,) in rows]

    def drop_blocks(self, place: Place) -> None:
        blocks = self.blocks(place)
        if blocks:
            self._database.execute("DELETE FROM staged_blocks WHERE container=? AND path=?", place)
            for path, _ in blocks.values():
                discard(path)

    # Uncommitted appends of files: one sparse file a path, each append at its own position

    def append_file(self, place: Place, inode: int) -> str:
        """The file that takes the appends to what now has this inode at this place."""
        row = self._database.execute(
            "SELECT inode, file FROM appended WHERE container=? AND path=? LIMIT 1", place
        ).fetchone()
        if row and row[0] == inode:
            return self.path_of(row[1])
        self.drop_appends(place)
        path = self.new_path()
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        # A row of length nought makes parallel first appends share one file.
        self.add_append(place, -1, 0, inode, path)
        return path

    def add_append(self, place: Place, position: int, size: int, inode: int, path: str) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO appended VALUES(?,?,?,?,?,?)",
            (*place, position, size, inode, os.path.basename(path)),
        )

    def appends(self, place: Place, inode: int) -> tuple[str | None, list[tuple[int, int]]]:
        """The sparse file and the (position, size) of the appends in it, by position."""
        rows = self._database.execute(
            "SELECT file, position, size FROM appended WHERE container=? AND path=? AND inode=? ORDER BY position",
            (*place, inode),
        ).fetchall()
        if not rows:
            return None, []
        return self.path_of(rows[0][0]), [(position, size) for _, position, size in rows if position >= 0]

    def second_name(self, path: str, size: int) -> Staged:
        """Make the sparse file itself the content: all of it was appended, nothing need be copied.

        A second name keeps the rows' file in place until the commit, so that a crash in between
        leaves the appends as they were.
        """
        staged = Staged(self.new_path(), size)
        os.link(path, staged.path)
        return staged

    def drop_appends(self, place: Place) -> None:
        rows = self._database.execute(
            "SELECT DISTINCT file FROM appended WHERE container=? AND path=?", place
        ).fetchall()
        if rows:
            self._database.execute("DELETE FROM appended WHERE container=? AND path=?", place)
            for (file,) in rows:
                discard(self.path_of(file))


async def receive_into(
    descriptor: int, position: int, request: Request, *, wants_md5: bool
) -> tuple[int, str | None]:
    """Write a body at a position as it arrives; returns its size and MD5 (base64)."""
    digest = hashlib.md5(usedforsecurity=False) if wants_md5 else None
    size = 0
    async for chunk in request.chunks():
        if digest is not None:
            digest.update(chunk)
        write_all(descriptor, chunk, position + size)
        size += len(chunk)
    return size, _base64(digest.digest()) if digest is not None else None


def write_all(descriptor: int, data: bytes, position: int | None = None) -> None:
    view = memoryview(data)
    while view:
        if position is None:
            written = os.write(descriptor, view)
        else:
            written = os.pwrite(descriptor, view, position)
            position += written
        view = view[written:]


def copy_range(source_path: str, offset: int, length: int, target: int) -> None:
    """Append part of a file to an open one, in the kernel where it can; raises OSError where it is short."""
    source = os.open(source_path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        while length:
            copied = _copy_piece(source, offset, min(length, _COPY_PIECE_BYTES), target)
            if copied == 0:
                raise OSError("a file became shorter while it was copied")
            offset += copied
            length -= copied
    finally:
        os.close(source)


def _copy_piece(source: int, offset: int, length: int, target: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, target, length, offset)
        except OSError:  # not between these file systems: copy through memory
            pass
    data = os.pread(source, min(length, 1024 * 1024), offset)
    write_all(target, data)
    return len(data)


def discard(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")


def require_md5(expected: str | None, actual: str | None) -> None:
    if expected is not None and expected != actual:
        raise StorageError("Md5Mismatch")
