"""http://hl7.org/fhirpath/N1/#utility-functions: `trace` says nothing, and the clock is the caller's."""

from __future__ import annotations

from shared.domain.fhir.fhirpath.element import Items
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.functions.registry import Arguments, Operation, function
from shared.domain.fhir.fhirpath.temporal import Time, of_day, of_instant


@function("trace", 1, 2)
def _trace(_: Arguments) -> Operation:
    """The input as it is. Nothing is written anywhere: what flows through an expression is a person's data."""
    return lambda env, items, this: items


@function("now")
def _now(_: Arguments) -> Operation:
    return lambda env, items, this: (of_instant(env.require_now()),)


@function("today")
def _today(_: Arguments) -> Operation:
    return lambda env, items, this: (of_day(env.require_now().date()),)


@function("timeOfDay")
def _time_of_day(_: Arguments) -> Operation:
    def operate(env: Environment, _items: Items, _this: Items) -> Items:
        return (Time(of_instant(env.require_now()).fields[3:]),)

    return operate
