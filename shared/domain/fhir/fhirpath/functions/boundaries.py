"""`lowBoundary`, `highBoundary`, `precision` and `comparable`. https://build.fhir.org/ig/HL7/FHIRPath/#lowboundaryprecision-integer-decimal--date--datetime--time"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from shared.domain.fhir.fhirpath.arithmetic import EXACT
from shared.domain.fhir.fhirpath.element import EMPTY, Element, Items
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.equality import as_quantity
from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.functions.registry import (
    Arguments,
    Operation,
    Predicate,
    function,
    of_value,
    one_integer,
    one_item,
    one_value,
    predicate,
)
from shared.domain.fhir.fhirpath.quantity import Quantity, is_comparable
from shared.domain.fhir.fhirpath.temporal import Date, DateTime, Field, Time, days_in_month, read_date_time

_MOST_DIGITS: Final = 28
_DIGITS: Final = (4, 6, 8, 10, 12, 17)
"""Digits of a date-time by the number of its fields; a time has eight fewer."""
_CLOCK_DIGITS: Final = 8


@predicate("comparable", 1)
def _comparable(arguments: Arguments) -> Predicate:
    def decide(env: Environment, items: Items, this: Items) -> bool | None:
        left, right = as_quantity(one_value(items)), as_quantity(one_value(arguments[0].items(env, this)))
        return None if left is None or right is None else is_comparable(left, right)

    return decide


@of_value("precision")
def _precision(value: Any) -> int | None:
    if isinstance(value, Date | DateTime):
        return _DIGITS[len(value.fields) - 1]
    if isinstance(value, Time):
        return _DIGITS[len(value.fields) + 2] - _CLOCK_DIGITS
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return max(-_exponent(Decimal(value)), 0)
    return None


@function("lowBoundary", 0, 1)
def _low_boundary(arguments: Arguments) -> Operation:
    return _boundary(arguments, is_high=False)


@function("highBoundary", 0, 1)
def _high_boundary(arguments: Arguments) -> Operation:
    return _boundary(arguments, is_high=True)


def _boundary(arguments: Arguments, *, is_high: bool) -> Operation:
    def operate(env: Environment, items: Items, this: Items) -> Items:
        value = _end_of_period(one_value(items), is_high)
        digits = one_integer(arguments[0].items(env, this)) if arguments else None
        if value is None:
            return EMPTY
        return one_item(_bound(value, digits, is_high))

    return operate


def _end_of_period(value: Any, is_high: bool) -> Any:
    """Of a Period the end that is meant, which may be open; anything else as it is."""
    if type(value) is not Element or value.type != "Period" or type(value.value) is not dict:
        return value
    written = value.value.get("end" if is_high else "start")
    return read_date_time(written) if isinstance(written, str) else None


def _bound(value: Any, digits: int | None, is_high: bool) -> Any:
    if isinstance(value, Quantity):
        number = _bound_of_number(value.value, digits, is_high)
        return None if number is None else Quantity(number, value.unit, value.is_calendar)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _bound_of_number(Decimal(value), digits, is_high)
    if isinstance(value, Date | DateTime):
        return _bound_of_day(value, digits, is_high)
    if isinstance(value, Time):
        return _bound_of_time(value, digits, is_high)
    raise FhirPathError("A boundary is asked of something that is no number, date or time.")


def _bound_of_number(number: Decimal, digits: int | None, is_high: bool) -> Decimal | None:
    wanted = 8 if digits is None else digits
    if not 0 <= wanted <= _MOST_DIGITS:
        return None
    half = Decimal(5).scaleb(min(_exponent(number), 0) - 1)
    edge = EXACT.add(number, half if is_high else half.copy_negate())
    bound = edge.quantize(Decimal(1).scaleb(-wanted), ROUND_CEILING if is_high else ROUND_FLOOR, EXACT)
    return bound if bound.is_finite() else None


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


_LAST_SECOND: Final = Decimal("59.999")
_FIRST_SECOND: Final = Decimal("0.000")


def _clock(fields: tuple[Field, ...], is_high: bool) -> tuple[Field, ...]:
    if not fields:
        return (23, 59, _LAST_SECOND) if is_high else (0, 0, _FIRST_SECOND)
    hour, minute = (*fields, 0)[:2]
    second = fields[2] if len(fields) > 2 else (_LAST_SECOND if is_high else _FIRST_SECOND)
    return (
        hour,
        minute,
        second if _has_fraction(second) else second + (Decimal("0.999") if is_high else _FIRST_SECOND),
    )


def _has_fraction(second: Field) -> bool:
    return isinstance(second, Decimal) and second.as_tuple().exponent != 0


def _bound_of_time(value: Time, digits: int | None, is_high: bool) -> Time | None:
    count = _fields_of((digits or 9) + _CLOCK_DIGITS)
    return Time(_clock(value.fields, is_high)[: count - 3]) if count else None


def _bound_of_day(value: Date | DateTime, digits: int | None, is_high: bool) -> Date | DateTime | None:
    wanted = digits or (8 if isinstance(value, Date) else 17)
    count = _fields_of(wanted)
    if count == 0:
        return None
    year = int(value.fields[0])
    month = int(value.fields[1]) if len(value.fields) > 1 else 12 if is_high else 1
    day = int(value.fields[2]) if len(value.fields) > 2 else days_in_month(year, month) if is_high else 1
    whole: tuple[Field, ...] = (year, month, day, *_clock(value.fields[3:], is_high))
    if count <= 3:
        return Date((year, month, day)[:count])
    offset = value.offset if isinstance(value, DateTime) else None
    return DateTime(whole[:count], _widest(is_high) if offset is None else offset)


def _widest(is_high: bool) -> int:
    """The zone in which a clock without one would be last or first: https://hl7.org/fhir has them from -12:00 to +14:00."""
    return -12 * 60 if is_high else 14 * 60


def _fields_of(digits: int) -> int:
    return _DIGITS.index(digits) + 1 if digits in _DIGITS else 0
