"""Queries as Cosmos SQL: every value a parameter, every path from the code."""

from __future__ import annotations

from typing import Any

from shared.domain.records import Kind
from shared.ports.records import AllOf, AnyOf, Compare, Has, In, Not, Predicate, Query


class _Text:
    def __init__(self) -> None:
        self.parameters: list[dict[str, Any]] = []

    def value(self, value: object) -> str:
        name = f"@p{len(self.parameters)}"
        self.parameters.append({"name": name, "value": value})
        return name

    def predicate(self, predicate: Predicate) -> str:
        match predicate:
            case Has(path, value):
                return f"ARRAY_CONTAINS({_path(path)}, {self.value(value)})"
            case Compare(path, op, value):
                return f"{_path(path)} {op} {self.value(value)}"
            case In(path, values):
                return (
                    f"{_path(path)} IN ({', '.join(self.value(value) for value in values)})"
                    if values
                    else "false"
                )
            case AnyOf(predicates):
                return (
                    "(" + " OR ".join(self.predicate(each) for each in predicates) + ")"
                    if predicates
                    else "false"
                )
            case AllOf(predicates):
                return (
                    "(" + " AND ".join(self.predicate(each) for each in predicates) + ")"
                    if predicates
                    else "true"
                )
            case Not(inner):
                return f"NOT ({self.predicate(inner)})"


def _path(path: str) -> str:
    return "c" + "".join(f'["{step}"]' for step in path.split("."))


def _where(query: Query, text: _Text) -> str:
    parts = [f"c.kind = {text.value(Kind(query.kind).value)}"]
    if query.tenant is not None and query.home is None:
        parts.append(f"c.tenant = {text.value(query.tenant)}")
    parts += [text.predicate(each) for each in query.where]
    if query.after is not None:
        value, item_id = query.after
        beyond = "<" if query.descending else ">"
        if query.order_by is None:
            parts.append(f"c.id > {text.value(item_id)}")
        else:
            path = _path(query.order_by)
            name = text.value(value)
            parts.append(f"({path} {beyond} {name} OR ({path} = {name} AND c.id > {text.value(item_id)}))")
    return " AND ".join(parts)


def select(query: Query) -> tuple[str, list[dict[str, Any]]]:
    """The text and parameters that find a query's items."""
    text = _Text()
    top = f"TOP {text.value(query.limit)} " if query.limit is not None else ""
    where = _where(query, text)
    direction = "DESC" if query.descending else "ASC"
    order = f"{_path(query.order_by)} {direction}, c.id ASC" if query.order_by else "c.id ASC"
    return f"SELECT {top}* FROM c WHERE {where} ORDER BY {order}", text.parameters  # noqa: S608 - values are parameters


def count(query: Query) -> tuple[str, list[dict[str, Any]]]:
    """The text and parameters that count a query's items."""
    text = _Text()
    return f"SELECT VALUE COUNT(1) FROM c WHERE {_where(query, text)}", text.parameters  # noqa: S608 - values are parameters
