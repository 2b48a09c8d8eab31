"""http://hl7.org/fhirpath/N1/#math-1: empty for what has no real result or one beyond any FHIR number."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from shared.domain.fhir.fhirpath.arithmetic import DIVISION, EXACT, integer
from shared.domain.fhir.fhirpath.element import EMPTY, Items
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.functions.registry import (
    Arguments,
    Operation,
    function,
    of_value,
    one_integer,
    one_item,
    one_number,
    one_value,
)
from shared.domain.fhir.fhirpath.quantity import Quantity

_MOST_DIGITS = 100


def _of_number(name: str, compute: Callable[[Decimal], Decimal | int | None]) -> None:
    def bind(_: Arguments) -> Operation:
        def operate(_env: Environment, items: Items, _this: Items) -> Items:
            number = one_number(items)
            return EMPTY if number is None else one_item(_real(compute(Decimal(number))))

        return operate

    function(name)(bind)


def _real(value: Decimal | int | None) -> Decimal | int | None:
    return None if isinstance(value, Decimal) and not value.is_finite() else value


def _rounded(mode: str) -> Callable[[Decimal], int | None]:
    return lambda number: integer(number.to_integral_value(mode))


_of_number("ceiling", _rounded(ROUND_CEILING))
_of_number("floor", _rounded(ROUND_FLOOR))
_of_number("truncate", _rounded(ROUND_DOWN))
_of_number("exp", DIVISION.exp)
_of_number("ln", DIVISION.ln)
_of_number("sqrt", lambda number: DIVISION.sqrt(number) if number >= 0 else None)


@of_value("abs")
def _abs(value: Any) -> Any:
    if isinstance(value, Quantity):
        return Quantity(value.value.copy_abs(), value.unit, value.is_calendar)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise FhirPathError("abs() takes a number or a quantity.")
    return abs(value) if isinstance(value, int) else value.copy_abs()


@function("log", 1)
def _log(arguments: Arguments) -> Operation:
    def operate(env: Environment, items: Items, this: Items) -> Items:
        number, base = one_number(items), one_number(arguments[0].items(env, this))
        if number is None or base is None or number <= 0 or base <= 0 or base == 1:
            return EMPTY
        exponent = EXACT.divide(EXACT.ln(Decimal(number)), EXACT.ln(Decimal(base)))
        return one_item(_real(DIVISION.plus(exponent)))

    return operate


@function("power", 1)
def _power(arguments: Arguments) -> Operation:
    def operate(env: Environment, items: Items, this: Items) -> Items:
        base, exponent = one_number(items), one_number(arguments[0].items(env, this))
        if base is None or exponent is None or (base < 0 and exponent != int(exponent)):
            return EMPTY
        result = _real(DIVISION.power(Decimal(base), Decimal(exponent)))
        is_whole = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
        return one_item(integer(result) if is_whole and isinstance(result, Decimal) else result)

    return operate


@function("round", 0, 1)
def _round(arguments: Arguments) -> Operation:
    def operate(env: Environment, items: Items, this: Items) -> Items:
        value = one_value(items)
        digits = (one_integer(arguments[0].items(env, this)) if arguments else 0) or 0
        if value is None:
            return EMPTY
        if not 0 <= digits <= _MOST_DIGITS:
            raise FhirPathError(f"round() takes a number of digits from 0 to {_MOST_DIGITS}.")
        if isinstance(value, Quantity):
            return (Quantity(_to_digits(value.value, digits), value.unit, value.is_calendar),)
        number = one_number(items)
        return (
            (number,)
            if isinstance(number, int)
            else one_item(_real(_to_digits(Decimal(number or 0), digits)))
        )

    return operate


def _to_digits(number: Decimal, digits: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, context=EXACT)
