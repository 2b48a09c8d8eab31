"""Real stays to replay: their values on one clock, and at which of them the risk rises.

What a value raises is known beforehand from the evaluation that the service calls after each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

from local.datasets.stays import read_stay
from shared.domain.alerts.episodes import Episode, from_us, to_us
from shared.domain.features.sepsis import COLUMNS, MEASURED, PLAUSIBLE, Hour, chosen, sepsis_features
from shared.domain.models.artefact import Contribution, PublishedModel
from shared.domain.stays.sepsis_risk import ALARM_ABOVE, Prefix, alarm, evaluate, lacking
from shared.domain.stays.stay import FEMALE, MALE, OpenStay, add, empty_stay, latest_us
from shared.domain.stays.variables import Found, Variable, variables

HOURS: Final = 11
"""Of each stay: what is older than twelve hours raises no alert."""
_GOLDEN: Final = (math.sqrt(5) - 1) / 2
"""Its multiples, without their whole parts, are spread evenly however many there are."""
_HOUR: Final = timedelta(hours=1)
_BETWEEN: Final = timedelta(minutes=1)
_AGE, _GENDER = COLUMNS.index("Age"), COLUMNS.index("Gender")
_TABLE: Final = {each.name: each for each in variables()}


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a stay, and when it was measured after the stay began."""

    variable: Variable
    value: float
    after: timedelta


@dataclass(frozen=True, slots=True)
class Rise:
    """The risk rises above the operating point at the value in this place, in the episode that began here or with another.

    `until` is the place of the next value at which it is lower again.
    """

    place: int
    episode: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """A stay to replay: who it is, its values in order, and those at which its risk rises above the operating point."""

    name: str
    age: int
    sex: str
    values: tuple[Value, ...]
    rises: tuple[Rise, ...] = ()

    def rise_of(self, place: int) -> Rise | None:
        """The last one up to a value."""
        return next((each for each in reversed(self.rises) if each.place <= place), None)


def replayed(name: str, hours: Sequence[Hour]) -> Replayed:
    """The first hours of a stay: values of an hour a minute apart, in the order of the columns."""
    values = [
        Value(_TABLE[variable], hour[place], timedelta(hours=number) + _BETWEEN * (1 + place))
        for number, hour in enumerate(hours[:HOURS])
        for place, variable in enumerate(MEASURED)
        if not math.isnan(hour[place])
    ]
    age = hours[0][_AGE]
    sex = MALE if hours[0][_GENDER] == 1 else FEMALE
    return Replayed(name, 60 if math.isnan(age) else int(age), sex, tuple(values))


def with_alerts(stay: Replayed, model: PublishedModel, begun: datetime) -> Replayed:
    """The stay with the rises of its risk, as the service evaluates each value."""
    state = empty_stay(OpenStay("Encounter/e", "1", to_us(begun), None, stay.age, stay.sex))
    episode: Episode | None = None
    prefix: Prefix | None = None
    rises: list[Rise] = []
    for place, each in enumerate(stay.values):
        lowest, highest = PLAUSIBLE[each.variable.name]
        if not lowest <= each.value <= highest:
            continue
        add(state, Found(f"{place}", "1", "1", begun + each.after, {each.variable.name: each.value}))
        at_us = latest_us(state)
        if at_us is None or lacking(state, at_us):
            continue
        risk, prefix = evaluate(model, state, at_us, prefix)
        before = episode
        episode, _ = alarm(episode, risk, state, f"{place}")
        is_new = episode is not None and (before is None or before.began_us != episode.began_us)
        is_high = risk.prediction.risk_index > ALARM_ABOVE
        was_high = bool(rises) and rises[-1].until is None
        if was_high and (is_new or not is_high):
            rises[-1] = replace(rises[-1], until=place)
        if is_high and (is_new or not was_high):
            rises.append(Rise(place, place if is_new else rises[-1].episode))
    return replace(stay, rises=tuple(rises))


class _Unexplained(PublishedModel):
    """The same model without reasons, which cost as much as the score."""

    def contributions(self, values: Sequence[float], most: int = 5) -> list[Contribution]:  # noqa: ARG002 - as it is asked
        return []


def chosen_stays(files: Iterable[Path], count: int, model: PublishedModel) -> list[Replayed]:
    """So many stays, every other one with an alert in its first hours while there are such."""
    quick = _Unexplained(**{each.name: getattr(model, each.name) for each in fields(model)})
    half = count - count // 2
    found: dict[bool, list[Replayed]] = {True: [], False: []}
    for file in files:
        hours, _ = read_stay(file)
        if len(hours) < HOURS:
            continue
        likely = _alarms_by_the_hour(quick, hours[:HOURS])
        if len(found[likely]) >= half:
            continue
        stay = with_alerts(replayed(file.stem, hours), quick, from_us(0))
        found[bool(stay.rises)].append(stay)
        if all(len(each) >= half for each in found.values()):
            break
    return [*found[True][:half], *found[False][:half]][:count]


def _alarms_by_the_hour(model: PublishedModel, hours: Sequence[Hour]) -> bool:
    rows = (chosen(row, model.features) for row in sepsis_features(hours))
    return any(model.predict(row).risk_index > ALARM_ABOVE for row in rows)


def lasting(
    stays: Sequence[Replayed], order: Sequence[tuple[int, int]], values: float
) -> dict[tuple[int, int], int]:
    """Stay and episode → the place of its first rise that more than so many values later is one still."""
    at = {each: number for number, each in enumerate(order)}
    found: dict[tuple[int, int], int] = {}
    for number, stay in enumerate(stays):
        for each in stay.rises:
            if each.until is None or at[number, each.until] - at[number, each.place] > values:
                found.setdefault((number, each.episode), each.place)
    return found


def in_turn(stays: Sequence[Replayed], *, apart: bool = False) -> Iterator[tuple[int, int]]:
    """Place of a stay and of its value, in the order of their times on one clock: the stays' hours lie over one another."""
    order = [
        (hour + number * _GOLDEN % 1, number, place)
        for number, stay in enumerate(stays)
        for place, hour in enumerate(_hours_apart(stay) if apart else _hours(stay))
    ]
    return ((number, place) for _, number, place in sorted(order))


def _hours(stay: Replayed) -> Iterator[float]:
    """When each value is sent, in hours since the stay began."""
    return (each.after / _HOUR for each in stay.values)


def _hours_apart(stay: Replayed) -> Iterator[float]:
    """As `_hours`, where the values of an hour share it out."""
    for hour, values in groupby(stay.values, key=lambda value: value.after // _HOUR):
        count = len(list(values))
        yield from (hour + rank / count for rank in range(count))
