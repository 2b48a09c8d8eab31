"""Which type an item has, and whether it is one that an expression names. http://hl7.org/fhirpath/N1/#types

A bare name means FHIR's type for elements and FHIRPath's own for values: `active is boolean`, `true is Boolean`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from shared.domain.fhir.fhirpath.element import Element, TypeInfo, system_value
from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.navigation import Schema
from shared.domain.fhir.fhirpath.quantity import Quantity
from shared.domain.fhir.fhirpath.syntax import Call, Member, Node, TypeName
from shared.domain.fhir.fhirpath.temporal import Date, DateTime, Time

TypeTest: TypeAlias = Callable[[Schema, Any], bool]

_OWN: Final[dict[type, str]] = {
    bool: "Boolean", int: "Integer", str: "String", Date: "Date", DateTime: "DateTime", Time: "Time", Quantity: "Quantity",
}  # fmt: skip
_OWN_NAMES: Final = frozenset({*_OWN.values(), "Decimal", "Any"})


_NONE: Final[dict[str, bool]] = {}


def type_of(item: Any) -> TypeInfo:
    """The type of any item; an element that no model types has the own type of its value, `Object` if it is complex."""
    if type(item) is Element:
        if item.type:
            return TypeInfo("FHIR", item.type)
        item = system_value(item)
        if type(item) is Element or item is None:
            return TypeInfo("System", "Object")
    name = _OWN.get(type(item)) or ("Decimal" if isinstance(item, Decimal) else "TypeInfo")
    return TypeInfo("System", name)


def type_name(node: Node) -> TypeName:
    """The type that an argument of `is`, `as` or `ofType` names."""
    if isinstance(node, Member) and node.source is None:
        return TypeName("", node.name)
    if isinstance(node, Member) and isinstance(node.source, Member) and node.source.source is None:
        return TypeName(node.source.name, node.name)
    raise FhirPathError("A type is expected: `Patient`, `FHIR.Patient` or `System.String`.", at=node.at)


def is_test(wanted: TypeName) -> TypeTest:
    """Whether an item is of a type or one derived from it."""
    return _test(wanted, exact=False)


def as_test(wanted: TypeName) -> TypeTest:
    """As `is_test`, but no primitive is taken for the one it is derived from: a `code` is not cast to `string`.

    R4 counts on it: dom-3 asks for `as(uri)`, `as(url)` and `as(canonical)` one by one.
    """
    return _test(wanted, exact=True)


def _test(wanted: TypeName, *, exact: bool) -> TypeTest:
    name, namespace = wanted.name, wanted.namespace
    if namespace not in ("", "FHIR", "System"):
        raise FhirPathError("A type's namespace is FHIR or System.")

    key = f"{namespace}.{name}{'!' if exact else ''}"

    def is_of(schema: Schema, type_name: str) -> bool:
        model = schema.model
        if namespace == "System" or type_name == name or model is None:
            return namespace != "System" and type_name == name
        _require_known(schema, wanted)
        return not (exact and type_name[0].islower()) and model.is_subtype(type_name, name)

    def test(schema: Schema, item: Any) -> bool:
        if type(item) is Element and item.type:
            answer = schema.answers.get(key, _NONE).get(item.type)
            if answer is None:
                answer = is_of(schema, item.type)
                schema.answers.setdefault(key, {})[item.type] = answer
            return answer
        if namespace != "FHIR" and name in _OWN_NAMES:
            return type_of(item).name == name or name == "Any"
        _require_known(schema, wanted)
        return False

    return test


def _require_known(schema: Schema, wanted: TypeName) -> None:
    known = (
        wanted.namespace == "System"
        or wanted.name in _OWN_NAMES
        or schema.model is None
        or schema.is_known(wanted.name)
    )
    if not known:
        raise FhirPathError("The expression names a type that does not exist.")


def is_type_argument(call: Call) -> bool:
    """Whether the arguments of a function are types and not expressions."""
    return call.name in ("is", "as", "ofType", "getReferenceKey")
