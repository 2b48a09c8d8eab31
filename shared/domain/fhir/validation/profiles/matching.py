"""Whether a value is the fixed one, fits a pattern, or has a code of a value set.

https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.fixed_x_ and .pattern_x_
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from shared.domain.fhir.definitions.model import ValueSetCodes


def is_fixed(value: Any, fixed: Any) -> bool:
    """Whether both are the same JSON; numbers are compared by value."""
    if isinstance(fixed, dict):
        return (
            isinstance(value, dict)
            and value.keys() == fixed.keys()
            and all(is_fixed(value[key], fixed[key]) for key in fixed)
        )
    if isinstance(fixed, list):
        return (
            isinstance(value, list)
            and len(value) == len(fixed)
            and all(is_fixed(mine, theirs) for mine, theirs in zip(value, fixed, strict=True))
        )
    return _is_same(value, fixed)


def fits_pattern(value: Any, pattern: Any) -> bool:
    """Whether `value` has at least what the pattern has; each item of a pattern's array must be somewhere in the value's."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            key in value and fits_pattern(value[key], pattern[key]) for key in pattern
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(
            any(fits_pattern(mine, theirs) for mine in value) for theirs in pattern
        )
    return _is_same(value, pattern)


def is_in_value_set(value: Any, codes: ValueSetCodes) -> bool | None:
    """Whether one of the codings of `value` is in the value set; None where it has no code to judge by."""
    found = list(_codings(value))
    if not found:
        return None
    return any(_holds(codes, system, code) for system, code in found)


def _holds(codes: ValueSetCodes, system: str | None, code: str) -> bool:
    if system is None:
        return bool(codes.open_systems) or any(code in held for held in codes.systems.values())
    return system in codes.open_systems or code in codes.systems.get(system, ())


def _codings(value: Any) -> Iterator[tuple[str | None, str]]:
    """System (None for a bare code) and code of a code, Coding, Quantity or CodeableConcept."""
    if isinstance(value, str):
        yield None, value
    elif isinstance(value, dict):
        if isinstance(value.get("code"), str):
            yield str(value.get("system", "")), value["code"]
        codings = value.get("coding")
        for coding in codings if isinstance(codings, list) else ():
            yield from _codings(coding)


def _is_same(value: Any, other: Any) -> bool:
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other
    if isinstance(value, (int, float, Decimal)) and isinstance(other, (int, float, Decimal)):
        return Decimal(str(value)) == Decimal(str(other))
    return bool(value == other)
