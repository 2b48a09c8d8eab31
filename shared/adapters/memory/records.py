"""Records in memory: the reference that the Cosmos adapter is compared with, strict in the same places."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

from shared.domain.records import Item
from shared.errors import AlreadyExists, PreconditionFailed
from shared.ports.matching import holds, value_at
from shared.ports.records import (
    MAX_BATCH_WRITES,
    BatchRefused,
    Create,
    Delete,
    Query,
    Replace,
    Write,
    require_fitting,
)


class MemoryRecords:
    """All items in one dictionary under one lock; `changes` is the change feed in order of writing."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str, str], Item] = {}
        self._etags = 0
        self._lock = threading.RLock()
        self.changes: list[Item] = []

    def read(self, tenant: str, home: str, item_id: str) -> Item | None:
        with self._lock:
            found = self._items.get((tenant, home, item_id))
            return _copied(found) if found else None

    def create(self, item: Item) -> str:
        require_fitting([item])
        with self._lock:
            if (item["tenant"], item["home"], item["id"]) in self._items:
                raise AlreadyExists("An item of this id exists.")
            return self._store(item)

    def replace(self, item: Item, etag: str) -> str:
        require_fitting([item])
        with self._lock:
            self._match(item["tenant"], item["home"], item["id"], etag)
            return self._store(item)

    def delete(self, tenant: str, home: str, item_id: str, etag: str) -> None:
        with self._lock:
            self._match(tenant, home, item_id, etag)
            del self._items[tenant, home, item_id]

    def commit(self, tenant: str, home: str, writes: Sequence[Write]) -> list[str]:
        if not 0 < len(writes) <= MAX_BATCH_WRITES:
            raise ValueError(f"a batch has 1 to {MAX_BATCH_WRITES} writes")
        require_fitting([write.item for write in writes if not isinstance(write, Delete)])
        with self._lock:
            touched = [(tenant, home, _target(write)) for write in writes]
            before = {key: self._items.get(key) for key in touched}
            changes, etags = len(self.changes), []
            for index, write in enumerate(writes):
                try:
                    etags.append(self._apply(tenant, home, write))
                except (AlreadyExists, PreconditionFailed) as refused:
                    self._restore(before)
                    del self.changes[changes:]
                    raise BatchRefused(index, 409 if isinstance(refused, AlreadyExists) else 412) from None
            return etags

    def _restore(self, before: dict[tuple[str, str, str], Item | None]) -> None:
        for key, item in before.items():
            if item is None:
                self._items.pop(key, None)
            else:
                self._items[key] = item

    def _apply(self, tenant: str, home: str, write: Write) -> str:
        match write:
            case Create(item):
                assert (item["tenant"], item["home"]) == (tenant, home), "a batch stays within one home"
                return self.create(item)
            case Replace(item, etag):
                assert (item["tenant"], item["home"]) == (tenant, home), "a batch stays within one home"
                return self.replace(item, etag)
            case Delete(item_id, etag):
                self.delete(tenant, home, item_id, etag)
                return ""

    def read_many(self, tenant: str, home: str, item_ids: Sequence[str]) -> dict[str, Item]:
        return {item_id: item for item_id in item_ids if (item := self.read(tenant, home, item_id))}

    def query(self, query: Query) -> Iterator[Item]:
        found = [_copied(item) for item in self._matching(query)]
        order = query.order_by
        found.sort(key=lambda item: item["id"])
        if order:
            found.sort(key=lambda item: str(value_at(item, order)), reverse=query.descending)
        return iter(found[: query.limit])

    def count(self, query: Query) -> int:
        return sum(1 for _ in self._matching(query))

    def every(self) -> list[Item]:
        """A copy of all items, whatever their tenant."""
        with self._lock:
            return [_copied(item) for item in self._items.values()]

    def _matching(self, query: Query) -> Iterator[Item]:
        with self._lock:
            items = list(self._items.values())
        for item in items:
            if item["kind"] != query.kind or query.tenant not in (None, item["tenant"]):
                continue
            if query.home not in (None, item["home"]) or not all(holds(each, item) for each in query.where):
                continue
            if query.after is None or self._is_after(query, item):
                yield item

    @staticmethod
    def _is_after(query: Query, item: Item) -> bool:
        assert query.after is not None
        value, item_id = query.after
        if query.order_by is None:
            return bool(item["id"] > item_id)
        found = value_at(item, query.order_by)
        return bool(
            (found < value if query.descending else found > value)
            or (found == value and item["id"] > item_id)
        )

    def _match(self, tenant: str, home: str, item_id: str, etag: str) -> None:
        found = self._items.get((tenant, home, item_id))
        if found is None or found["_etag"] != etag:
            raise PreconditionFailed("The item has changed.")

    def _store(self, item: Item) -> str:
        self._etags += 1
        stored = {**_copied(item), "_etag": f'"{self._etags}"'}
        self._items[item["tenant"], item["home"], item["id"]] = stored
        self.changes.append(stored)
        return str(stored["_etag"])


def _target(write: Write) -> str:
    return write.id if isinstance(write, Delete) else str(write.item["id"])


def _copied(item: Item) -> Item:
    """A deep copy of plain JSON values; `copy.deepcopy` would be most of the time of a long test."""
    return {name: _value(each) for name, each in item.items()}


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return _copied(value)
    if isinstance(value, list):
        return [_value(each) for each in value]
    return value
