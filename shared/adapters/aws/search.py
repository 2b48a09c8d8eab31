"""Answers queries: entries of the index in order, the items they stand for, and what the predicates say of those."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from typing import Any, Final

from shared.adapters.aws.lists import DATED, Entry, ItemList, parse_entry
from shared.adapters.aws.paths import (
    Addressed,
    Everything,
    HomeItems,
    Listed,
    Path,
    address_of,
    bounds,
    path_of,
)
from shared.adapters.aws.stored import Attributes, head_of, is_expired, key_of, partition_of
from shared.adapters.aws.table import MOST_READ, Table
from shared.domain.records import Item, Kind
from shared.names import RECORDS_TABLE_DATE
from shared.ports.matching import holds, value_at
from shared.ports.records import Query

Found = tuple[Item, Attributes]
"""The head of an item, and the attributes it was read from."""
_FEWEST_READ: Final = 10


class Search:
    """Over one table; `now` gives seconds since 1970."""

    def __init__(self, table: Table, now: Callable[[], float]) -> None:
        self._table = table
        self._now = now

    def find(self, query: Query, *, whole: bool) -> Iterator[Found]:
        """The items in order; without their bodies unless `whole`."""
        path = path_of(query)
        rows = self._meant(path, query, whole)
        return islice(rows if _comes_in_order(path, query) else iter(_sorted(rows, query)), query.limit)

    def count(self, query: Query) -> int:
        """How many items match."""
        every = replace(query, limit=None)
        return sum(1 for _ in self._meant(path_of(every), every, whole=False))

    def _meant(self, path: Path, query: Query, whole: bool) -> Iterator[Found]:
        for head, attributes in self._rows(path, query, whole):
            if self._is_meant(query, head, attributes):
                yield head, attributes

    def _is_meant(self, query: Query, head: Item, attributes: Attributes) -> bool:
        return (
            head["kind"] == query.kind
            and query.tenant in (None, head["tenant"])
            and query.home in (None, head["home"])
            and not is_expired(attributes, self._now())
            and all(holds(each, head) for each in query.where)
            and (query.after is None or _is_after(query, head))
        )

    def _rows(self, path: Path, query: Query, whole: bool) -> Iterator[Found]:
        match path:
            case HomeItems(tenant, home, begins):
                kind = Kind(query.kind).value
                rows = self._table.query(partition_of(tenant, home), begins=begins, kind=kind, whole=whole)
            case Listed(lists):
                rows = self._behind(self._entries(lists, query), query, whole)
            case Addressed(tenant, type_, ids):
                rows = iter(self._at_addresses(tenant, type_, ids, whole))
            case Everything():
                rows = self._table.scan(Kind(query.kind).value, whole=whole)
        return ((head_of(row), row) for row in rows if "x" in row)

    def _entries(self, lists: Sequence[ItemList], query: Query) -> Iterator[Entry]:
        """The entries of all partitions as one list in the order asked for, each once."""
        by_date = query.order_by == DATED and all(each.dated for each in lists)
        between = bounds(query, DATED if by_date else lists[0].order)
        if between is not None and between[0] > between[1]:
            return iter(())
        descending = query.descending and query.order_by in (DATED, lists[0].order)
        texts = heapq.merge(
            *(
                self._texts(partition, between, descending, by_date, query.limit)
                for each in lists
                for partition in each.partitions()
            ),
            reverse=descending,
        )
        entries = (parse_entry(text) for text, _ in groupby(texts))
        return _ids_ascending(entries) if descending else entries

    def _texts(
        self,
        partition: str,
        between: tuple[str, str] | None,
        descending: bool,
        by_date: bool,
        limit: int | None,
    ) -> Iterator[str]:
        rows = self._table.query(
            partition,
            between=between,
            descending=descending,
            by_date=by_date,
            page=limit + _FEWEST_READ if limit else None,
        )
        return (row[RECORDS_TABLE_DATE if by_date else "sk"]["S"] for row in rows)

    def _behind(self, entries: Iterator[Entry], query: Query, whole: bool) -> Iterator[Attributes]:
        """The items that entries stand for, in their order, each once.

        An item with another etag stands in the list by another entry, unless it changed after the list was read: what no
        entry led to comes last.
        """
        shown = set()
        changed: dict[tuple[str, str], Attributes] = {}
        size = min(MOST_READ, max(query.limit or MOST_READ, _FEWEST_READ))
        while part := list(islice(entries, size)):
            wanted = dict.fromkeys((each.tenant, each.home, each.id) for each in part)
            keys = [key_of(*each) for each in wanted]
            found = {(row["pk"]["S"], row["sk"]["S"]): row for row in self._table.get_many(keys, whole=whole)}
            for each in part:
                key = (partition_of(each.tenant, each.home), each.id)
                row = found.get(key)
                if row is None or key in shown:
                    continue
                if row["e"]["S"] == each.etag:
                    shown.add(key)
                    yield row
                else:
                    changed[key] = row
            size = MOST_READ
        yield from (row for key, row in changed.items() if key not in shown)

    def _at_addresses(self, tenant: str, type_: str, ids: Sequence[str], whole: bool) -> Iterable[Attributes]:
        """Current items by id, a pointer followed to where it leads."""
        keys = [key_of(tenant, address_of(type_, each), f"{type_}.{each}") for each in dict.fromkeys(ids)]
        there = self._table.get_many(keys, whole=whole)
        heads = [head_of(row) for row in there]
        further = [
            key_of(tenant, head["target"], head["id"]) for head in heads if head["kind"] == Kind.POINTER
        ]
        return [*there, *(self._table.get_many(further, whole=whole) if further else ())]


def _comes_in_order(path: Path, query: Query) -> bool:
    match path:
        case HomeItems():
            return query.order_by is None
        case Listed(lists):
            by_date = query.order_by == DATED and all(each.dated for each in lists)
            return by_date or (query.order_by is not None and query.order_by == lists[0].order)
    return False


def _ids_ascending(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Entries in falling order of their values, those of one value by id."""
    for _, same in groupby(entries, key=lambda each: each.value):
        yield from sorted(same, key=Entry.text)


def _sorted(rows: Iterable[Found], query: Query) -> list[Found]:
    found = sorted(rows, key=lambda row: str(row[0]["id"]))
    if query.order_by is not None:
        found.sort(key=lambda row: _value(query, row[0]), reverse=query.descending)
    return found


def _value(query: Query, head: Item) -> str:
    found: Any = value_at(head, query.order_by or "id")
    return str(found)


def _is_after(query: Query, head: Item) -> bool:
    assert query.after is not None
    value, item_id = query.after
    if query.order_by is None:
        return bool(head["id"] > item_id)
    found = _value(query, head)
    beyond = found < value if query.descending else found > value
    return beyond or (found == value and head["id"] > item_id)
