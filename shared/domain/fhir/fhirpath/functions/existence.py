"""http://hl7.org/fhirpath/N1/#existence"""

from __future__ import annotations

from collections.abc import Hashable, Set
from typing import Any, Final

from shared.domain.fhir.fhirpath.code import boolean, for_each_truth
from shared.domain.fhir.fhirpath.element import Element, Items
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.equality import key
from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.functions.registry import (
    Arguments,
    Operation,
    Predicate,
    function,
    predicate,
)

_LARGE: Final = 8


@predicate("empty")
def _empty(_: Arguments) -> Predicate:
    return lambda env, items, this: not items


@predicate("exists", 0, 1, is_loop=True)
def _exists(arguments: Arguments) -> Predicate:
    if not arguments:
        return lambda env, items, this: bool(items)
    decide = for_each_truth(arguments[0])
    return lambda env, items, this: True in decide(env, items)


@predicate("all", 1, is_loop=True)
def _all(arguments: Arguments) -> Predicate:
    decide = for_each_truth(arguments[0])
    return lambda env, items, this: all(decide(env, items))


@predicate("not")
def _not(_: Arguments) -> Predicate:
    def decide(_env: Environment, items: Items, _this: Items) -> bool | None:
        truth = boolean(items)
        return None if truth is None else not truth

    return decide


def _booleans(items: Items) -> list[bool]:
    values = [item.value if type(item) is Element else item for item in items]
    if not all(isinstance(value, bool) for value in values):
        raise FhirPathError("A function that takes booleans is given something else.")
    return values


@predicate("allTrue")
def _all_true(_: Arguments) -> Predicate:
    return lambda env, items, this: all(_booleans(items))


@predicate("anyTrue")
def _any_true(_: Arguments) -> Predicate:
    return lambda env, items, this: any(_booleans(items))


@predicate("allFalse")
def _all_false(_: Arguments) -> Predicate:
    return lambda env, items, this: not any(_booleans(items))


@predicate("anyFalse")
def _any_false(_: Arguments) -> Predicate:
    return lambda env, items, this: not all(_booleans(items))


@predicate("subsetOf", 1)
def _subset_of(arguments: Arguments) -> Predicate:
    (other,) = arguments
    return lambda env, items, this: keys_of(env, items) <= keys_of(env, other.items(env, this))


@predicate("supersetOf", 1)
def _superset_of(arguments: Arguments) -> Predicate:
    (other,) = arguments
    return lambda env, items, this: keys_of(env, items) >= keys_of(env, other.items(env, this))


@function("count")
def _count(_: Arguments) -> Operation:
    return lambda env, items, this: (len(items),)


def keys_of(env: Environment, items: Items) -> Set[Hashable]:
    """The keys of a collection. Those of a large one are kept: it is often the same for each item of a loop."""
    if len(items) < _LARGE:
        return {key(item) for item in items}
    held = env.kept_keys.get(id(items))
    if held is None or held[0] is not items:
        env.spend(len(items))
        held = env.kept_keys[id(items)] = (items, {key(item) for item in items})
    return held[1]


def distinct(items: Items) -> Items:
    """The first of each set of equal items, in order."""
    if len(items) < 2:
        return items
    if len(items) == 2 and not _may_be_equal(*items):
        return items
    found: dict[Hashable, Any] = {}
    for item in items:
        found.setdefault(key(item), item)
    return list(found.values())


def _may_be_equal(one: Any, other: Any) -> bool:
    """False where two objects differ at a glance: the key of a large one, as of a snapshot, holds all that is in it."""
    if type(one) is not Element or type(other) is not Element:
        return True
    left, right = one.value, other.value
    if type(left) is not dict or type(right) is not dict or len(left) != len(right):
        return type(left) is type(right) and type(left) is not dict
    return all(
        name in right and (type(value) is not list or len(value) == len(right[name]))
        for name, value in left.items()
    )


@function("distinct")
def _distinct(_: Arguments) -> Operation:
    return lambda env, items, this: distinct(items)


@predicate("isDistinct")
def _is_distinct(_: Arguments) -> Predicate:
    return lambda env, items, this: len({key(item) for item in items}) == len(items)
