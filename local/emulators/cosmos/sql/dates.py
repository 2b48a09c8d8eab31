"""The functions on instants: texts of ISO 8601, or ticks of 100 nanoseconds since 1970.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/date-time-functions
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from local.emulators import clock

from .values import UNDEFINED, is_number, tidy

Function = Callable[..., Any]

_TICKS_PER_S = 10_000_000
_TEXT = re.compile(r"(\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?)?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS, _YEARS = "month", "year"
# A part of a fixed length in ticks; months and years have none.
_LENGTHS = {
    "day": 86_400 * _TICKS_PER_S, "hour": 3600 * _TICKS_PER_S, "minute": 60 * _TICKS_PER_S, "second": _TICKS_PER_S,
    "millisecond": _TICKS_PER_S // 1000, "microsecond": _TICKS_PER_S // 1_000_000,
}  # fmt: skip
_NANOSECONDS_PER_TICK = 100
_PARTS = {
    "yyyy": _YEARS, "yy": _YEARS, "mm": _MONTHS, "m": _MONTHS, "dd": "day", "d": "day", "hh": "hour",
    "mi": "minute", "n": "minute", "ss": "second", "s": "second", "ms": "millisecond", "mcs": "microsecond",
    "ns": "nanosecond",
}  # fmt: skip


def _part(name: Any) -> str | None:
    if not isinstance(name, str):
        return None
    known = _PARTS.get(name.lower(), name.lower())
    return known if known in _LENGTHS or known in (_YEARS, _MONTHS, "nanosecond") else None


def _ticks(text: Any) -> int | None:
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    try:
        instant = (
            datetime.fromisoformat(found[1] + (found[3] or "Z").replace("Z", "+00:00"))
            if ("T" in found[1])
            else datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        )
    except ValueError:
        return None
    fraction = int((found[2] or "").ljust(7, "0")[:7])
    return (instant - _EPOCH) // timedelta(seconds=1) * _TICKS_PER_S + fraction


def _instant(ticks: int) -> datetime:
    return _EPOCH + timedelta(seconds=ticks // _TICKS_PER_S)


def _text(ticks: int) -> Any:
    try:
        return f"{_instant(ticks):%Y-%m-%dT%H:%M:%S}.{ticks % _TICKS_PER_S:07d}Z"
    except OverflowError:
        return UNDEFINED


def _whole(value: Any) -> int | None:
    return int(value) if is_number(value) and float(value).is_integer() else None


def _add(name: Any, count: Any, text: Any) -> Any:
    part, number, ticks = _part(name), _whole(count), _ticks(text)
    if part is None or number is None or ticks is None:
        return UNDEFINED
    if part in _LENGTHS:
        return _text(ticks + number * _LENGTHS[part])
    if part == "nanosecond":
        return _text(ticks + number // _NANOSECONDS_PER_TICK)
    return _later_by_months(ticks, number * (12 if part == _YEARS else 1))


def _later_by_months(ticks: int, months: int) -> Any:
    instant = _instant(ticks)
    year, month = divmod(instant.year * 12 + instant.month - 1 + months, 12)
    for day in range(instant.day, 27, -1) if instant.day > 28 else (instant.day,):
        try:
            moved = instant.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
        return _text((moved - _EPOCH) // timedelta(seconds=1) * _TICKS_PER_S + ticks % _TICKS_PER_S)
    return UNDEFINED


def _difference(name: Any, start: Any, end: Any) -> Any:
    """Returns how many boundaries of a part lie between two instants."""
    part, first, last = _part(name), _ticks(start), _ticks(end)
    if part is None or first is None or last is None:
        return UNDEFINED
    if part in _LENGTHS:
        return last // _LENGTHS[part] - first // _LENGTHS[part]
    if part == "nanosecond":
        return (last - first) * _NANOSECONDS_PER_TICK
    before, after = _instant(first), _instant(last)
    years = after.year - before.year
    return years if part == _YEARS else 12 * years + after.month - before.month


def _value(name: Any, text: Any) -> Any:
    part, ticks = _part(name), _ticks(text)
    if part is None or ticks is None:
        return UNDEFINED
    fraction = ticks % _TICKS_PER_S
    if part == "nanosecond":
        return fraction * _NANOSECONDS_PER_TICK
    if part in ("millisecond", "microsecond"):
        return fraction // _LENGTHS[part]
    return getattr(_instant(ticks), part)


def _bin(text: Any, name: Any, size: Any = 1, origin: Any = "1970-01-01") -> Any:
    part, count, ticks, begin = _part(name), _whole(size), _ticks(text), _ticks(origin)
    if part is None or count is None or count < 1 or ticks is None or begin is None:
        return UNDEFINED
    if part in _LENGTHS:
        length = count * _LENGTHS[part]
        return _text(begin + (ticks - begin) // length * length)
    if part == "nanosecond":
        return _text(ticks)
    months = count * (12 if part == _YEARS else 1)
    instant, start = _instant(ticks), _instant(begin)
    passed = 12 * (instant.year - start.year) + instant.month - start.month
    return _later_by_months(begin, passed // months * months)


def _from_parts(year: Any, month: Any, day: Any, *rest: Any) -> Any:
    parts = [_whole(value) for value in (year, month, day, *rest)]
    if any(part is None for part in parts):
        return UNDEFINED
    numbers = [part or 0 for part in parts] + [0] * (7 - len(parts))
    try:
        instant = datetime(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], tzinfo=UTC)
    except (ValueError, OverflowError):
        return UNDEFINED
    if not 0 <= numbers[6] < _TICKS_PER_S:
        return UNDEFINED
    return _text((instant - _EPOCH) // timedelta(seconds=1) * _TICKS_PER_S + numbers[6])


def _to_ticks(text: Any) -> Any:
    ticks = _ticks(text)
    return UNDEFINED if ticks is None else ticks


def _to_timestamp(text: Any) -> Any:
    ticks = _ticks(text)
    return UNDEFINED if ticks is None else ticks // _LENGTHS["millisecond"]


def _from_ticks(ticks: Any) -> Any:
    return _text(int(ticks)) if is_number(ticks) else UNDEFINED


def _from_timestamp(milliseconds: Any) -> Any:
    ticks: Any = tidy(milliseconds * _LENGTHS["millisecond"]) if is_number(milliseconds) else UNDEFINED
    return UNDEFINED if ticks is UNDEFINED else _text(int(ticks))


def _now() -> int:
    return clock.now_ns() // _NANOSECONDS_PER_TICK


# name → (function, least and most number of arguments)
DATES: dict[str, tuple[Function, int, int]] = {
    "DATETIMEADD": (_add, 3, 3),
    "DATETIMEBIN": (_bin, 2, 4),
    "DATETIMEDIFF": (_difference, 3, 3),
    "DATETIMEFROMPARTS": (_from_parts, 3, 7),
    "DATETIMEPART": (_value, 2, 2),
    "DATETIMETOTICKS": (_to_ticks, 1, 1),
    "DATETIMETOTIMESTAMP": (_to_timestamp, 1, 1),
    "TICKSTODATETIME": (_from_ticks, 1, 1),
    "TIMESTAMPTODATETIME": (_from_timestamp, 1, 1),
    **{
        name + suffix: (function, 0, 0)
        for suffix in ("", "STATIC")
        for name, function in (
            ("GETCURRENTDATETIME", lambda: _text(_now())),
            ("GETCURRENTTICKS", _now),
            ("GETCURRENTTIMESTAMP", lambda: _now() // _LENGTHS["millisecond"]),
        )
    },
}
