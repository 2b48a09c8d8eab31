"""Schedules of timer functions: six-field NCRONTAB expressions and time spans, in UTC.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions. Unlike Unix cron a day
must fit both the day-of-month and the day-of-week field. Five fields mean second zero.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from local.host.retry import seconds_of

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ITEM = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?")
_FURTHEST = timedelta(days=366 * 8 + 2)
"""No expression that ever fits skips more than eight years (29 February over a century)."""


class Schedule(Protocol):
    """When a timer is due."""

    def next_after(self, instant: datetime) -> datetime | None:
        """The first due instant after that one (UTC), None if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """The values each field allows."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def next_after(self, instant: datetime) -> datetime | None:
        candidate = instant.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        end = candidate + _FURTHEST
        while candidate < end:
            if candidate.month not in self.months:
                first = candidate.replace(day=1, hour=0, minute=0, second=0)
                candidate = (first + timedelta(days=32)).replace(day=1)
            elif candidate.day not in self.days or (candidate.weekday() + 1) % 7 not in self.weekdays:
                candidate = candidate.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            elif candidate.hour not in self.hours:
                candidate = candidate.replace(minute=0, second=0) + timedelta(hours=1)
            elif candidate.minute not in self.minutes:
                candidate = candidate.replace(second=0) + timedelta(minutes=1)
            elif candidate.second not in self.seconds:
                candidate += timedelta(seconds=1)
            else:
                return candidate
        return None


@dataclass(frozen=True, slots=True)
class IntervalSchedule:
    """Due again that long after the last time (`ConstantSchedule.cs`)."""

    interval: timedelta

    def next_after(self, instant: datetime) -> datetime | None:
        return instant.astimezone(UTC) + self.interval


def parse_schedule(text: str) -> Schedule:
    """A schedule of that expression; raises ValueError that names the field it cannot read."""
    if re.fullmatch(r"(\d+\.)?\d{1,2}:\d{2}:\d{2}", text.strip()):
        return IntervalSchedule(timedelta(seconds=seconds_of(text)))
    fields = text.split()
    if len(fields) == 5:
        fields.insert(0, "0")
    if len(fields) != 6:
        raise ValueError(
            f"the schedule '{text}' has {len(fields)} fields instead of six: second minute hour day month weekday"
        )
    return CronSchedule(
        _values(fields[0], 0, 59, ()),
        _values(fields[1], 0, 59, ()),
        _values(fields[2], 0, 23, ()),
        _values(fields[3], 1, 31, ()),
        _values(fields[4], 1, 12, _MONTHS),
        _values(fields[5], 0, 6, _DAYS),
    )


def _values(field: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    values: set[int] = set()
    for item in field.split(","):
        found = _ITEM.fullmatch(item)
        if found is None:
            raise ValueError(f"the schedule field '{field}' cannot be read")
        star, first, last, step = found.groups()
        start = low if star else _number(first, low, high, names)
        end = high if star or (step and not last) else start
        if last:
            end = _number(last, low, high, names)
        values.update(range(start, end + 1, int(step or 1)) if end >= start else ())
    if not values:
        raise ValueError(f"the schedule field '{field}' allows no value")
    return frozenset(values)


def _number(text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    short = text[:3].lower()
    if short in names:
        return names.index(short) + low
    if not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"the schedule value '{text}' is not within {low} to {high}")
    return int(text)
