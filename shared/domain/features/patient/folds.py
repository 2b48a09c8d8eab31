"""The folds that features are made of: each a function of a patient as known at an instant, NaN where nothing was known."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from shared.domain.features.patient.diagnoses import BY_NAME
from shared.domain.features.patient.known import Event, Known
from shared.domain.features.patient.measures import SMOKES, SMOKING
from shared.domain.fhir.dates import earlier

RECENT_DAYS: Final = 1095
"""How old a measured value may be to stand for the patient."""
_SECONDS_PER_DAY: Final = 86_400.0
_DAYS_PER_YEAR: Final = 365.25
_FEMALE: Final = frozenset({"female", "f", "w", "woman"})
_MALE: Final = frozenset({"male", "m", "man"})
_IN_HOSPITAL: Final = frozenset({"IMP", "ACUTE", "NONAC"})
Events = Iterable[Event]


@dataclass(frozen=True, slots=True)
class Fold:
    """What a feature is made of: the events that it looks at, in their order, and what they come to.

    `of_person`: it looks at who the patient is, and at no event.
    """

    events: Callable[[Known], Events]
    value: Callable[[Known, list[Event]], float]
    of_person: bool = False

    def __call__(self, known: Known) -> float:
        """The value for a patient as known at an instant."""
        return self.value(known, list(self.events(known)))


def _age_years(known: Known, _: list[Event]) -> float:
    return math.nan if known.birth is None else _days(known.at - known.birth) / _DAYS_PER_YEAR


def _female(known: Known, _: list[Event]) -> float:
    return 1.0 if known.gender in _FEMALE else 0.0 if known.gender in _MALE else math.nan


age_years: Final = Fold(lambda _: (), _age_years, of_person=True)
"""Years since birth."""
female: Final = Fold(lambda _: (), _female, of_person=True)
"""1 female, 0 male."""


def _years_since(known: Known, found: list[Event]) -> float:
    return _days(known.at - found[0].at) / _DAYS_PER_YEAR if found else math.nan


def _days_since(known: Known, found: list[Event]) -> float:
    return _days(known.at - found[-1].at) if found else math.nan


def _count(_: Known, found: list[Event]) -> float:
    return float(len(found))


def _different(_: Known, found: list[Event]) -> float:
    return float(len({(each.system, each.code, each.words) for each in found}))


def _any(_: Known, found: list[Event]) -> float:
    return float(bool(found))


years_on_record: Final = Fold(lambda known: known.events[:1], _years_since)
"""Years since the first event."""
days_since_encounter: Final = Fold(lambda known: _last(known.of("Encounter")), _days_since)
"""Days since the last encounter began."""


def encounters(days: int, classes: frozenset[str] | None = None) -> Fold:
    """Encounters that began in the last days."""
    return Fold(lambda known: _recent(_of_class(known, classes), known.at, days), _count)


def inpatient_days(days: int) -> Fold:
    """Days in hospital within the last days; a stay that has not ended counts until now."""

    def within(known: Known, stay: Event) -> float:
        since = earlier(known.at, timedelta(days=days))
        return max(0.0, _days((stay.until or known.at) - max(stay.at, since)))

    def total(known: Known, found: list[Event]) -> float:
        spent = 0.0
        for stay in found:  # one after another: `sum` gives other digits from Python 3.12 on
            spent += within(known, stay)
        return spent

    return Fold(lambda known: (stay for stay in _of_class(known, _IN_HOSPITAL) if within(known, stay)), total)


def conditions(*, active: bool = False, days: int | None = None) -> Fold:
    """Different conditions: ever, those that have not ended, or those that began in the last days."""

    def found(known: Known) -> Events:
        every = known.of("Condition")
        recent = every if days is None else _recent(every, known.at, days)
        return (each for each in recent if not (active and each.until is not None))

    return Fold(found, _different)


def has(group: str) -> Fold:
    """1 where a condition of the group has ever begun."""
    return Fold(lambda known: _diagnosed(known, group), _any)


def days_since_diagnosis(group: str) -> Fold:
    """Days since the first condition of the group began."""
    return Fold(lambda known: islice(_diagnosed(known, group), 1), _days_since)


def latest(measure: str) -> Fold:
    """The last value of the last three years."""
    return Fold(
        lambda known: _last(_measured(known, measure, RECENT_DAYS)),
        lambda _, found: _values(found)[-1] if found else math.nan,
    )


def age_of_latest(measure: str) -> Fold:
    """Days since the last value."""
    return Fold(
        lambda known: _last(each for each in known.events if each.measure == measure),
        _days_since,
    )


def highest(measure: str, days: int) -> Fold:
    """The highest value of the last days."""
    return Fold(
        lambda known: _measured(known, measure, days),
        lambda _, found: max(_values(found), default=math.nan),
    )


def mean(measure: str, days: int) -> Fold:
    """The mean value of the last days."""
    return Fold(
        lambda known: _measured(known, measure, days),
        lambda _, found: math.fsum(_values(found)) / len(found) if found else math.nan,
    )


def change(measure: str, days: int) -> Fold:
    """The last value less the first of the last days; NaN where there are fewer than two."""

    def moved(_: Known, found: list[Event]) -> float:
        values = _values(found)
        return values[-1] - values[0] if len(values) > 1 else math.nan

    return Fold(lambda known: _measured(known, measure, days), moved)


def _smoking(known: Known) -> Events:
    return _last(each for each in known.of("Observation") if each.code == SMOKING and each.value_code)


smokes: Final = Fold(_smoking, lambda _, found: float(found[0].value_code in SMOKES) if found else math.nan)
"""1 where the last smoking status is current, 0 where it is not."""


def requests(days: int, *, different: bool = False) -> Fold:
    """Medication requests of the last days, or the different medications among them."""
    return Fold(
        lambda known: _recent(known.of("MedicationRequest"), known.at, days),
        _different if different else _count,
    )


def takes(words: tuple[str, ...], days: int) -> Fold:
    """1 where a medication of the last days has one of the words in its name."""

    def found(known: Known) -> Events:
        recent = _recent(known.of("MedicationRequest"), known.at, days)
        return (each for each in recent if any(word in each.words for word in words))

    return Fold(found, _any)


def _of_class(known: Known, classes: frozenset[str] | None) -> Events:
    return (event for event in known.of("Encounter") if classes is None or event.category in classes)


def _diagnosed(known: Known, group: str) -> Events:
    return (event for event in known.of("Condition") if BY_NAME[group].has(event.system, event.code))


def _recent(events: Events, at: datetime, days: int) -> Events:
    since = earlier(at, timedelta(days=days))
    return (event for event in events if event.at > since)


def _measured(known: Known, measure: str, days: int) -> Events:
    found = _recent((each for each in known.events if each.measure == measure), known.at, days)
    return (each for each in found if each.value is not None)


def _values(found: Events) -> list[float]:
    return [each.value for each in found if each.value is not None]


def _last(events: Events) -> Events:
    return deque(events, maxlen=1)


def _days(span: timedelta) -> float:
    return span.total_seconds() / _SECONDS_PER_DAY
