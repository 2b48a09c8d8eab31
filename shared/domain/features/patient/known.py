"""What was known of a patient at an instant: which facts count, in the order (time, id), and why the others do not.

Known means recorded, not only true: a fact counts from the instant at which somebody had it. Two clocks tell it.
`platform`: meta.lastUpdated, when this platform had the version, the same in the records and in the lake; what a score
said at that instant rests on it. `source`: the date of recording that the resource itself states (issued, authoredOn,
recordedDate; of an encounter its beginning and its end), for histories that were taken over in one day; where the
source states none, the platform's clock stands in, which is never too early.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.domain.features.patient.facts import PROHIBITED, Fact
from shared.domain.features.patient.measures import BY_CODE, LOINC, SMOKING
from shared.domain.fhir.dates import Range, date_range, earlier, later

_DAY: Final = timedelta(days=1)
_WITHDRAWN: Final = {
    "Encounter": frozenset({"entered-in-error", "planned", "cancelled"}),
    "Condition": frozenset({"entered-in-error", "refuted"}),
    "Observation": frozenset({"entered-in-error", "cancelled", "registered"}),
    "MedicationRequest": frozenset({"entered-in-error", "cancelled", "draft", "unknown"}),
}
_NOT_ORDERED: Final = frozenset({"proposal", "plan", "option", PROHIBITED})
_DAY_LETTERS: Final = len("2026-01-31")
MOST_NAMED: Final = 5
"""Of one reason that values do not count for: an answer stays small, whatever a source sends."""


class Clock(StrEnum):
    """By what it is told since when a fact was known."""

    PLATFORM = "platform"
    SOURCE = "source"


class Reason(StrEnum):
    """Why a known fact does not count."""

    WITHDRAWN = "withdrawn"
    NO_INSTANT = "no-instant"
    AHEAD = "ahead-of-its-recording"
    FUTURE = "in-the-future"
    ENDED_BEFORE = "end-before-start"
    NO_VALUE = "no-value"
    UNKNOWN_UNIT = "unknown-unit"
    IMPOSSIBLE = "impossible-value"
    DUPLICATE = "duplicate"


WORDS: Final[Mapping[Reason, str]] = {
    Reason.WITHDRAWN: "entered in error, refuted, cancelled, planned, a draft, a proposal or an order not to give",
    Reason.NO_INSTANT: "it has no date, or one that is none",
    Reason.AHEAD: "it is dated more than a day after it was recorded: a wrong clock",
    Reason.FUTURE: "it is dated after the instant asked for",
    Reason.ENDED_BEFORE: "it ends before it begins: times out of order",
    Reason.NO_VALUE: "a measured quantity without a value",
    Reason.UNKNOWN_UNIT: "a unit that the table of measures does not have",
    Reason.IMPOSSIBLE: "a value that no patient has",
    Reason.DUPLICATE: "the same was said before: same kind, code, time and value",
}


SET_ASIDE: Final = frozenset({Reason.NO_INSTANT, Reason.AHEAD, Reason.ENDED_BEFORE})
"""What silver sets aside as implausible, with its reason, before a feature is made of it; the service names it here."""


@dataclass(frozen=True, slots=True)
class Event:
    """A fact that counts. `until` is None where no end was known; `value` is in its measure's unit."""

    type: str
    id: str
    at: datetime
    until: datetime | None
    category: str | None
    system: str | None
    code: str | None
    words: str
    measure: str | None
    value: float | None
    value_code: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """A patient as known at `at`: `events` in the order (time, id), and how many facts did not count, by reason.

    `not_counted_of`: by reason what those facts were of.
    """

    at: datetime
    birth: datetime | None
    gender: str | None
    died: datetime | None
    events: tuple[Event, ...]
    not_counted: tuple[tuple[str, int], ...]
    not_counted_of: Mapping[str, tuple[str, ...]]

    def of(self, type_: str) -> Iterable[Event]:
        """The events of one resource type, in order."""
        return (event for event in self.events if event.type == type_)


def known(facts: Iterable[Fact], at: datetime, by: Clock = Clock.PLATFORM) -> Known | None:
    """The patient at `at`; None where no Patient was known by then."""
    person: Fact | None = None
    events: list[Event] = []
    refused: Counter[str] = Counter()
    names: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        if fact.type == "Patient":
            if by is Clock.SOURCE or _instant(fact.known_at) <= at:
                person = fact
        elif (since := _known_since(fact, by)) <= at:
            found = _judged(fact, at, since)
            if isinstance(found, Event):
                events.append(found)
            else:
                refused[found] += 1
                names[found].add(_what(fact.type, fact.code))
    if person is None:
        return None
    ordered = sorted(events, key=lambda event: (event.at, event.type, event.id))
    once = _without_duplicates(ordered, refused, names)
    died = _lo(person.ended)
    return Known(
        at, _lo(person.begun), (person.status or "").strip().lower() or None,
        died if died is not None and died <= at else None, tuple(once), tuple(sorted(refused.items())), few(names),
    )  # fmt: skip


def few(names: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """By reason the first `MOST_NAMED` names in their order, each once."""
    return {str(reason): tuple(sorted(set(each))[:MOST_NAMED]) for reason, each in names.items()}


def _what(type_: str, code: str | None) -> str:
    """An Observation by its code, anything else by its type."""
    return code if type_ == "Observation" and code else type_


def _known_since(fact: Fact, by: Clock) -> datetime:
    platform = _instant(fact.known_at)
    if by is Clock.PLATFORM:
        return platform
    stated = _lo(fact.begun if fact.type == "Encounter" else fact.recorded)
    return platform if stated is None else stated


def _judged(fact: Fact, at: datetime, since: datetime) -> Event | Reason:
    if fact.status in _WITHDRAWN[fact.type] or (
        fact.type == "MedicationRequest" and fact.category in _NOT_ORDERED
    ):
        return Reason.WITHDRAWN
    begun, ended = _range(fact.begun), _range(fact.ended)
    # A condition without an onset is dated by its recording, as clinical events are in silver.
    begun_text = fact.begun if begun else fact.recorded
    begun = begun or _range(fact.recorded)
    if begun is None or begun_text is None or (fact.ended and ended is None):
        return Reason.NO_INSTANT
    start = _lower(begun)
    if start > later(since, _DAY):
        return Reason.AHEAD
    if start > at:
        return Reason.FUTURE
    if ended is not None and _before(fact.ended or "", ended, begun_text, begun):
        return Reason.ENDED_BEFORE
    end = None if ended is None else _lower(ended)
    return _event(fact, start, end if end is not None and end <= at else None)


def _event(fact: Fact, start: datetime, end: datetime | None) -> Event | Reason:
    measure = BY_CODE.get(fact.code or "") if fact.type == "Observation" and fact.system == LOINC else None
    value: float | None = None
    if measure is not None:
        if fact.value is None:
            return Reason.NO_VALUE
        value = measure.in_unit(fact.value, fact.unit)
        if value is None:
            return Reason.UNKNOWN_UNIT
        if math.isnan(value) or not measure.low <= value <= measure.high:
            return Reason.IMPOSSIBLE
    return Event(
        fact.type, fact.id, start, end, fact.category, fact.system, fact.code, (fact.words or "").lower(),
        measure.name if measure else None, value, fact.value_code,
    )  # fmt: skip


def is_looked_at(fact: Fact) -> bool:
    """Whether features look at the fact: of observations only at the measures and the smoking status."""
    if fact.type != "Observation":
        return True
    return fact.system == LOINC and (fact.code in BY_CODE or fact.code == SMOKING)


def _without_duplicates(
    events: Iterable[Event], refused: Counter[str], names: dict[str, set[str]]
) -> Iterable[Event]:
    seen = set()
    for event in events:
        same = (
            event.type, event.at, event.category, event.system, event.code, event.words, event.measure, event.value,
            event.value_code, event.until,
        )  # fmt: skip
        if same in seen:
            refused[Reason.DUPLICATE] += 1
            names[Reason.DUPLICATE].add(_what(event.type, event.code))
        else:
            seen.add(same)
            yield event


def _before(end_text: str, end: Range, start_text: str, start: Range) -> bool:
    """Whether an end lies before a beginning, at the coarser of both precisions; a day's difference may be a time zone."""
    letters = min(len(end_text), len(start_text))
    if letters < _DAY_LETTERS:
        return end_text[:letters] < start_text[:letters]
    slack = _DAY if letters == _DAY_LETTERS else timedelta()
    return _lower(end) < earlier(_lower(start), slack)


def _range(text: str | None) -> Range | None:
    return date_range(text) if text else None


def _lower(found: Range) -> datetime:
    return datetime.fromisoformat(found.lo)


def _lo(text: str | None) -> datetime | None:
    found = _range(text)
    return _lower(found) if found else None


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
