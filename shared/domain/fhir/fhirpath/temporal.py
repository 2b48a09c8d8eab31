"""Dates, date-times and times with the precision they were written with; what that precision leaves open is None.

http://hl7.org/fhirpath/N1/#datetime-comparison
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec

_DATE: Final = r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?"
_CLOCK: Final = r"(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?"
_DATE_TEXT: Final = re.compile(_DATE)
_DATE_TIME_TEXT: Final = re.compile(_DATE + rf"(T(?:{_CLOCK}(Z|[+-]\d\d:\d\d)?)?)?")
_TIME_TEXT: Final = re.compile(_CLOCK)
_UNKNOWN_ZONE: Final = 14 * 3600
"""Seconds that a clock without a zone may be away from one in UTC, either way."""

_LIMITS: Final = (24, 60, 61)
"""Of hour, minute and second: a minute may have a leap second."""
_WIDEST_OFFSET: Final = 14 * 60

Field: TypeAlias = int | Decimal
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY: Final = 2


def days_in_month(year: int, month: int) -> int:
    """Of the Gregorian calendar. Python's `calendar` takes longer to load than all else that dates need."""
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == _FEBRUARY and is_leap else _DAYS[month - 1]


class Date(msgspec.Struct, frozen=True):
    """`fields` are year, month and day as far as they were written."""

    fields: tuple[int, ...]

    def __str__(self) -> str:
        return "-".join(f"{value:0{4 if place == 0 else 2}}" for place, value in enumerate(self.fields))


class DateTime(msgspec.Struct, frozen=True):
    """`fields` are year to second as far as they were written, the second with its fraction; `offset` is in minutes."""

    fields: tuple[Field, ...]
    offset: int | None = None

    def __str__(self) -> str:
        day = str(Date(self.fields[:3]))  # type: ignore[arg-type]
        return f"{day}T{_clock_text(self.fields[3:])}{_offset_text(self.offset)}"


class Time(msgspec.Struct, frozen=True):
    """`fields` are hour to second as far as they were written, the second with its fraction."""

    fields: tuple[Field, ...]

    def __str__(self) -> str:
        return _clock_text(self.fields)


Temporal: TypeAlias = Date | DateTime | Time


def _clock_text(fields: tuple[Field, ...]) -> str:
    return ":".join(f"{value:02}" if isinstance(value, int) else _second_text(value) for value in fields)


def _second_text(second: Decimal) -> str:
    text = f"{second:f}"
    return text if text.find(".") == 2 or len(text) == 2 else f"0{text}"


def _offset_text(offset: int | None) -> str:
    if offset is None:
        return ""
    if offset == 0:
        return "Z"
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}"


def read_date(text: str) -> Date | None:
    """The date that `text` writes, None if it writes none or one that no calendar has."""
    match = _DATE_TEXT.fullmatch(text)
    if match is None:
        return None
    fields = tuple(int(part) for part in match.groups() if part is not None)
    return Date(fields) if _is_day(fields) else None


def read_date_time(text: str) -> DateTime | None:
    """As `read_date`; a date without a time is a date-time of that precision."""
    match = _DATE_TIME_TEXT.fullmatch(text)
    if match is None:
        return None
    year, month, day, _, hour, minute, second, zone = match.groups()
    if hour is not None and day is None:
        return None
    whole = tuple(int(part) for part in (year, month, day) if part is not None)
    clock, offset = _clock(hour, minute, second), _offset(zone)
    if clock is None or not _is_day(whole) or abs(offset or 0) > _WIDEST_OFFSET:
        return None
    return DateTime(whole + clock, offset)


def read_time(text: str) -> Time | None:
    """As `read_date`."""
    match = _TIME_TEXT.fullmatch(text)
    if match is None:
        return None
    clock = _clock(*match.groups())
    return Time(clock) if clock else None


def _is_day(fields: tuple[int, ...]) -> bool:
    if fields[0] == 0 or (len(fields) > 1 and not 1 <= fields[1] <= 12):
        return False
    return len(fields) < 3 or 1 <= fields[2] <= days_in_month(fields[0], fields[1])


def _clock(hour: str | None, minute: str | None, second: str | None) -> tuple[Field, ...] | None:
    fields: list[Field] = [int(part) for part in (hour, minute) if part is not None]
    if second is not None:
        fields.append(Decimal(second))
    return (
        tuple(fields) if all(value < limit for value, limit in zip(fields, _LIMITS, strict=False)) else None
    )


def _offset(zone: str | None) -> int | None:
    if zone is None:
        return None
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes


def of_instant(moment: datetime) -> DateTime:
    """The date-time of `moment` to the millisecond, in its own zone."""
    shift = moment.utcoffset()
    second = Decimal(moment.second) + (Decimal(moment.microsecond // 1000) / 1000).quantize(Decimal("0.001"))
    fields = (moment.year, moment.month, moment.day, moment.hour, moment.minute, second)
    return DateTime(fields, None if shift is None else int(shift.total_seconds() // 60))


def of_day(day: date) -> Date:
    """The whole date of `day`."""
    return Date((day.year, day.month, day.day))


def compare(left: Temporal, right: Temporal) -> int | None:
    """-1, 0 or 1; None where the precision or a missing zone leaves it open. Both are times, or neither is."""
    if isinstance(left, DateTime) and isinstance(right, DateTime) and _are_in_two_zones(left, right):
        return _compare_across_zones(left, right)
    for one, other in zip(left.fields, right.fields, strict=False):
        if one != other:
            return -1 if one < other else 1
    return 0 if len(left.fields) == len(right.fields) else None


def _are_in_two_zones(left: DateTime, right: DateTime) -> bool:
    return left.offset != right.offset and len(left.fields) > 3 and len(right.fields) > 3


def _compare_across_zones(left: DateTime, right: DateTime) -> int | None:
    if left.offset is None or right.offset is None:
        distance = _seconds(left) - _seconds(right)
        if abs(distance) > _UNKNOWN_ZONE:
            return -1 if distance < 0 else 1
        return None
    return compare(in_utc(left), in_utc(right))


def in_utc(moment: DateTime) -> DateTime:
    """`moment` on UTC's clock, with its precision; unchanged without an offset or without a time."""
    if not moment.offset or len(moment.fields) < 4:
        return moment
    hour_and_minute = (*moment.fields[3:5], 0)[:2]
    base = datetime(*moment.fields[:3], *hour_and_minute)  # type: ignore[arg-type] # noqa: DTZ001 - the offset is taken off by hand
    try:
        shifted = base - timedelta(minutes=moment.offset)
    except OverflowError:
        return moment
    clock: tuple[Field, ...] = (shifted.hour, shifted.minute, *moment.fields[5:])
    return DateTime((shifted.year, shifted.month, shifted.day, *clock[: len(moment.fields) - 3]), 0)


def _seconds(moment: DateTime) -> Decimal:
    """Seconds since year one on UTC's clock, or on its own where it has no zone."""
    year, month, day, hour, minute, second = (*in_utc(moment).fields, *(0, 0, 0))[:6]
    days = date(int(year), int(month), int(day)).toordinal()
    return Decimal(days * 86400 + int(hour) * 3600 + int(minute) * 60) + second


def add(moment: Temporal, amount: Decimal, unit: str) -> Temporal | None:
    """`moment` moved by whole calendar units at its own precision, None outside the years 1 to 9999.

    http://hl7.org/fhirpath/N1/#datetime-arithmetic: what is finer than the precision is turned into it and cut.
    A time goes round midnight. `unit` is a key of `UNITS`.
    """
    if unit in ("year", "month") and not isinstance(moment, Time):
        months = int(amount) * (12 if unit == "year" else 1)
        return _add_months(moment, months)
    return _ADD_SECONDS[type(moment)](moment, int(amount) * UNITS[unit])


UNITS: Final[dict[str, Decimal]] = {
    "year": Decimal(365 * 86400),
    "month": Decimal(30 * 86400),
    "week": Decimal(7 * 86400),
    "day": Decimal(86400),
    "hour": Decimal(3600),
    "minute": Decimal(60),
    "second": Decimal(1),
    "millisecond": Decimal("0.001"),
}
"""Calendar units and their seconds, a month as 30 days and a year as 365: http://hl7.org/fhirpath/N1/#time-valued-quantities"""


def _add_months(moment: Date | DateTime, months: int) -> Temporal | None:
    fields = moment.fields
    if len(fields) == 1:
        months = int(Decimal(months) / 12) * 12
    count = int(fields[0]) * 12 + (int(fields[1]) - 1 if len(fields) > 1 else 0) + months
    year, month = divmod(count, 12)
    if not 1 <= year <= 9999:
        return None
    new: list[Field] = [year, month + 1, *fields[2:]]
    if len(fields) > 2:
        new[2] = min(int(fields[2]), days_in_month(year, month + 1))
    return _with_fields(moment, tuple(new[: len(fields)]))


def _with_fields(moment: Date | DateTime, fields: tuple[Field, ...]) -> Date | DateTime:
    return DateTime(fields, moment.offset) if isinstance(moment, DateTime) else Date(fields)  # type: ignore[arg-type]


def _add_seconds_to_day(moment: Date | DateTime, seconds: Decimal) -> Temporal | None:
    fields = moment.fields
    if len(fields) < 3:
        unit, months = ("month", 1) if len(fields) == 2 else ("year", 12)
        return _add_months(moment, int(seconds / UNITS[unit]) * months)
    year, month, day, hour, minute, second = (*fields, *(0, 0, 0))[:6]
    start = date(int(year), int(month), int(day)).toordinal() * 86400 + int(hour) * 3600 + int(minute) * 60
    days, rest = divmod(Decimal(start) + second + _in_steps(seconds, len(fields)), 86400)
    if not 1 <= days <= date.max.toordinal():
        return None
    new_day = date.fromordinal(int(days))
    new = (new_day.year, new_day.month, new_day.day, *_clock_of(rest))
    return _with_fields(moment, new[: len(fields)])


def _in_steps(seconds: Decimal, precision: int) -> Decimal:
    """Seconds cut to whole days, hours or minutes where that is the last of `precision` fields."""
    step = {3: 86400, 4: 3600, 5: 60}.get(precision)
    return seconds if step is None else Decimal(int(seconds / step) * step)


def _add_seconds_to_time(moment: Time, seconds: Decimal) -> Temporal:
    hour, minute, second = (*moment.fields, 0, 0)[:3]
    moved = int(hour) * 3600 + int(minute) * 60 + second + _in_steps(seconds, len(moment.fields) + 3)
    return Time(_clock_of(moved % 86400 + (86400 if moved % 86400 < 0 else 0))[: len(moment.fields)])


def _clock_of(seconds: Decimal) -> tuple[Field, ...]:
    hour, rest = divmod(seconds, 3600)
    minute, second = divmod(rest, 60)
    return int(hour), int(minute), second


_ADD_SECONDS: Final[dict[type, Callable[..., Temporal | None]]] = {
    Date: _add_seconds_to_day,
    DateTime: _add_seconds_to_day,
    Time: _add_seconds_to_time,
}
