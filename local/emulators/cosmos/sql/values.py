"""Values as queries see them: undefined is not null, types never compare equal to one another.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/equality-comparison-operators
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from .. import json_text


class Undefined:
    """The type of the one undefined value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = Undefined()

# JSON and the service have numbers up to the largest double; Python's whole numbers go on.
_LARGEST = int(sys.float_info.max)

# The order of types in ORDER BY, MIN and MAX.
_RANKS: dict[type, int] = {
    Undefined: 0, type(None): 1, bool: 2, int: 3, float: 3, str: 4, list: 5, dict: 6,
}  # fmt: skip


def rank(value: Any) -> int:
    """Returns the place of a value's type in the order of types."""
    return _RANKS[type(value)]


def is_number(value: Any) -> bool:
    """Returns whether a value is a number (Python takes booleans for numbers, queries do not)."""
    return value.__class__ is int or value.__class__ is float


def sort_key(value: Any) -> tuple[int, Any]:
    """Returns a key that orders values of all types."""
    place = _RANKS[type(value)]
    if place in (2, 3, 4):
        return place, value
    return place, json_text.dump(value) if place > 4 else 0


def same(left: Any, right: Any) -> bool:
    """Returns whether two defined values are equal, deeply."""
    kind = left.__class__
    if kind is not right.__class__:
        return is_number(left) and is_number(right) and bool(left == right)
    if kind is list:
        return len(left) == len(right) and all(map(same, left, right))
    if kind is dict:
        return left.keys() == right.keys() and all(same(value, right[name]) for name, value in left.items())
    return bool(left == right)


def equal(left: Any, right: Any) -> Any:
    """Returns `left = right`: undefined where either is."""
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    return same(left, right)


def unequal(left: Any, right: Any) -> Any:
    """Returns `left != right`: undefined where either is."""
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    return not same(left, right)


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    def ordered(left: Any, right: Any) -> Any:
        kind = left.__class__
        if kind is right.__class__:
            if kind is str or kind is int or kind is float or kind is bool:
                return compare(left, right)
            return UNDEFINED if kind is Undefined or kind in (list, dict) else compare(0, 0)
        if is_number(left) and is_number(right):
            return compare(left, right)
        return UNDEFINED

    return ordered


less = _ordering(lambda left, right: bool(left < right))
less_or_equal = _ordering(lambda left, right: bool(left <= right))
greater = _ordering(lambda left, right: bool(left > right))
greater_or_equal = _ordering(lambda left, right: bool(left >= right))


@lru_cache(maxsize=512)
def like_pattern(pattern: str, escape: str | None) -> re.Pattern[str]:
    """Returns the regular expression of a LIKE pattern: % any text, _ one character, [a-f] one of a set."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        at += 1
        if escape and sign == escape and at < len(pattern):
            parts.append(re.escape(pattern[at]))
            at += 1
        elif sign == "[" and "]" in pattern[at + 1 :]:
            end = pattern.index("]", at + 1)
            parts.append(_one_of(pattern[at:end]))
            at = end + 1
        else:
            parts.append(".*" if sign == "%" else "." if sign == "_" else re.escape(sign))
    return re.compile("".join(parts), re.DOTALL)


def _one_of(signs: str) -> str:
    """Returns the expression of a set: `a-f` is a range, `z-a` an empty one, `^` before it the rest."""
    negated = signs.startswith("^")
    left = signs[negated:]
    members = ""
    while left:
        if left[1:2] == "-" and len(left) > 2:
            low, high, left = left[0], left[2], left[3:]
            members += f"{re.escape(low)}-{re.escape(high)}" if low <= high else ""
        else:
            members += re.escape(left[0])
            left = left[1:]
    if not members:
        return "." if negated else "(?!)"
    return f"[{'^' if negated else ''}{members}]"


def like(value: Any, pattern: Any, escape: Any = None) -> Any:
    """Returns `value LIKE pattern`."""
    if value.__class__ is not str or pattern.__class__ is not str:
        return UNDEFINED
    return like_pattern(pattern, escape if isinstance(escape, str) else None).fullmatch(value) is not None


def tidy(number: int | float) -> Any:
    """Returns a computed number as it is written: whole ones without a fraction, none beyond a double."""
    if isinstance(number, float):
        if not math.isfinite(number):
            return UNDEFINED
        if number.is_integer() and abs(number) < 1e15:
            return int(number)
    elif abs(number) > _LARGEST:
        return UNDEFINED
    return number
