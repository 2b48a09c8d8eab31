"""The built-in scalar functions; an argument of the wrong type makes the result undefined.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/functions
"""

from __future__ import annotations

import math
import operator
import random
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import Any

from .. import json_text
from .dates import DATES
from .values import UNDEFINED, is_number, rank, same, tidy

Function = Callable[..., Any]
# name → (function, least and most number of arguments; None is any number)
FUNCTIONS: dict[str, tuple[Function, int, int | None]] = {}


def _add(name: str, function: Function, least: int, most: int | None = -1) -> None:
    FUNCTIONS[name] = (function, least, least if most == -1 else most)


def _on(test: Callable[[Any], bool], function: Function) -> Function:
    def checked(*arguments: Any) -> Any:
        return function(*arguments) if all(map(test, arguments)) else UNDEFINED

    return checked


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _integer(value: Any) -> int | None:
    return int(value) if is_number(value) and (isinstance(value, int) or value.is_integer()) else None


def _text_test(compare: Callable[[str, str], bool]) -> Function:
    def tested(text: Any, part: Any, ignore_case: Any = False) -> Any:
        if text.__class__ is not str or part.__class__ is not str:
            return UNDEFINED
        if ignore_case is True:
            return compare(text.lower(), part.lower())
        return compare(text, part)

    return tested


def _substring(text: Any, start: Any, length: Any) -> Any:
    first, count = _integer(start), _integer(length)
    if not isinstance(text, str) or first is None or count is None:
        return UNDEFINED
    return text[max(first, 0) : max(first, 0) + max(count, 0)]


def _left(text: Any, length: Any) -> Any:
    return _substring(text, 0, length)


def _right(text: Any, length: Any) -> Any:
    count = _integer(length)
    if not isinstance(text, str) or count is None:
        return UNDEFINED
    return text[-count:] if count > 0 else ""


def _index_of(text: Any, part: Any, start: Any = 0) -> Any:
    first = _integer(start)
    if not isinstance(text, str) or not isinstance(part, str) or first is None:
        return UNDEFINED
    return text.find(part, first)


def _replicate(text: Any, times: Any) -> Any:
    count = _integer(times)
    if not isinstance(text, str) or count is None or not 0 <= count * max(len(text), 1) <= 10_000:
        return UNDEFINED
    return text * count


@lru_cache(maxsize=256)
def _pattern(pattern: str, flags: str) -> re.Pattern[str] | None:
    known = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
    try:
        return re.compile(pattern, sum(known.get(flag, 0) for flag in set(flags)))
    except re.error:
        return None


def _regex_match(text: Any, pattern: Any, flags: Any = "") -> Any:
    if not all(map(_is_text, (text, pattern, flags))):
        return UNDEFINED
    compiled = _pattern(pattern, flags)
    return UNDEFINED if compiled is None else compiled.search(text) is not None


def _split(text: Any, separator: Any) -> Any:
    if not _is_text(text) or not _is_text(separator):
        return UNDEFINED
    return text.split(separator) if separator else [text]


def _concat(*parts: Any) -> Any:
    return "".join(parts) if all(map(_is_text, parts)) else UNDEFINED


def _to_string(value: Any) -> Any:
    if value is UNDEFINED or isinstance(value, str):
        return value
    return json_text.dump(value).decode()


def _string_to(kind: Callable[[Any], bool]) -> Function:
    def convert(text: Any) -> Any:
        if not isinstance(text, str):
            return UNDEFINED
        try:
            value = json_text.value_of(text)
        except ValueError:
            return UNDEFINED
        return value if kind(value) else UNDEFINED

    return convert


def _includes(element: Any, part: Any) -> bool:
    """Whether an element has at least the members of an object, at every level."""
    if isinstance(element, dict) and isinstance(part, dict):
        return all(name in element and _includes(element[name], value) for name, value in part.items())
    return same(element, part)


def array_contains(array: Any, wanted: Any, partial: Any = False) -> Any:
    """Returns whether an array has an element, or with `partial` one that includes an object."""
    if array.__class__ is not list or wanted is UNDEFINED:
        return UNDEFINED
    if wanted.__class__ is str:
        return wanted in array
    if partial is True:
        return any(_includes(element, wanted) for element in array)
    return any(same(element, wanted) for element in array)


def _contains_any(array: Any, *wanted: Any) -> Any:
    return any(array_contains(array, one) is True for one in wanted) if _is_list(array) else UNDEFINED


def _contains_all(array: Any, *wanted: Any) -> Any:
    return all(array_contains(array, one) is True for one in wanted) if _is_list(array) else UNDEFINED


def _slice(array: Any, start: Any, length: Any = None) -> Any:
    first = _integer(start)
    count = None if length is None else _integer(length)
    if not _is_list(array) or first is None or (length is not None and count is None):
        return UNDEFINED
    first = max(len(array) + first, 0) if first < 0 else first
    return array[first:] if count is None else array[first : first + max(count, 0)]


def _distinct(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(same(value, other) for other in found):
            found.append(value)
    return found


def _intersect(left: Any, right: Any) -> Any:
    if not _is_list(left) or not _is_list(right):
        return UNDEFINED
    return _distinct([value for value in left if any(same(value, other) for other in right)])


def _union(left: Any, right: Any) -> Any:
    return _distinct(left + right) if _is_list(left) and _is_list(right) else UNDEFINED


def _math(function: Callable[..., Any]) -> Function:
    def computed(*numbers: Any) -> Any:
        if not all(map(is_number, numbers)):
            return UNDEFINED
        try:
            return tidy(function(*numbers))
        except (ValueError, OverflowError, ZeroDivisionError):
            return UNDEFINED

    return computed


def _whole_math(function: Callable[..., Any]) -> Function:
    def computed(*numbers: Any) -> Any:
        whole = [_integer(number) for number in numbers]
        return UNDEFINED if None in whole else compute(*whole)

    compute = _math(function)
    return computed


def _round(number: Any, digits: Any = 0) -> Any:
    factor = 10.0 ** int(digits)
    return math.copysign(math.floor(abs(number) * factor + 0.5), number) / factor


def _register() -> None:
    _register_types()
    _register_texts()
    _register_arrays()
    _register_mathematics()
    FUNCTIONS.update(DATES)
    _add("IIF", lambda condition, then, otherwise: then if condition is True else otherwise, 3)
    _add("UNDEFINED", lambda: UNDEFINED, 0)


def _register_types() -> None:
    for name, kinds in {
        "IS_NULL": (1,), "IS_BOOL": (2,), "IS_NUMBER": (3,), "IS_STRING": (4,), "IS_ARRAY": (5,),
        "IS_OBJECT": (6,), "IS_PRIMITIVE": (1, 2, 3, 4), "IS_DEFINED": (1, 2, 3, 4, 5, 6),
    }.items():  # fmt: skip
        _add(name, lambda value, kinds=kinds: rank(value) in kinds, 1)
    _add("IS_INTEGER", lambda value: _integer(value) is not None, 1)
    _add("IS_FINITE_NUMBER", is_number, 1)
    _add("TOSTRING", _to_string, 1)
    _add("STRINGTONUMBER", _string_to(is_number), 1)
    _add("STRINGTOBOOLEAN", _string_to(lambda value: isinstance(value, bool)), 1)
    _add("STRINGTOARRAY", _string_to(_is_list), 1)
    _add("STRINGTOOBJECT", _string_to(lambda value: isinstance(value, dict)), 1)
    _add("STRINGTONULL", _string_to(lambda value: value is None), 1)


def _register_texts() -> None:
    for name, compare in {
        "CONTAINS": lambda text, part: part in text, "STARTSWITH": str.startswith,
        "ENDSWITH": str.endswith, "STRINGEQUALS": lambda text, part: text == part,
    }.items():  # fmt: skip
        _add(name, _text_test(compare), 2, 3)
    for name, function in {
        "LOWER": str.lower, "UPPER": str.upper, "LENGTH": len, "REVERSE": lambda text: text[::-1],
    }.items():  # fmt: skip
        _add(name, _on(_is_text, function), 1)
    for name, function in {"TRIM": str.strip, "LTRIM": str.lstrip, "RTRIM": str.rstrip}.items():
        _add(name, _on(_is_text, function), 1, 2)
    _add("REPLACE", _on(_is_text, lambda text, old, new: text.replace(old, new) if old else text), 3)
    _add("CONCAT", _concat, 2, None)
    _add("SUBSTRING", _substring, 3)
    _add("LEFT", _left, 2)
    _add("RIGHT", _right, 2)
    _add("INDEX_OF", _index_of, 2, 3)
    _add("REPLICATE", _replicate, 2)
    _add("REGEXMATCH", _regex_match, 2, 3)
    _add("STRINGSPLIT", _split, 2)
    _add(
        "STRINGJOIN",
        lambda array, mark: (
            mark.join(array)
            if _is_list(array) and _is_text(mark) and all(map(_is_text, array))
            else UNDEFINED
        ),
        2,
    )


def _register_arrays() -> None:
    _add("ARRAY_CONTAINS", array_contains, 2, 3)
    _add("ARRAY_CONTAINS_ANY", _contains_any, 2, None)
    _add("ARRAY_CONTAINS_ALL", _contains_all, 2, None)
    _add("ARRAY_LENGTH", _on(_is_list, len), 1)
    _add("ARRAY_SLICE", _slice, 2, 3)
    _add(
        "ARRAY_CONCAT",
        lambda *arrays: list(chain.from_iterable(arrays)) if all(map(_is_list, arrays)) else UNDEFINED,
        2,
        None,
    )
    _add("SETINTERSECT", _intersect, 2)
    _add("SETUNION", _union, 2)
    _add(
        "SETDIFFERENCE",
        lambda left, right: (
            _distinct([value for value in left if not any(same(value, other) for other in right)])
            if _is_list(left) and _is_list(right)
            else UNDEFINED
        ),
        2,
    )
    _add(
        "OBJECTTOARRAY",
        lambda value: (
            [{"k": name, "v": inner} for name, inner in value.items()]
            if isinstance(value, dict)
            else UNDEFINED
        ),
        1,
    )
    _add(
        "CHOOSE",
        lambda at, *values: values[at - 1] if _integer(at) and 0 < at <= len(values) else UNDEFINED,
        2,
        None,
    )


def _register_mathematics() -> None:
    of_one_number: dict[str, Function] = {
        "ABS": abs, "FLOOR": math.floor, "CEILING": math.ceil, "SQRT": math.sqrt, "EXP": math.exp,
        "LOG10": math.log10, "SQUARE": lambda number: number * number, "SIN": math.sin, "COS": math.cos,
        "TAN": math.tan, "ASIN": math.asin, "ACOS": math.acos, "ATAN": math.atan, "DEGREES": math.degrees,
        "RADIANS": math.radians, "TRUNC": math.trunc, "SIGN": lambda number: (number > 0) - (number < 0),
    }  # fmt: skip
    for name, function in of_one_number.items():
        _add(name, _math(function), 1)
    _add("ROUND", _math(_round), 1, 2)
    _add("LOG", _math(math.log), 1, 2)
    _add("POWER", _math(math.pow), 2)
    _add("ATN2", _math(math.atan2), 2)
    _add("PI", lambda: math.pi, 0)
    _add("INTADD", _math(lambda left, right: left + right), 2)
    _add("INTSUB", _math(lambda left, right: left - right), 2)
    _add("INTMUL", _math(lambda left, right: left * right), 2)
    _add("INTDIV", _whole_math(lambda left, right: int(left / right)), 2)
    _add("INTMOD", _whole_math(math.fmod), 2)
    _add("INTBITAND", _whole_math(operator.and_), 2)
    _add("INTBITOR", _whole_math(operator.or_), 2)
    _add("INTBITXOR", _whole_math(operator.xor), 2)
    _add("INTBITNOT", _whole_math(operator.invert), 1)
    _add("INTBITLEFTSHIFT", _whole_math(operator.lshift), 2)
    _add("INTBITRIGHTSHIFT", _whole_math(operator.rshift), 2)
    _add("COT", _math(lambda angle: 1 / math.tan(angle)), 1)
    _add("RAND", random.random, 0)
    _add("NUMBERBIN", _math(lambda number, size=1: math.floor(number / size) * size), 1, 2)


_register()
