"""`is`, `as`, `ofType` and `type`. http://hl7.org/fhirpath/N1/#types-and-reflection"""

from __future__ import annotations

from shared.domain.fhir.fhirpath.element import EMPTY, Element, Items
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.functions.registry import (
    Arguments,
    Operation,
    Predicate,
    function,
    one,
    predicate,
)
from shared.domain.fhir.fhirpath.types import TypeTest, as_test, is_test, type_name, type_of


def decide_is(test: TypeTest) -> Predicate:
    """Whether the single item is of a type; empty for none."""

    def decide(env: Environment, items: Items, _this: Items) -> bool | None:
        return test(env.schema, one(items)) if items else None

    return decide


def operate_as(test: TypeTest) -> Operation:
    """The items that are of a type.

    The specification takes `as` for single items alone; R4's own invariants (dom-3) apply it to many, and mean this.
    """

    def operate(env: Environment, items: Items, _this: Items) -> Items:
        schema = env.schema
        return [item for item in items if test(schema, item)] if items else EMPTY

    return operate


@predicate("is", 1)
def _is(arguments: Arguments) -> Predicate:
    return decide_is(is_test(type_name(arguments[0].node)))


@function("as", 1)
def _as(arguments: Arguments) -> Operation:
    return operate_as(as_test(type_name(arguments[0].node)))


@function("ofType", 1)
def _of_type(arguments: Arguments) -> Operation:
    return operate_as(as_test(type_name(arguments[0].node)))


@function("type")
def _type(_: Arguments) -> Operation:
    return lambda env, items, this: [type_of(item) for item in items if not _is_nothing(item)]


def _is_nothing(item: object) -> bool:
    return type(item) is Element and item.value is None and not item.type
