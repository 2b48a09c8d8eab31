"""http://hl7.org/fhirpath/N1/#aggregates, and the shorthands of https://build.fhir.org/ig/HL7/FHIRPath/#aggregates"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from shared.domain.fhir.fhirpath import arithmetic
from shared.domain.fhir.fhirpath.comparison import order
from shared.domain.fhir.fhirpath.element import EMPTY, Items, system_value
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.functions.registry import Arguments, Operation, function, one_item


@function("aggregate", 1, 2)
def _aggregate(arguments: Arguments) -> Operation:
    step = arguments[0].items
    start = arguments[1].items if len(arguments) > 1 else None

    def operate(env: Environment, items: Items, this: Items) -> Items:
        env.spend(len(items))
        outer_total, outer_index = env.total, env.index
        env.total = start(env, this) if start else EMPTY
        for env.index, item in enumerate(items):
            env.total = step(env, (item,))
        result, env.total, env.index = env.total, outer_total, outer_index
        return result

    return operate


@function("sum")
def _sum(_: Arguments) -> Operation:
    return lambda env, items, this: one_item(_total(items))


@function("avg")
def _avg(_: Arguments) -> Operation:
    def operate(_env: Environment, items: Items, _this: Items) -> Items:
        total = _total(items)
        return EMPTY if total is None else one_item(arithmetic.divide(total, len(items)))

    return operate


@function("min")
def _min(_: Arguments) -> Operation:
    return lambda env, items, this: _extreme(items, lambda found: found < 0)


@function("max")
def _max(_: Arguments) -> Operation:
    return lambda env, items, this: _extreme(items, lambda found: found > 0)


def _total(items: Items) -> Any:
    """The sum, None of nothing and where an item has no value."""
    values = [system_value(item) for item in items]
    return reduce(arithmetic.add, values) if values and None not in values else None


def _extreme(items: Items, is_better: Callable[[int], bool]) -> Items:
    best = EMPTY if None in [system_value(item) for item in items] else items[:1]
    for item in items[1:] if best else EMPTY:
        if is_better(order(item, best[0]) or 0):
            best = (item,)
    return best
