"""How moto reads a table, without what makes it slow.

moto sorts the whole table for every page of a scan and every query of an index, copies each item that it looks at, turns
it into Python values and back to leave attributes out, and asks the service's model of every attribute how it is written.
To compare ten thousand resources with raw is to look at a hundred thousand items a dozen times.
"""

from __future__ import annotations

import base64
import inspect
import json
from collections.abc import Iterator
from typing import Any, Final

from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import RESULT_SIZE_LIMIT, Table
from moto.dynamodb.responses import DynamoResult

_OF_ITEMS: Final = {"Item", "Items", "Responses"}
"""Answers that have them are written as they are: they are the service's JSON already."""
_PLAIN: Final = (None, None)
"""The segments of a scan that is not divided."""


def make_quick() -> None:
    """Put these in the place of moto's own."""
    Item.__deepcopy__ = _copied
    Item.project = _projected(Item.project)
    Table.scan = _scan_in_place(Table.scan)
    Table.query = _query_of_partition(Table.query)
    Table.all_items = _items_asked_for(Table.all_items)
    DynamoResult.execute_result = _written(DynamoResult.execute_result)


def _copied(item: Item, memo: dict[int, Any]) -> Item:
    """What is in an attribute is replaced and never changed, but for lists and maps, which the platform does not keep."""
    made = Item.__new__(Item)
    memo[id(item)] = made
    made.hash_key, made.range_key = item.hash_key, item.range_key
    made.attrs = _attributes(item.attrs.items())
    return made


def _attributes(pairs: Any) -> LimitedSizeDict:
    """Without measuring what was measured when it was written."""
    attributes = LimitedSizeDict.__new__(LimitedSizeDict)
    dict.update(attributes, pairs)
    return attributes


def _projected(project: Any) -> Any:
    def projected(item: Item, expressions: list[list[str]]) -> Item:
        if any(len(path) != 1 or "[" in path[0] for path in expressions):
            return project(item, expressions)  # of what is inside an attribute
        made = Item.__new__(Item)
        made.hash_key, made.range_key = item.hash_key, item.range_key
        names = [path[0] for path in expressions]
        made.attrs = _attributes((name, item.attrs[name]) for name in names if name in item.attrs)
        return made

    return projected


def _scan_in_place(scan: Any) -> Any:
    parameters = inspect.signature(scan)

    def scanned(table: Table, *args: Any, **more: Any) -> Any:
        given = parameters.bind(table, *args, **more)
        given.apply_defaults()
        asked = given.arguments
        plain = not asked["filters"] and not asked["index_name"] and asked["segments"] == _PLAIN
        if not plain or table.range_key_attr is None:
            return scan(table, *args, **more)
        return _scan(
            table,
            asked["limit"],
            asked["exclusive_start_key"],
            asked["filter_expression"],
            asked["projection_expression"],
        )

    return scanned


def _scan(
    table: Table, limit: int | None, start: dict[str, Any] | None, meant: Any, shown: Any
) -> tuple[list[Item], int, dict[str, Any] | None]:
    """One page: a megabyte of what is looked at, or so many items, of which those that are meant are answered."""
    found: list[Item] = []
    looked, size, last, more = 0, 0, None, None
    for item in _after(table, start):
        size += item.size()
        if last is not None and (size > RESULT_SIZE_LIMIT or looked == limit):
            more = {table.hash_key_attr: last.hash_key, table.range_key_attr: last.range_key}
            break
        looked, last = looked + 1, item
        if meant is None or meant.expr(item):
            found.append(item.project(shown) if shown else item)
    return found, looked, more


def _after(table: Table, start: dict[str, Any] | None) -> Iterator[Item]:
    """The items by partition and sort key, from the first behind `start`."""
    place = None if start is None else _value(start[table.hash_key_attr])
    within = None if start is None else _value(start[table.range_key_attr])
    partitions = {key.value: key for key in table.items if place is None or key.value >= place}
    for partition in sorted(partitions):
        behind = within if partition == place else None
        items = table.items[partitions[partition]]
        rows = {key.value: item for key, item in items.items() if behind is None or key.value > behind}
        yield from (rows[value] for value in sorted(rows))


def _value(key: Any) -> str:
    return str(DynamoType(key).value)


def _query_of_partition(query: Any) -> Any:
    parameters = inspect.signature(query)

    def asked(table: Table, *args: Any, **more: Any) -> Any:
        table.asked_for = _partition_asked_for(table, parameters.bind(table, *args, **more).arguments)
        try:
            return query(table, *args, **more)
        finally:
            table.asked_for = None

    return asked


def _partition_asked_for(table: Table, given: dict[str, Any]) -> DynamoType | None:
    """An index may have the table's own partitions in another order; None for one that has others."""
    if not given.get("index_name"):
        key: DynamoType | None = given["hash_key"]
        return key
    return dict(given.get("hash_key_conditions") or ()).get(table.hash_key_attr)


def _written(execute: Any) -> Any:
    def written(answer: DynamoResult, context: Any) -> Any:
        told = answer.result
        if not isinstance(told, dict) or not _OF_ITEMS & told.keys():
            return execute(answer, context)
        body = json.dumps({key: value for key, value in told.items() if value is not None}, default=_binary)
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, body

    return written


def _binary(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"an attribute holds a {type(value).__name__}")


def _items_asked_for(all_items: Any) -> Any:
    def items(table: Table) -> Iterator[Any]:
        wanted = getattr(table, "asked_for", None)
        if wanted is None:
            yield from all_items(table)
        elif wanted in table.items:
            yield from table.items[wanted].values()

    return items
