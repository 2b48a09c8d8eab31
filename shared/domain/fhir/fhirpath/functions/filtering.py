"""http://hl7.org/fhirpath/N1/#filtering-and-projection"""

from __future__ import annotations

from itertools import chain

from shared.domain.fhir.fhirpath.code import for_each, for_each_truth
from shared.domain.fhir.fhirpath.element import EMPTY, Items
from shared.domain.fhir.fhirpath.environment import Environment, require_size
from shared.domain.fhir.fhirpath.equality import key
from shared.domain.fhir.fhirpath.functions.registry import Arguments, Operation, function


@function("where", 1, is_loop=True)
def _where(arguments: Arguments) -> Operation:
    decide = for_each_truth(arguments[0])

    def operate(env: Environment, items: Items, _this: Items) -> Items:
        if not items:
            return EMPTY
        return [item for item, holds in zip(items, decide(env, items), strict=True) if holds]

    return operate


@function("select", 1, is_loop=True)
def _select(arguments: Arguments) -> Operation:
    project = for_each(arguments[0])

    def operate(env: Environment, items: Items, _this: Items) -> Items:
        return require_size(list(chain.from_iterable(project(env, items))))

    return operate


@function("repeat", 1, is_loop=True)
def _repeat(arguments: Arguments) -> Operation:
    """Each item once: what was found before is not followed again, so that only ever new items go on without end."""
    project = for_each(arguments[0])

    def operate(env: Environment, items: Items, _this: Items) -> Items:
        found = {}
        level = items
        while level:
            new = []
            for item in chain.from_iterable(project(env, level)):
                identity = key(item)
                if identity not in found:
                    found[identity] = item
                    new.append(item)
            env.spend(4 * len(new))
            level = require_size(new)
        return list(found.values())

    return operate
