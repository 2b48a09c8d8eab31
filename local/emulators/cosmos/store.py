"""Keeps databases, containers and items in SQLite; a commit that returned survives the death of the process.

https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from local.emulators.held_folder import hold

from . import json_text
from .index import IndexSpec
from .model import Container, Item
from .ranges import KeyRange

_SCHEMA = """
CREATE TABLE IF NOT EXISTS databases (name TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS containers (
    key INTEGER PRIMARY KEY, database TEXT NOT NULL, lsn INTEGER NOT NULL, specs TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS layouts (container INTEGER PRIMARY KEY, ranges TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS offers (rid TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS principals (path TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    row INTEGER PRIMARY KEY, container INTEGER NOT NULL, pk TEXT NOT NULL, id TEXT NOT NULL,
    lsn INTEGER NOT NULL, ts INTEGER NOT NULL, ttl INTEGER, raw BLOB NOT NULL);
"""
_PAGE_BYTES = 8192
# The write-ahead log is emptied beside the requests; this is only the bound for when that falls behind.
_WAL_PAGES_MAX = 16_000
_WAL_CHECKPOINT_BYTES = 16 << 20
_CACHE_BYTES = 384 << 20
_CACHE_OVERHEAD_BYTES = 1500
_STEP_ITEMS = 128
_PUT = "INSERT OR REPLACE INTO items (row, container, pk, id, lsn, ts, ttl, raw) VALUES (?,?,?,?,?,?,?,?)"


class Store:
    """The data folder and everything in memory that is made from it. Not for several threads."""

    def __init__(self, folder: Path, *, fsync: bool = False) -> None:
        self._lock = hold(folder, "Cosmos DB")
        self._path = folder / "cosmos.sqlite3"
        self._sql = sqlite3.connect(self._path, isolation_level=None)
        self._sql.execute(f"PRAGMA page_size={_PAGE_BYTES}")
        self._sql.execute("PRAGMA journal_mode=WAL")
        self._sql.execute(f"PRAGMA synchronous={'FULL' if fsync else 'NORMAL'}")
        self._sql.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES_MAX}")
        self._sql.executescript(_SCHEMA)
        self.databases: dict[str, dict[str, Any]] = {}
        self.containers: dict[tuple[str, str], Container] = {}
        self.offers: dict[str, dict[str, Any]] = {}
        # Users and permissions by their path of names, in order of their making.
        self.principals: dict[str, dict[str, Any]] = {}
        self._cached: deque[tuple[Item, int]] = deque()
        self._cached_bytes = 0
        self._load()

    def _load(self) -> None:
        for name, body in self._sql.execute("SELECT name, body FROM databases"):
            self.databases[name] = json.loads(body)
        for path, body in self._sql.execute("SELECT path, body FROM principals ORDER BY rowid"):
            self.principals[path] = json.loads(body)
        for rid, body in self._sql.execute("SELECT rid, body FROM offers"):
            self.offers[rid] = json.loads(body)
        by_key: dict[int, Container] = {}
        for key, database, lsn, specs, body in self._sql.execute("SELECT * FROM containers"):
            container = by_key[key] = Container(key, database, json.loads(body))
            container.lsn = lsn
            container.specs = [IndexSpec(tuple(path), each) for path, each in json.loads(specs)]
            self.containers[database, container.name] = container
        for key, ranges in self._sql.execute("SELECT container, ranges FROM layouts"):
            by_key[key].ranges = tuple(
                KeyRange(name, first, end, version, tuple(parents))
                for name, first, end, version, parents in json.loads(ranges)
            )
        self._counters = dict(self._sql.execute("SELECT name, value FROM counters"))
        last_row = 0
        loaded: dict[int, list[Item]] = {key: [] for key in by_key}
        query = "SELECT row, container, pk, id, lsn, ts, ttl FROM items ORDER BY row"
        for row, key, pk, item_id, lsn, ts, ttl in self._sql.execute(query):
            container = by_key[key]
            partition = container.partitions.get(pk) or container.open_partition(json.loads(pk))
            item = Item(row, item_id, partition, lsn, ts, ttl)
            container.restore(item)
            loaded[key].append(item)
            last_row = row
        self._next_row = last_row + 1
        for key, container in by_key.items():
            container.load_log(loaded[key])
            for item in loaded[key] if container.unique_keys else ():
                for term in container.unique_terms(self.full_document(item)):
                    item.partition.unique[term] = item.id
            container.schedule(loaded[key])

    def close(self) -> None:
        """Empties the write-ahead log into the database and lets go of it."""
        self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._sql.close()
        os.close(self._lock)

    def checkpoint_due(self) -> bool:
        """Returns whether the write-ahead log has grown enough to be worth emptying."""
        wal = self._path.with_name(self._path.name + "-wal")
        return wal.exists() and wal.stat().st_size > _WAL_CHECKPOINT_BYTES

    def checkpoint(self) -> None:
        """Copies the write-ahead log into the database; made for a thread of its own."""
        connection = sqlite3.connect(self._path)
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            connection.close()

    def new_key(self, name: str) -> int:
        """Returns the next number of a counter that never goes back, over restarts too."""
        value = int(self._counters.get(name, 0)) + 1
        self._counters[name] = value
        self._sql.execute("INSERT OR REPLACE INTO counters VALUES (?,?)", (name, value))
        return value

    def new_row(self) -> int:
        """Returns the row of a new item."""
        row = self._next_row
        self._next_row += 1
        return row

    def put_database(self, name: str, properties: dict[str, Any]) -> None:
        """Keeps a database's properties."""
        self._sql.execute("INSERT OR REPLACE INTO databases VALUES (?,?)", (name, json.dumps(properties)))
        self.databases[name] = properties

    def drop_database(self, name: str) -> None:
        """Deletes a database with its containers."""
        for container in [found for (owner, _), found in self.containers.items() if owner == name]:
            self.drop_container(container)
        self._drop_offers(self.databases[name]["_self"])
        self.drop_principals(f"dbs/{name}")
        self._sql.execute("DELETE FROM databases WHERE name=?", (name,))
        del self.databases[name]

    def put_principal(self, path: str, properties: dict[str, Any]) -> None:
        """Keeps a user or permission."""
        self._sql.execute("INSERT OR REPLACE INTO principals VALUES (?,?)", (path, json.dumps(properties)))
        self.principals[path] = properties

    def drop_principals(self, path: str) -> None:
        """Deletes a user with its permissions, a permission, or all below a database."""
        for each in [each for each in self.principals if each == path or each.startswith(path + "/")]:
            self._sql.execute("DELETE FROM principals WHERE path=?", (each,))
            del self.principals[each]

    def rename_principals(self, path: str, new: str) -> None:
        """Lets what is below a user follow it to another name."""
        for each in [each for each in self.principals if each.startswith(path + "/")]:
            self.put_principal(new + each[len(path) :], self.principals[each])
        self.drop_principals(path)

    def put_offer(self, rid: str, offer: dict[str, Any]) -> None:
        """Keeps an offer."""
        self._sql.execute("INSERT OR REPLACE INTO offers VALUES (?,?)", (rid, json.dumps(offer)))
        self.offers[rid] = offer

    def _drop_offers(self, resource: str) -> None:
        for rid in [rid for rid, offer in self.offers.items() if offer["resource"] == resource]:
            self._sql.execute("DELETE FROM offers WHERE rid=?", (rid,))
            del self.offers[rid]

    def put_container(self, container: Container) -> None:
        """Keeps a container's properties, sequence number and list of indexes."""
        specs = json.dumps(container.specs)
        body = json.dumps(container.properties)
        self._sql.execute(
            "INSERT OR REPLACE INTO containers VALUES (?,?,?,?,?)",
            (container.key, container.database, container.lsn, specs, body),
        )
        self.containers[container.database, container.name] = container

    def divide(self, container: Container, ranges: tuple[KeyRange, ...]) -> None:
        """Lays a container out over these physical partitions."""
        self._sql.execute("INSERT OR REPLACE INTO layouts VALUES (?,?)", (container.key, json.dumps(ranges)))
        container.ranges = ranges

    def drop_container(self, container: Container) -> None:
        """Deletes a container with its items."""
        self._sql.execute("BEGIN")
        self._sql.execute("DELETE FROM items WHERE container=?", (container.key,))
        self._sql.execute("DELETE FROM containers WHERE key=?", (container.key,))
        self._sql.execute("DELETE FROM layouts WHERE container=?", (container.key,))
        self._drop_offers(container.link)
        self._sql.execute("COMMIT")
        del self.containers[container.database, container.name]

    def reconfigure(self, container: Container, properties: dict[str, Any]) -> None:
        """Gives a container new properties and lets them work on the items that are there."""
        container.configure(properties)
        for item in container.items():
            item.doc = None
        container.schedule(container.items())
        container.specs = [spec for spec in container.specs if container.indexes(spec)]
        container.ready.intersection_update(container.specs)
        self.put_container(container)

    def commit(self, container: Container, puts: Sequence[Item], drops: Sequence[Item], lsn: int) -> None:
        """Writes new versions and deletions in one transaction, on the disk first, then in memory."""
        freed = [
            (item.partition, term)
            for item in (drops if container.unique_keys else ())
            for term in container.unique_terms(self.full_document(item))
        ]
        self._write(container, puts, drops, lsn)
        for partition, term in freed:
            partition.unique.pop(term, None)
        specs = container.specs
        for item in (*drops, *puts):
            old = item.partition.items.get(item.id)
            if specs and old is not None:
                old.partition.group.postings.remove(old, self.document(old), specs)
        for item in drops:
            container.drop(item, lsn)
        for item in puts:
            container.put(item)
            if specs:
                item.partition.group.postings.add(item, self.document(item), specs)
            self._remember(item, len(item.raw or b""))

    def _write(self, container: Container, puts: Sequence[Item], drops: Sequence[Item], lsn: int) -> None:
        sql = self._sql
        rows = [
            (item.row, container.key, item.partition.key, item.id, item.lsn, item.ts, item.ttl, item.raw)
            for item in puts
        ]
        sql.execute("BEGIN")
        try:
            if drops:
                sql.executemany("DELETE FROM items WHERE row=?", [(item.row,) for item in drops])
                sql.execute("UPDATE containers SET lsn=? WHERE key=?", (lsn, container.key))
            sql.executemany(_PUT, rows)
            sql.execute("COMMIT")
        except BaseException:
            sql.execute("ROLLBACK")
            raise

    def expire(self, container: Container, now: float) -> None:
        """Deletes the items whose time to live is over."""
        if container.default_ttl is None:
            return
        gone = container.expired(now)
        if gone:
            self.commit(container, (), gone, container.lsn)

    def raw(self, item: Item) -> bytes:
        """Returns an item's text."""
        if item.raw is not None:
            return item.raw
        (raw,) = self._sql.execute("SELECT raw FROM items WHERE row=?", (item.row,)).fetchone()
        item.raw = raw
        self._remember(item, len(raw))
        return bytes(raw)

    def document(self, item: Item) -> dict[str, Any]:
        """Returns what queries need of an item: all but system properties and what is not indexed."""
        if item.doc is None:
            document, item.rough = json_text.parse_watched(self.raw(item))
            item.doc = document
            for name in item.container.aside:
                document.pop(name, None)
            item.container.compute(document)
        return item.doc

    def size_kb(self, container: Container) -> int:
        """Returns the size of a container's items."""
        row = self._sql.execute("SELECT total(length(raw)) FROM items WHERE container=?", (container.key,))
        return int(row.fetchone()[0]) // 1024

    def full_document(self, item: Item) -> dict[str, Any]:
        """Returns the whole item, as a new object."""
        document: dict[str, Any] = json_text.parse(self.raw(item))
        return document

    def _remember(self, item: Item, size: int) -> None:
        self._cached.append((item, size))
        self._cached_bytes += size + _CACHE_OVERHEAD_BYTES
        while self._cached_bytes > _CACHE_BYTES:
            oldest, size = self._cached.popleft()
            self._cached_bytes -= size + _CACHE_OVERHEAD_BYTES
            oldest.raw = oldest.doc = None

    def build_index(self, container: Container, spec: IndexSpec) -> None:
        """Builds an index now and keeps it up from here on, after restarts too."""
        for _ in self.build_by_steps(container, spec):
            pass

    def build_by_steps(self, container: Container, spec: IndexSpec) -> Iterator[None]:
        """Builds an index, giving way after every step; what is written meanwhile enters by `commit`."""
        if spec not in container.specs:
            container.specs.append(spec)
            self.put_container(container)
        for group in container.groups.values():
            group.postings.open(spec)
        for at, item in enumerate(list(container.items())):
            if self.containers.get((container.database, container.name)) is not container:
                return
            if item.live:
                item.partition.group.postings.add(item, self.document(item), (spec,))
            if at % _STEP_ITEMS == 0:
                yield
        container.ready.add(spec)
