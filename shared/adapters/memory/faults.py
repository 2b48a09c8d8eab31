"""Stores that fail as the real ones do: busy, unreachable, applied with the answer lost, or dead from one call on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from shared.domain.records import Item
from shared.ports.lake import Lake, LakeFile
from shared.ports.records import Query, Records, Write

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    """What befalls one call: `error` is raised, after the work where `applied`."""

    error: BaseException
    applied: bool = False


Plan = Callable[[str, bool], Failure | None]
"""(`records.create`, whether it writes) → what befalls this call."""


class Script:
    """Counts calls and lets a plan decide on each, one at a time."""

    def __init__(self, plan: Plan = lambda _name, _writes: None) -> None:
        self.plan = plan
        self.calls: list[str] = []
        self._lock = threading.Lock()

    def run(self, name: str, work: Callable[[], T], *, writes: bool) -> T:
        """Do the work, or fail before or after it."""
        with self._lock:
            self.calls.append(name)
            failure = self.plan(name, writes)
        if failure is None:
            return work()
        if failure.applied:
            work()
        raise failure.error


class FaultyRecords:
    """Records that fail by a script."""

    def __init__(self, records: Records, script: Script) -> None:
        self._records = records
        self._script = script

    def read(self, tenant: str, home: str, item_id: str) -> Item | None:
        return self._ask("read", lambda: self._records.read(tenant, home, item_id))

    def create(self, item: Item) -> str:
        return self._write("create", lambda: self._records.create(item))

    def replace(self, item: Item, etag: str) -> str:
        return self._write("replace", lambda: self._records.replace(item, etag))

    def delete(self, tenant: str, home: str, item_id: str, etag: str) -> None:
        self._write("delete", lambda: self._records.delete(tenant, home, item_id, etag))

    def commit(self, tenant: str, home: str, writes: Sequence[Write]) -> list[str]:
        return self._write("commit", lambda: self._records.commit(tenant, home, writes))

    def read_many(self, tenant: str, home: str, item_ids: Sequence[str]) -> dict[str, Item]:
        return self._ask("read_many", lambda: self._records.read_many(tenant, home, item_ids))

    def query(self, query: Query) -> Iterator[Item]:
        return self._ask("query", lambda: self._records.query(query))

    def count(self, query: Query) -> int:
        return self._ask("count", lambda: self._records.count(query))

    def _ask(self, name: str, work: Callable[[], T]) -> T:
        return self._script.run(f"records.{name}", work, writes=False)

    def _write(self, name: str, work: Callable[[], T]) -> T:
        return self._script.run(f"records.{name}", work, writes=True)


class FaultyLake:
    """A lake that fails by a script."""

    def __init__(self, lake: Lake, script: Script) -> None:
        self._lake = lake
        self._script = script

    def put_if_absent(self, path: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> bool:
        return self._write("put_if_absent", lambda: self._lake.put_if_absent(path, data, metadata=metadata))

    def put(self, path: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> None:
        self._write("put", lambda: self._lake.put(path, data, metadata=metadata))

    def look(self, path: str) -> LakeFile | None:
        return self._ask("look", lambda: self._lake.look(path))

    def read(self, path: str) -> bytes:
        return self._ask("read", lambda: self._lake.read(path))

    def stream(self, path: str, *, etag: str | None = None, offset: int = 0) -> Iterator[bytes]:
        return self._ask("stream", lambda: self._lake.stream(path, etag=etag, offset=offset))

    def list(self, prefix: str, *, after: str = "") -> Iterator[LakeFile]:
        return self._ask("list", lambda: self._lake.list(prefix, after=after))

    def delete(self, path: str) -> None:
        self._write("delete", lambda: self._lake.delete(path))

    def _ask(self, name: str, work: Callable[[], T]) -> T:
        return self._script.run(f"lake.{name}", work, writes=False)

    def _write(self, name: str, work: Callable[[], T]) -> T:
        return self._script.run(f"lake.{name}", work, writes=True)
