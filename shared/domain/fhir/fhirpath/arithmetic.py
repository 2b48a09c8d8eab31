"""`+`, `-`, `*`, `/`, `div`, `mod` and `&`, exact in decimals. http://hl7.org/fhirpath/N1/#math

None is empty: what cannot be computed, as a division by zero, and what no FHIR type could hold.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Context, Decimal, InvalidOperation
from functools import partial
from typing import Any, Final

from shared.domain.fhir.fhirpath import quantity, temporal
from shared.domain.fhir.fhirpath.environment import require_text
from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.quantity import Quantity
from shared.domain.fhir.fhirpath.temporal import Date, DateTime, Time

EXACT: Final = Context(prec=120, Emax=9_999, Emin=-9_999, traps=[])
"""Enough for every sum and product of numbers as FHIR writes them (at most 18 digits, and more in practice)."""
DIVISION: Final = Context(prec=28, Emax=9_999, Emin=-9_999, traps=[])
_INTEGER_LIMIT: Final = 10**40
_SPAN_DIGITS: Final = 15
"""Beyond the years 1 to 9999 even in milliseconds."""

Number = int | Decimal


def add(left: Any, right: Any) -> Any:
    """Numbers, texts, quantities of one dimension, and a date or time with a time span."""
    if isinstance(left, str) and isinstance(right, str):
        return join(left, right)
    if isinstance(left, Date | DateTime | Time) and isinstance(right, Quantity):
        return _moved(left, right, 1)
    return _sum(left, right, 1)


def subtract(left: Any, right: Any) -> Any:
    """As `add`, without texts."""
    if isinstance(left, Date | DateTime | Time) and isinstance(right, Quantity):
        return _moved(left, right, -1)
    return _sum(left, right, -1)


def join(left: str, right: str) -> str:
    """Both texts, one after the other."""
    require_text(len(left) + len(right))
    return left + right


def _sum(left: Any, right: Any, sign: int) -> Any:
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        if left.unit == right.unit and left.is_calendar == right.is_calendar:
            return Quantity(_signed_sum(left.value, right.value, sign), left.unit, left.is_calendar)
        values = quantity.in_same_unit(left, right)
        if values is None:
            return None
        one, other = values
        factor = EXACT.divide(one, left.value) if left.value else Decimal(1)
        return Quantity(EXACT.divide(_signed_sum(one, other, sign), factor), left.unit, left.is_calendar)
    return _numeric(left, right, lambda one, other: one + sign * other, partial(_signed_sum, sign=sign))


def _signed_sum(one: Decimal, other: Decimal, sign: int) -> Decimal:
    return EXACT.add(one, other) if sign > 0 else EXACT.subtract(one, other)


def multiply(left: Any, right: Any) -> Any:
    """Numbers and quantities."""
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        return _product(left, right, 1)
    return _numeric(left, right, lambda one, other: one * other, EXACT.multiply)


def divide(left: Any, right: Any) -> Any:
    """Numbers and quantities; the result of numbers is a decimal."""
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        return _product(left, right, -1)
    _require_numbers(left, right)
    return _finite(DIVISION.divide(Decimal(left), Decimal(right)))


def whole_quotient(left: Any, right: Any) -> Any:
    """`div`: the quotient without its fraction."""
    _require_numbers(left, right)
    quotient = _finite(EXACT.divide_int(Decimal(left), Decimal(right)))
    return None if quotient is None else integer(quotient)


def remainder(left: Any, right: Any) -> Any:
    """`mod`: what a truncated division leaves."""
    _require_numbers(left, right)
    rest = _finite(EXACT.remainder(Decimal(left), Decimal(right)))
    return integer(rest) if rest is not None and isinstance(left, int) and isinstance(right, int) else rest


def negate(value: Any) -> Any:
    """Numbers and quantities."""
    if isinstance(value, Quantity):
        return Quantity(value.value.copy_negate(), value.unit, value.is_calendar)
    _require_numbers(value, value)
    return -value if isinstance(value, int) else value.copy_negate()


def integer(value: Decimal) -> int | None:
    """`value` without its fraction; None beyond any integer."""
    return int(value.to_integral_value(ROUND_DOWN)) if abs(value) < _INTEGER_LIMIT else None


def _numeric(
    left: Any, right: Any, whole: Callable[[int, int], int], exact: Callable[[Decimal, Decimal], Decimal]
) -> Number | None:
    _require_numbers(left, right)
    if isinstance(left, int) and isinstance(right, int):
        result = whole(left, right)
        return result if abs(result) < _INTEGER_LIMIT else None
    return _finite(exact(Decimal(left), Decimal(right)))


def _finite(value: Decimal) -> Decimal | None:
    return value if value.is_finite() else None


def _require_numbers(*values: Any) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise FhirPathError("An arithmetic operator is given values that it does not take.")


def _product(left: Any, right: Any, exponent: int) -> Quantity | None:
    amounts = [
        value if isinstance(value, Quantity) else Quantity(Decimal(value), "1")
        for value in _countable(left, right)
    ]
    if exponent < 0 and not amounts[1].value:
        return None
    try:
        return quantity.multiply(amounts[0], amounts[1], exponent)
    except InvalidOperation:
        return None


def _countable(*values: Any) -> tuple[Any, ...]:
    _require_numbers(*(value for value in values if not isinstance(value, Quantity)))
    return values


def _moved(moment: temporal.Temporal, span: Quantity, sign: int) -> temporal.Temporal | None:
    unit = span.calendar_unit
    if unit is None and span.unit in temporal.UNITS:
        unit = span.unit
    if unit is None:
        raise FhirPathError("A date or time is moved by a quantity that is no calendar duration.")
    if span.value.adjusted() > _SPAN_DIGITS:
        return None
    return temporal.add(moment, span.value * sign, unit)
