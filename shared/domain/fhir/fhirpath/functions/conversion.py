"""http://hl7.org/fhirpath/N1/#conversion: a `toX` is empty for what does not convert, and each has its `convertsToX`."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from shared.domain.fhir.fhirpath import temporal
from shared.domain.fhir.fhirpath.element import EMPTY, Items, system_value
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.functions.registry import (
    FUNCTIONS,
    Arguments,
    Function,
    Operation,
    function,
    one,
    one_item,
    one_text,
    one_value,
)
from shared.domain.fhir.fhirpath.quantity import Quantity, converted, read_quantity
from shared.domain.fhir.fhirpath.temporal import Date, DateTime, Time

_INTEGER: Final = re.compile(r"[+-]?\d{1,40}")
_DECIMAL: Final = re.compile(r"[+-]?\d+(\.\d+)?")
_BOOLEANS: Final[dict[str, bool]] = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "0.0"), False),
}


@function("iif", 2, 3)
def _iif(arguments: Arguments) -> Operation:
    """Only the branch that is taken is evaluated, with the single item of the input as `$this`."""
    criterion, then, otherwise = (*arguments, None)[:3]
    assert criterion is not None
    assert then is not None

    def operate(env: Environment, items: Items, this: Items) -> Items:
        one(items)
        focus = items or this
        decision = criterion.items(env, focus)
        value = system_value(one(decision))
        if value is not None and not isinstance(value, bool):
            raise FhirPathError("iif() takes a boolean as its criterion, and is given something else.")
        if value:
            return then.items(env, focus)
        return otherwise.items(env, focus) if otherwise else EMPTY

    return operate


def to_boolean(value: Any) -> bool | None:
    """true, t, yes, y, 1 and their opposites, in any case."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal):
        return bool(value) if value in (0, 1) else None
    return _BOOLEANS.get(value.lower()) if isinstance(value, str) else None


def to_integer(value: Any) -> int | None:
    """Integers, booleans, and texts that write an integer."""
    if isinstance(value, int):
        return int(value)
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def to_decimal(value: Any) -> Decimal | None:
    """Numbers, booleans, and texts that write a number."""
    if isinstance(value, int | Decimal):
        return Decimal(value)
    return Decimal(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None


def to_string(value: Any) -> str | None:
    """The text of any own value; decimals as they were written, without an exponent."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        text = str(value)
        return text if "e" not in text.lower() else f"{Decimal(value):f}"
    if isinstance(value, int | Date | Time | Quantity):
        return str(value)
    if isinstance(value, DateTime):
        return str(value).removesuffix("T") if len(value.fields) < 4 else str(value)
    return None


def to_date(value: Any) -> Date | None:
    """Dates, the date of a date-time, and texts of either."""
    if isinstance(value, Date):
        return value
    moment = temporal.read_date_time(value) if isinstance(value, str) else value
    return Date(moment.fields[:3]) if isinstance(moment, DateTime) else None  # type: ignore[arg-type]


def to_date_time(value: Any) -> DateTime | None:
    """Date-times, dates, and texts of either."""
    if isinstance(value, Date):
        return DateTime(value.fields)
    if isinstance(value, DateTime):
        return value
    return temporal.read_date_time(value) if isinstance(value, str) else None


def to_time(value: Any) -> Time | None:
    """Times and texts of them."""
    if isinstance(value, Time):
        return value
    return temporal.read_time(value.removeprefix("T")) if isinstance(value, str) else None


def to_quantity(value: Any) -> Quantity | None:
    """Quantities, numbers and booleans without unit, and texts: `1.5`, `2 weeks`, `3 'mg'`."""
    if isinstance(value, Quantity):
        return value
    if isinstance(value, int | Decimal):
        return Quantity(Decimal(value), "1")
    return read_quantity(value) if isinstance(value, str) else None


def _register(name: str, convert: Callable[[Any], Any]) -> None:
    def bind(_: Arguments) -> Operation:
        return lambda env, items, this: one_item(convert(one_value(items))) if items else EMPTY

    def bind_test(_: Arguments) -> Callable[[Environment, Items, Items], bool | None]:
        return lambda env, items, this: convert(one_value(items)) is not None if items else None

    FUNCTIONS[f"to{name}"] = Function(0, 0, bind=bind)
    FUNCTIONS[f"convertsTo{name}"] = Function(0, 0, bind_predicate=bind_test)


for _name, _convert in (
    ("Boolean", to_boolean),
    ("Integer", to_integer),
    ("Long", to_integer),
    ("Decimal", to_decimal),
    ("String", to_string),
    ("Date", to_date),
    ("DateTime", to_date_time),
    ("Time", to_time),
):
    _register(_name, _convert)


def _in_unit(value: Any, unit: str | None) -> Quantity | None:
    amount = to_quantity(value)
    if amount is None or unit is None:
        return amount
    wanted = read_quantity(f"1 {unit}") or Quantity(Decimal(1), unit)
    return converted(amount, wanted)


@function("toQuantity", 0, 1)
def _to_quantity(arguments: Arguments) -> Operation:
    def operate(env: Environment, items: Items, this: Items) -> Items:
        unit = one_text(arguments[0].items(env, this)) if arguments else None
        return one_item(_in_unit(one_value(items), unit)) if items else EMPTY

    return operate


def _bind_quantity_test(arguments: Arguments) -> Callable[[Environment, Items, Items], bool | None]:
    operate = _to_quantity(arguments)
    return lambda env, items, this: bool(operate(env, items, this)) if items else None


FUNCTIONS["convertsToQuantity"] = Function(0, 1, bind_predicate=_bind_quantity_test)
