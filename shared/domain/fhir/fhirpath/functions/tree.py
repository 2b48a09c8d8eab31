"""http://hl7.org/fhirpath/N1/#tree-navigation"""

from __future__ import annotations

from typing import Any

from shared.domain.fhir.fhirpath.element import Items
from shared.domain.fhir.fhirpath.environment import Environment, require_size
from shared.domain.fhir.fhirpath.functions.registry import Arguments, Operation, function


def _children(env: Environment, items: Items) -> list[Any]:
    all_children = env.schema.all_children
    return [child for item in items for child in all_children(item)]


@function("children")
def _all_children(_: Arguments) -> Operation:
    return lambda env, items, this: _children(env, items)


@function("descendants")
def _descendants(_: Arguments) -> Operation:
    """Level by level, as `repeat(children())` would without its search for equals: no two places of a tree are the same."""

    def operate(env: Environment, items: Items, _this: Items) -> Items:
        found: list[Any] = []
        level: Items = items
        while level:
            level = _children(env, level)
            env.spend(len(level))
            found.extend(level)
        return require_size(found)

    return operate
