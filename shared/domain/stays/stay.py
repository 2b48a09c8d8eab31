"""What is known of one stay in intensive care: the last reading of each variable in each hour, and the model's hours.

The state of a stay is a JSON object that the caller keeps:

    layout    2
    stay      [Encounter/<id>, its version, begun, admitted to hospital or null, years of age or null, sex or null]
    hours     hour -> {variable: [at, Observation id, version, order, value]}
    over      hour -> {variable: value} of the hours that no reading can reach any more
    last      variable -> its last reading in those
    counts    reason -> how many values did not count
    named     reason -> the variables of those that were odd in themselves, as they came, up to five; a state of an earlier
              release has none, nor `over` and `last`: all its hours are in `hours`
    episode   the open episode of alarm, or null
    scored    the instant of the newest score, or null

Instants are microseconds since 1970. Hour 0 begins with the stay. Of two values in an hour the later one counts, as a
duplicate only once; a value measured before the stay, or more than 48 hours before the newest, does not count. What is
corrected or withdrawn has the whole stay read anew, and the value of an hour that is over, told again, changes nothing; so
that such an hour needs its values alone: a stay of two weeks takes a quarter of the room of all versions of its readings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.alerts.episodes import to_us
from shared.domain.features.patient.known import MOST_NAMED
from shared.domain.features.sepsis import MEASURED, Hour
from shared.domain.stays.variables import Found, Remark

StayState = dict[str, Any]
AT, ID, VERSION, ORDER, VALUE = range(5)
HOUR_US: Final = 3_600_000_000
LATE_US: Final = 48 * HOUR_US
MOST_HOURS: Final = 336
"""The longest stay of the training data; of a longer one the last so many hours are kept."""
LAYOUT: Final = 2
"""Of a state that this code writes; it reads that and the one before."""
BEFORE, LATE, DUPLICATE = "before-the-stay", "late", "duplicate"
MALE, FEMALE = "male", "female"


@dataclass(frozen=True, slots=True)
class OpenStay:
    """A stay as its Encounter tells of it. Age and sex are the patient's, None where not on record."""

    encounter: str
    version: str
    begun_us: int
    admitted_us: int | None
    age: int | None
    sex: str | None


def empty_stay(stay: OpenStay) -> StayState:
    """The state of a stay of which no reading is known; `raised_by` is the version of the model of the open episode."""
    facts = [stay.encounter, stay.version, stay.begun_us, stay.admitted_us, stay.age, stay.sex]
    return {
        "layout": LAYOUT,
        "stay": facts,
        "hours": {},
        "over": {},
        "last": {},
        "counts": {},
        "named": {},
        "episode": None,
        "scored": None,
        "raised_by": None,
    }


def stay_of(state: StayState) -> OpenStay:
    """The stay a state is of."""
    return OpenStay(*state["stay"])


def newest_us(state: StayState) -> int | None:
    """The instant of the newest reading."""
    hours = state["hours"]
    return max(entry[AT] for entry in hours[max(hours, key=int)].values()) if hours else None


def latest_us(state: StayState) -> int | None:
    """The instant that the next score is of: that of the newest reading, or of the newest score where that is later."""
    known = [each for each in (newest_us(state), state["scored"]) if each is not None]
    return max(known, default=None)


def held_version(state: StayState, id_: str) -> str | None:
    """The version of an Observation that counts in an hour that is not over; another one may take its values back."""
    found = (entry for hour in state["hours"].values() for entry in hour.values() if entry[ID] == id_)
    return next((str(entry[VERSION]) for entry in found), None)


def twin(state: StayState) -> StayState:
    """A state of its own with the same content, for `add` to change."""
    hours = {number: dict(entries) for number, entries in state["hours"].items()}
    over, last = dict(state.get("over", {})), dict(state.get("last", {}))
    own = {"layout": LAYOUT, "hours": hours, "over": over, "last": last, "counts": dict(state["counts"])}
    return {**state, **own}


def is_known(state: StayState) -> bool:
    """Whether this code reads the layout of a state: a later release may have written it."""
    return bool(state["layout"] <= LAYOUT)


def add(state: StayState, found: Found) -> int | None:
    """Takes in what an Observation says; the hour that changed, None where nothing counts. Changes `state`."""
    for remark in found.remarks:
        _count(state, remark.reason)
        _name(state, remark)
    if found.at is None or not found.values:
        return None
    at = to_us(found.at)
    newest = newest_us(state)
    place = (at - state["stay"][2]) // HOUR_US
    if place < 0 or (newest is not None and at < newest - LATE_US):
        if found.values != {name: state["over"].get(str(place), {}).get(name) for name in found.values}:
            _count(state, BEFORE if place < 0 else LATE)
        return None
    hour = state["hours"].setdefault(str(place), {})
    facts = [at, found.id, found.version, found.order]
    repeated = all(_repeats(hour.get(name), [*facts, value]) for name, value in found.values.items())
    changed = [_put(hour, name, [*facts, value]) for name, value in found.values.items()]
    _close(state)
    if repeated or not any(changed):
        _count(state, DUPLICATE)
    return int(place) if any(changed) else None


def _close(state: StayState) -> None:
    """Puts the hours that ended more than 48 hours before the newest reading by, and forgets those before the model's."""
    hours, over, last = state["hours"], state["over"], state["last"]
    begun, newest = state["stay"][2], max(map(int, hours))
    open_from = (max(entry[AT] for entry in hours[str(newest)].values()) - LATE_US - begun) // HOUR_US
    for number in sorted(each for each in map(int, hours) if each < open_from):
        entries = hours.pop(str(number))
        over[str(number)] = {name: entry[VALUE] for name, entry in entries.items()}
        last |= entries
    for old in [each for each in over if int(each) <= newest - MOST_HOURS]:
        del over[old]
    for name in [each for each in last if (last[each][AT] - begun) // HOUR_US <= newest - MOST_HOURS]:
        del last[name]


def _repeats(there: list[Any] | None, entry: list[Any]) -> bool:
    """Whether another Observation said the same of the same instant."""
    if there is None or there[ID] == entry[ID]:
        return False
    return bool(there[AT] == entry[AT] and there[VALUE] == entry[VALUE])


def _put(hour: dict[str, list[Any]], name: str, entry: list[Any]) -> bool:
    there = hour.get(name)
    if there is not None and (there[AT], there[ID], there[ORDER]) >= (entry[AT], entry[ID], entry[ORDER]):
        return False
    hour[name] = entry
    return True


def _count(state: StayState, reason: str) -> None:
    state["counts"][reason] = state["counts"].get(reason, 0) + 1


def _name(state: StayState, remark: Remark) -> None:
    """Replaces what it adds to, which other states share."""
    named: Mapping[str, list[str]] = state.get("named", {})
    known = named.get(remark.reason, [])
    if remark.variable not in known and len(known) < MOST_NAMED:
        state["named"] = {**named, remark.reason: [*known, remark.variable]}


def span(state: StayState, at_us: int) -> tuple[int, int]:
    """The first and the last of the hours that count at an instant."""
    last = (at_us - state["stay"][2]) // HOUR_US
    return max(0, last - MOST_HOURS + 1), last


def hours_between(state: StayState, first: int, last: int, at_us: int) -> list[Hour]:
    """The hours of the model; one without a reading up to `at_us` is one of missing values.

    `at_us` lies at most 48 hours before the newest reading.
    """
    stay = stay_of(state)
    admitted = math.nan if stay.admitted_us is None else (stay.admitted_us - stay.begun_us) / HOUR_US
    sex = {MALE: 1.0, FEMALE: 0.0}.get(stay.sex or "", math.nan)
    age = math.nan if stay.age is None else float(stay.age)
    over: Mapping[str, Mapping[str, float]] = state.get("over", {})
    rows: list[Hour] = []
    for number in range(first, last + 1):
        entries: Mapping[str, list[Any]] = state["hours"].get(str(number), {})
        read = {name: entry[VALUE] for name, entry in entries.items() if entry[AT] <= at_us}
        known = read or over.get(str(number), {})
        values = (known.get(name, math.nan) for name in MEASURED)
        rows.append((*values, age, sex, math.nan, math.nan, admitted, float(number + 1)))
    return rows


def last_readings(state: StayState, at_us: int) -> dict[str, list[Any]]:
    """Variable → its last reading up to an instant, at most 48 hours before the newest."""
    found: dict[str, list[Any]] = dict(state.get("last", {}))
    for number in sorted(state["hours"], key=int):
        found |= {name: entry for name, entry in state["hours"][number].items() if entry[AT] <= at_us}
    return found
