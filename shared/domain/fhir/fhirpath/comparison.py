"""`<`, `<=`, `>` and `>=`. http://hl7.org/fhirpath/N1/#comparison"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from shared.domain.fhir.fhirpath import quantity, temporal
from shared.domain.fhir.fhirpath.element import Element, Items
from shared.domain.fhir.fhirpath.equality import as_quantity, pair
from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.quantity import Quantity
from shared.domain.fhir.fhirpath.temporal import Date, DateTime, Time

_DAYS: Final = frozenset({"date", "dateTime", "instant"})
_DAY_LENGTH: Final = len("2012-04-15")


def compare(left: Items, right: Items) -> int | None:
    """-1, 0 or 1 for two single items; None where one is missing or precision, zones or units leave it open."""
    if not left or not right:
        return None
    if len(left) > 1 or len(right) > 1:
        raise FhirPathError("A comparison takes single values, and is given several.")
    return order(left[0], right[0])


def order(left: Any, right: Any) -> int | None:
    """As `compare`, of two items. Raises FhirPathError where their types have no common order."""
    if type(left) is Element and type(right) is Element and left.type == right.type and left.type in _DAYS:
        known = _order_of_texts(left.value, right.value)
        if known is not None:
            return known
    one, other = pair(left, right)
    if one is None or other is None:
        return None
    if (isinstance(one, str) and isinstance(other, str)) or (_is_number(one) and _is_number(other)):
        return int(one > other) - int(one < other)
    if isinstance(one, Date | DateTime) and isinstance(other, Date | DateTime):
        return temporal.compare(one, other)
    if isinstance(one, Time) and isinstance(other, Time):
        return temporal.compare(one, other)
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        return _order_of_quantities(one, other)
    raise FhirPathError("A comparison is given values of types that have no common order.")


def _order_of_texts(left: object, right: object) -> int | None:
    """The order of dates as they are written, where that decides: in the same precision and zone, or before either ends.

    Reading two date-times costs ten times as much, and nearly every period of real data is decided here.
    """
    if not isinstance(left, str) or not isinstance(right, str):
        return None
    if len(left) <= _DAY_LENGTH and len(right) <= _DAY_LENGTH:
        length = min(len(left), len(right))
        left, right = left[:length], right[:length]
        return None if left == right else 1 if left > right else -1
    if len(left) == len(right) and left[-1] == right[-1] == "Z":
        return (left > right) - (left < right)
    return None


def _order_of_quantities(one: Any, other: Any) -> int | None:
    left, right = as_quantity(one), as_quantity(other)
    if left is None or right is None:
        raise FhirPathError("A quantity is compared with something that is none.")
    values = quantity.in_same_unit(left, right)
    return None if values is None else (values[0] > values[1]) - (values[0] < values[1])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
