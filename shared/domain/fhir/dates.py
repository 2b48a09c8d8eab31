"""FHIR dates and instants as ranges of UTC instants.

https://hl7.org/fhir/R4/datatypes.html#dateTime and https://hl7.org/fhir/R4/search.html#date
"""

from __future__ import annotations

import re
from calendar import isleap, monthrange
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_DATE_TIME: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)
EARLIEST: Final = "0001-01-01T00:00:00.000000Z"
_PLAIN_LENGTH: Final = len(EARLIEST)
LATEST: Final = "9999-12-31T23:59:59.999999Z"


@dataclass(frozen=True, slots=True)
class Range:
    """From the first to the last microsecond a date covers, as sortable UTC text `YYYY-MM-DDTHH:MM:SS.ffffffZ`."""

    lo: str
    hi: str


def instant_text(moment: datetime) -> str:
    """A UTC-aware datetime as sortable text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def earlier(moment: datetime, span: timedelta) -> datetime:
    """The instant a span before, no further back than the calendar goes: FHIR dates reach both its ends."""
    try:
        return moment - span
    except OverflowError:
        return datetime.min.replace(tzinfo=moment.tzinfo)


def later(moment: datetime, span: timedelta) -> datetime:
    """The instant a span after, no further than the calendar goes."""
    try:
        return moment + span
    except OverflowError:
        return datetime.max.replace(tzinfo=moment.tzinfo)


def parse_instant(text: str) -> datetime | None:
    """A full date with time and zone as a UTC datetime; None where it is anything less."""
    match = _DATE_TIME.fullmatch(text)
    if match is None or match[8] is None or match[6] is None:
        return None
    if match[8] == "Z" and len(text) == _PLAIN_LENGTH:
        # As this platform writes them; what the calendar does not have is judged below.
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    found = date_range(text)
    return datetime.fromisoformat(found.lo) if found else None


def date_range(text: str) -> Range | None:
    """The instants that a date, dateTime or instant covers, by its precision; without a zone it is taken as UTC.

    None where the text is no calendar date.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    if zone == "Z" and len(text) == _PLAIN_LENGTH and fraction is not None:
        # As this platform writes instants; what the calendar does not have is judged below.
        with suppress(ValueError):
            datetime.fromisoformat(text)
            return Range(text, text)
    try:
        start = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), 0, tzinfo=UTC
        )
        start += timedelta(
            seconds=min(int(second or 0), 59), microseconds=int((fraction or "0")[:6].ljust(6, "0"))
        )
        start -= _offset(zone)
        end = _end(start, month, day, hour, second, fraction)
    except (ValueError, OverflowError):
        return None
    return Range(instant_text(start), end)


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta()
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))


def _end(start: datetime, month: str | None, day: str | None, *time: str | None) -> str:
    """The last microsecond of what begins at `start`; where the calendar ends before it, the calendar's."""
    hour, second, fraction = time
    if fraction:
        length = timedelta(microseconds=10 ** max(0, 6 - len(fraction)))
    elif second:
        length = timedelta(seconds=1)
    elif hour:
        length = timedelta(minutes=1)
    elif day:
        length = timedelta(days=1)
    else:
        length = timedelta(days=monthrange(start.year, start.month)[1] if month else 365 + isleap(start.year))
    return instant_text(later(start, length - timedelta(microseconds=1)))


def range_of(value: Any) -> Range | None:
    """The range of a date-like element: a string, a Period or the outer bounds of a Timing's events."""
    if isinstance(value, str):
        return date_range(value)
    if not isinstance(value, dict):
        return None
    if "event" in value:
        found = [found for text in value["event"] if isinstance(text, str) and (found := date_range(text))]
        return Range(min(r.lo for r in found), max(r.hi for r in found)) if found else None
    start, end = value.get("start"), value.get("end")
    if not isinstance(start, str) and not isinstance(end, str):
        return None
    first = date_range(start) if isinstance(start, str) else None
    last = date_range(end) if isinstance(end, str) else None
    return Range(first.lo if first else EARLIEST, last.hi if last else LATEST)
