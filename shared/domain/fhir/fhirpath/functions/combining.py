"""http://hl7.org/fhirpath/N1/#combining, and `sort` of https://build.fhir.org/ig/HL7/FHIRPath/#sort"""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from shared.domain.fhir.fhirpath.code import Code, for_each
from shared.domain.fhir.fhirpath.comparison import order
from shared.domain.fhir.fhirpath.element import Items
from shared.domain.fhir.fhirpath.environment import Environment, require_size
from shared.domain.fhir.fhirpath.functions.existence import distinct
from shared.domain.fhir.fhirpath.functions.registry import Arguments, Operation, function, one
from shared.domain.fhir.fhirpath.syntax import Unary


@function("union", 1)
def _union(arguments: Arguments) -> Operation:
    (other,) = arguments
    return lambda env, items, this: require_size(distinct([*items, *other.items(env, this)]))


@function("combine", 1)
def _combine(arguments: Arguments) -> Operation:
    (other,) = arguments
    return lambda env, items, this: require_size([*items, *other.items(env, this)])


@function("sort", 0, 10, is_loop=True)
def _sort(arguments: Arguments) -> Operation:
    """By each key in turn; a key that begins with `-` goes down. An item without a key comes first either way."""
    keys = [_sort_key(argument) for argument in arguments]

    def operate(env: Environment, items: Items, _this: Items) -> Items:
        env.spend(len(items))
        ordered = list(items)
        if not keys:
            return sorted(ordered, key=cmp_to_key(_compare))
        for code, descends in reversed(keys):
            values = [one(found) for found in for_each(code)(env, ordered)]
            without = [place for place, value in enumerate(values) if value is None]
            having = [place for place, value in enumerate(values) if value is not None]
            having.sort(key=_by_value(values), reverse=descends)
            ordered = [ordered[place] for place in (*without, *having)]
        return ordered

    return operate


def _sort_key(argument: Code) -> tuple[Code, bool]:
    if isinstance(argument.node, Unary) and argument.node.operator == "-":
        return argument.parts[0], True
    return argument, False


def _by_value(values: list[Any]) -> Callable[[int], Any]:
    return cmp_to_key(lambda left, right: _compare(values[left], values[right]))


def _compare(left: Any, right: Any) -> int:
    return order(left, right) or 0
