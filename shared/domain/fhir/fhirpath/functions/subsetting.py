"""http://hl7.org/fhirpath/N1/#subsetting"""

from __future__ import annotations

from shared.domain.fhir.fhirpath.element import EMPTY, Items
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.equality import key
from shared.domain.fhir.fhirpath.functions.existence import distinct, keys_of
from shared.domain.fhir.fhirpath.functions.registry import Arguments, Operation, function, one, one_integer


@function("single")
def _single(_: Arguments) -> Operation:
    def operate(_env: Environment, items: Items, _this: Items) -> Items:
        one(items)
        return items

    return operate


@function("first")
def _first(_: Arguments) -> Operation:
    return lambda env, items, this: items[:1]


@function("last")
def _last(_: Arguments) -> Operation:
    return lambda env, items, this: items[-1:]


@function("tail")
def _tail(_: Arguments) -> Operation:
    return lambda env, items, this: items[1:]


@function("skip", 1)
def _skip(arguments: Arguments) -> Operation:
    (number,) = arguments
    return lambda env, items, this: items[max(one_integer(number.items(env, this)) or 0, 0) :]


@function("take", 1)
def _take(arguments: Arguments) -> Operation:
    (number,) = arguments
    return lambda env, items, this: items[: max(one_integer(number.items(env, this)) or 0, 0)]


@function("intersect", 1)
def _intersect(arguments: Arguments) -> Operation:
    (other,) = arguments

    def operate(env: Environment, items: Items, this: Items) -> Items:
        if not items:
            return EMPTY
        there = keys_of(env, other.items(env, this))
        return distinct([item for item in items if key(item) in there])

    return operate


@function("exclude", 1)
def _exclude(arguments: Arguments) -> Operation:
    (other,) = arguments

    def operate(env: Environment, items: Items, this: Items) -> Items:
        there = keys_of(env, other.items(env, this))
        return [item for item in items if key(item) not in there]

    return operate
