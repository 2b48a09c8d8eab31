"""What flows through an expression: elements of FHIR data with their type, and plain values of FHIRPath's own types.

An own value is a Python one: bool, int, Decimal, str, and the classes of `temporal` and `quantity`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

from shared.domain.fhir.fhirpath.quantity import CALENDAR_UNITS, Quantity
from shared.domain.fhir.fhirpath.temporal import read_date, read_date_time, read_time

Items: TypeAlias = Sequence[Any]
"""A collection. Never changed once it is made: the same object may be the result of several evaluations."""

EMPTY: Final[Items] = ()
TRUE: Final[Items] = (True,)
FALSE: Final[Items] = (False,)

UCUM: Final = "http://unitsofmeasure.org"


class Element:
    """A place in FHIR data: its JSON value, its type (`""` where no model tells), and a primitive's `_name` sibling."""

    __slots__ = ("sibling", "type", "value")

    def __init__(self, value: Any, type_name: str = "", sibling: dict[str, Any] | None = None) -> None:
        self.value = value
        self.type = type_name
        self.sibling = sibling

    def __repr__(self) -> str:
        return f"Element({self.type})"


class TypeInfo:
    """What `type()` answers: http://hl7.org/fhirpath/N1/#reflection"""

    __slots__ = ("name", "namespace")

    def __init__(self, namespace: str, name: str) -> None:
        self.namespace = namespace
        self.name = name


def system_value(item: Any) -> Any:
    """`item` as a value of FHIRPath's own types; None for a primitive without value, complex elements as they are."""
    if type(item) is not Element:
        return item
    value = item.value
    if type(value) is dict:
        return _quantity(item, value) if item.type in _QUANTITIES else item
    convert = _CONVERTERS.get(item.type)
    if convert is not None and value.__class__ is str:
        converted = convert(value)
        return value if converted is None else converted
    return decimal(value) if value.__class__ is float else value


def decimal(value: float) -> Decimal:
    """The decimal that a float was most likely written as."""
    return Decimal(repr(value))


def _quantity(element: Element, value: Mapping[str, Any]) -> Any:
    number = value.get("value")
    if (
        isinstance(number, bool)
        or not isinstance(number, int | float | Decimal)
        or value.get("comparator") is not None
    ):
        return element
    amount = decimal(number) if isinstance(number, float) else Decimal(number)
    code, unit = value.get("code"), value.get("unit")
    if value.get("system") == UCUM and isinstance(code, str):
        word = _CALENDAR_CODES.get(code)
        return Quantity(amount, code) if word is None else Quantity(amount, word, is_calendar=True)
    if code is None and isinstance(unit, str) and unit in CALENDAR_UNITS:
        return Quantity(amount, CALENDAR_UNITS[unit], is_calendar=True)
    name = code if isinstance(code, str) else unit
    return Quantity(amount, name if isinstance(name, str) else "1")


_QUANTITIES: Final = frozenset(
    {"Quantity", "SimpleQuantity", "MoneyQuantity", "Age", "Count", "Distance", "Duration"}
)
_CALENDAR_CODES: Final = {"a": "year", "mo": "month", "d": "day", "h": "hour", "min": "minute", "s": "second"}
"""https://hl7.org/fhir/R4/fhirpath.html#quantity: what these codes of a FHIR Quantity mean in FHIRPath."""

_CONVERTERS: Final[dict[str, Callable[[str], Any]]] = {
    "date": read_date,
    "dateTime": read_date_time,
    "instant": read_date_time,
    "time": read_time,
}


def resource_element(resource: dict[str, Any]) -> Element:
    """A resource as an element of the type it names; of none where that is no text."""
    name = resource.get("resourceType")
    return Element(resource, name if isinstance(name, str) else "")
