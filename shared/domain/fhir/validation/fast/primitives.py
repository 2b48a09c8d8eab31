"""Whether a value is beyond doubt what its primitive type asks for: one call into C for nearly every value.

What an expression here lets pass, `validation.primitives` lets pass; what it does not is asked there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from shared.domain.fhir.json import ExactDecimal
from shared.domain.fhir.validation.fast.known import Known
from shared.domain.fhir.validation.primitives import MAX_STRING_CHARACTERS, primitive_fault

Check = Callable[[Any], Any]
"""Truthy where the value is valid. Raises TypeError for values of a kind that it cannot look at."""

_REST: Final = f"{{0,{MAX_STRING_CHARACTERS - 1}}}"
_ZONE: Final = r"(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)"
_TIME: Final = r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?"
# Days 29 to 31 need the calendar.
_DAY: Final = r"[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
_PLAIN: Final = {
    name: re.compile(expression, re.ASCII if name != "string" else 0).fullmatch
    for name, expression in {
        # Neither markup nor control characters nor, at the beginning, a space.
        "string": rf"[^<\x00-\x20\x7f-\xa0\s][^<\x00-\x08\x0b\x0c\x0e-\x1f]{_REST}",
        "uri": r"https?://[!-~]{1,1000}",
        "date": _DAY,
        "dateTime": rf"{_DAY}(?:{_TIME}{_ZONE})?",
        "instant": rf"{_DAY}{_TIME}{_ZONE}",
        "code": r"[!-~]{1,1000}",
    }.items()
}
_PLAIN["markdown"] = _PLAIN["string"]
_PLAIN["url"] = _PLAIN["canonical"] = _PLAIN["uri"]
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_RANGES: Final = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}
_TOP: Final = 2**31 - 1


@cache
def check_of(name: str) -> Check:
    """The check of a primitive type, made when it is first needed."""
    if name == "id":
        return _ID
    if name == "boolean":
        return lambda value: value is True or value is False
    if name == "decimal":
        return _is_decimal
    if name in _RANGES:
        low = _RANGES[name]
        return lambda value: type(value) is int and low <= value <= _TOP
    return Known(judge_of(name)).__getitem__


def _is_decimal(value: Any) -> bool:
    if type(value) is ExactDecimal:
        return value.is_finite()
    return type(value) is int or primitive_fault("decimal", value) is None


def judge_of(name: str) -> Callable[[str], bool]:
    """What says whether a text is of a primitive type."""
    plain = _PLAIN.get(name)

    def judge(value: str) -> bool:
        return (plain is not None and plain(value) is not None) or primitive_fault(name, value) is None

    return judge
