"""A quantity of FHIRPath: a number with a UCUM unit or a calendar unit. http://hl7.org/fhirpath/N1/#quantity"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import msgspec

from shared.domain.fhir.fhirpath.temporal import UNITS
from shared.domain.fhir.fhirpath.ucum import Measure, measure

CALENDAR_UNITS: Final[dict[str, str]] = {
    word: singular
    for singular in ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
    for word in (singular, f"{singular}s")
}
"""Each word for a calendar unit → its singular."""

_OF_UCUM: Final = {"wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}
_MONTHS: Final = {"year": 12, "month": 1}
_ZEROS: Final = {
    "K": (Decimal(0), 1, 1),
    "Cel": (Decimal("273.15"), 1, 1),
    "[degF]": (Decimal("459.67"), 5, 9),
}
"""Temperatures: what is added for the zero of Kelvin, then the fraction that a degree is of a Kelvin."""
_TEXT: Final = re.compile(r"([+-]?\d+(?:\.\d+)?)(?:\s*(?:'([^']+)'|([a-z]+)))?")


class Quantity(msgspec.Struct, frozen=True):
    """`unit` is a UCUM code, or a singular word of the calendar where `is_calendar`."""

    value: Decimal
    unit: str
    is_calendar: bool = False

    def __str__(self) -> str:
        if self.is_calendar:
            return f"{self.value:f} {self.unit}"
        return f"{self.value:f} '{self.unit}'"

    @property
    def calendar_unit(self) -> str | None:
        """The calendar unit this is, or that UCUM's definite duration is the same as; None for `a`, `mo` and all else."""
        return self.unit if self.is_calendar else _OF_UCUM.get(self.unit)


def read_quantity(text: str) -> Quantity | None:
    """`1`, `1 day`, `1.5 'mg'`; None for anything else."""
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        return None
    number, code, word = match.groups()
    if word is not None:
        singular = CALENDAR_UNITS.get(word)
        return Quantity(Decimal(number), singular, is_calendar=True) if singular else None
    return Quantity(Decimal(number), code or "1")


def in_same_unit(left: Quantity, right: Quantity) -> tuple[Decimal, Decimal] | None:
    """Both values in a unit that they share; None where there is none, as for a calendar year and UCUM's mean one."""
    if left.unit == right.unit and left.is_calendar == right.is_calendar:
        return left.value, right.value
    if left.is_calendar and right.is_calendar and left.unit in _MONTHS and right.unit in _MONTHS:
        return left.value * _MONTHS[left.unit], right.value * _MONTHS[right.unit]
    if left.is_calendar != right.is_calendar and (_is_long(left) or _is_long(right)):
        return None
    one, other = _measure(left), _measure(right)
    if one.dimension != other.dimension:
        return _in_kelvin(left, right)
    return left.value * one.factor, right.value * other.factor


def _is_long(span: Quantity) -> bool:
    """Whether a time span is a year or a month, whose length depends on the calendar or is a mean."""
    return span.unit in (_MONTHS if span.is_calendar else ("a", "mo"))


def _in_kelvin(left: Quantity, right: Quantity) -> tuple[Decimal, Decimal] | None:
    if left.unit in _ZEROS and right.unit in _ZEROS:
        return _kelvin(left), _kelvin(right)
    return None


def _kelvin(temperature: Quantity) -> Decimal:
    zero, numerator, denominator = _ZEROS[temperature.unit]
    return (temperature.value + zero) * numerator / denominator


def converted(amount: Quantity, unit: Quantity) -> Quantity | None:
    """`amount` in the unit of `unit`; None where they measure different things."""
    values = in_same_unit(amount, Quantity(Decimal(1), unit.unit, unit.is_calendar))
    if values is None:
        return None
    if unit.unit in _ZEROS and amount.unit in _ZEROS and amount.unit != unit.unit:
        zero, numerator, denominator = _ZEROS[unit.unit]
        return Quantity(values[0] * denominator / numerator - zero, unit.unit)
    return Quantity(values[0] / values[1], unit.unit, unit.is_calendar)


def is_comparable(left: Quantity, right: Quantity) -> bool:
    """Whether both measure the same thing."""
    return in_same_unit(left, right) is not None


def is_equivalent(left: Quantity, right: Quantity) -> bool:
    """Equal when rounded to the less precise of both values."""
    values = in_same_unit(_as_calendar(left), _as_calendar(right))
    if values is None:
        return False
    if left.unit in _ZEROS:
        return values[0] == values[1]
    one, other = values
    factor = one / left.value if left.value else Decimal(1)
    other_factor = other / right.value if right.value else Decimal(1)
    step = max(_step(left.value) * factor, _step(right.value) * other_factor)
    return (one / step).to_integral_value(ROUND_HALF_UP) == (other / step).to_integral_value(ROUND_HALF_UP)


def _as_calendar(span: Quantity) -> Quantity:
    word = {"a": "year", "mo": "month"}.get(span.unit)
    return span if word is None or span.is_calendar else Quantity(span.value, word, is_calendar=True)


def key(quantity: Quantity) -> tuple[object, ...]:
    """The same for quantities that are equal, different for others."""
    if quantity.is_calendar and quantity.unit in _MONTHS:
        return ("months", quantity.value * _MONTHS[quantity.unit])
    if quantity.unit in _ZEROS:
        return ("kelvin", _kelvin(quantity))
    size = _measure(quantity)
    return (quantity.value * size.factor, size.dimension)


def multiply(left: Quantity, right: Quantity, exponent: int) -> Quantity:
    """`left` times `right` to the power of 1 or -1, in the product of their units."""
    value = left.value * right.value if exponent == 1 else left.value / right.value
    if right.unit == "1":
        return Quantity(value, left.unit, left.is_calendar)
    if left.unit == "1" and exponent == 1:
        return Quantity(value, right.unit, right.is_calendar)
    product = _measure(left).times(_measure(right), exponent)
    return Quantity(value * product.factor, _unit_text(product))


def _unit_text(product: Measure) -> str:
    return ".".join(f"{unit}{power if power != 1 else ''}" for unit, power in product.dimension) or "1"


def _measure(quantity: Quantity) -> Measure:
    if not quantity.is_calendar:
        return measure(quantity.unit)
    return measure("s").scaled(UNITS[quantity.unit])


def _step(value: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return Decimal(1).scaleb(exponent)
