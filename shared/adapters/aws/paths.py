"""By which way a query is answered: the access patterns of the table (docs/aws.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.adapters.aws import lists
from shared.adapters.aws.lists import ItemList
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Kind
from shared.ports.records import AllOf, AnyOf, Compare, Has, In, Predicate, Query


@dataclass(frozen=True, slots=True)
class HomeItems:
    """The items of one home whose id begins so, in order of their ids."""

    tenant: str
    home: str
    begins: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """What stands in at least one of some lists, all in the same order."""

    lists: tuple[ItemList, ...]


@dataclass(frozen=True, slots=True)
class Addressed:
    """Resources by their ids, each where its id says or where a pointer there leads."""

    tenant: str
    type: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Everything:
    """The whole table: for tools that look at everything anyway, and for nothing that the API does."""


Path = HomeItems | Listed | Addressed | Everything
_BEGINS: Final = {Kind.STATE: "state.", Kind.STAY: "state.", Kind.READINGS: "state.", Kind.ALERT: "alert."}


def path_of(query: Query) -> Path:
    """The cheapest way that leaves out nothing; what it finds beside is for the predicates to leave out."""
    where = list(conjuncts(query.where))
    if query.tenant is not None and query.home is not None:
        return _of_home(query.kind, query.tenant, query.home, where)
    if query.tenant is not None and (found := _of_tenant(query.kind, query.tenant, where)):
        return found
    listed = _of_platform(query.kind, where)
    return Listed((listed,)) if listed else Everything()


def conjuncts(predicates: tuple[Predicate, ...]) -> Iterator[Predicate]:
    """Everything that must hold, `AllOf` taken apart."""
    for predicate in predicates:
        if isinstance(predicate, AllOf):
            yield from conjuncts(predicate.predicates)
        else:
            yield predicate


def bounds(query: Query, order: str) -> tuple[str, str] | None:
    """Between which sort keys the entries of a list in order of `order` can be, as far as the query says it."""
    lows, highs = [" "], ["\U0010ffff"]
    for each in conjuncts(query.where):
        if isinstance(each, Compare) and each.path == order and isinstance(each.value, str):
            # A space follows the value in the key, and "!" is the first sign that sorts after it.
            if each.op in (">", ">=", "="):
                lows.append(each.value + ("!" if each.op == ">" else " "))
            if each.op in ("<", "<=", "="):
                highs.append(each.value + (" " if each.op == "<" else "!"))
    if query.after is not None and query.order_by == order:
        value, item_id = query.after
        if query.descending:
            highs.append(f"{value}!")
        else:
            lows.append(f"{value} {item_id}!")
    low, high = max(lows), min(highs)
    return None if (low, high) == (lows[0], highs[0]) else (low, high)


def _of_home(kind: Kind, tenant: str, home: str, where: list[Predicate]) -> Path:
    type_, rid = _equal(where, "type"), _equal(where, "rid")
    if kind == Kind.CURRENT and type_ and _compares(where, lists.UNTIL):
        return Listed((lists.of_home(tenant, home, type_),))
    if kind == Kind.TOLD and _compares(where, lists.NUMBER):
        return Listed((lists.told(tenant, home),))
    if kind in (Kind.CURRENT, Kind.HISTORY) and type_:
        return HomeItems(tenant, home, f"{type_}.{rid}" if rid else f"{type_}.")
    return HomeItems(tenant, home, _BEGINS.get(kind, ""))


def _of_tenant(kind: Kind, tenant: str, where: list[Predicate]) -> Path | None:
    type_, rid = _equal(where, "type"), _equal(where, "rid")
    if kind == Kind.HISTORY and type_ and rid:
        return Listed((lists.of_versions(tenant, type_, rid),))
    if kind != Kind.CURRENT or not type_ or Compare("deleted", "=", False) not in where:
        return None
    for each in where:
        if isinstance(each, In) and each.path == "rid":
            return Addressed(tenant, type_, each.values)
    if rid:
        return Addressed(tenant, type_, (rid,))
    candidates = [found for each in where if (found := _lists(tenant, type_, each))]
    candidates.append((lists.of_type(tenant, type_),))
    # min() takes the first of equals: the type's own list, which is the longest, comes last.
    return Listed(min(candidates, key=lambda found: sum(each.shards for each in found)))


def _lists(tenant: str, type_: str, predicate: Predicate) -> tuple[ItemList, ...]:
    """Lists that together have whatever satisfies a predicate; none where the index does not help."""
    match predicate:
        case Has("ix.t", token):
            found = lists.of_token(tenant, type_, token)
            return (found,) if found else ()
        case Has("ix.r", reference):
            return (lists.of_subject(tenant, type_, reference.partition("|")[2]),)
        case AnyOf(predicates):
            parts = [_lists(tenant, type_, each) for each in predicates]
            return tuple(dict.fromkeys(each for part in parts for each in part)) if all(parts) else ()
    return ()


def _of_platform(kind: Kind, where: list[Predicate]) -> ItemList | None:
    if kind in (Kind.CURRENT, Kind.HISTORY) and _equal(where, "door") == "http":
        return lists.by_http(kind)
    if kind == Kind.INTENT and _equal(where, "status") in lists.UNFINISHED:
        return lists.INTENTS
    if kind == Kind.POINTER and Compare("moving", "=", True) in where:
        return lists.MOVES
    return {Kind.LEDGER: lists.FILES, Kind.STAY: lists.STAYS}.get(kind)


def _equal(where: list[Predicate], path: str) -> str:
    """The text that a path must have; empty where none is demanded."""
    for each in where:
        if isinstance(each, Compare) and each.path == path and each.op == "=" and isinstance(each.value, str):
            return str(each.value)
    return ""


def _compares(where: list[Predicate], path: str) -> bool:
    """Whether an item without a value at the path cannot be meant."""
    return any(isinstance(each, Compare) and each.path == path for each in where)


def address_of(type_: str, id_: str) -> str:
    """The home where an id is looked up first."""
    return ResourceKey(type_, id_).address
