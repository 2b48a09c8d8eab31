"""The folds that features are made of: each a function of a patient as known at an instant, NaN where nothing was known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from shared.domain.features.patient.diagnoses import BY_NAME
from shared.domain.features.patient.known import Event, Known
from shared.domain.features.patient.measures import SMOKES, SMOKING
from shared.domain.fhir.dates import earlier

Fold = Callable[[Known], float]
RECENT_DAYS: Final = 1095
"""How old a measured value may be to stand for the patient."""
_SECONDS_PER_DAY: Final = 86_400.0
_DAYS_PER_YEAR: Final = 365.25
_FEMALE: Final = frozenset({"female", "f", "w", "woman"})
_MALE: Final = frozenset({"male", "m", "man"})
_IN_HOSPITAL: Final = frozenset({"IMP", "ACUTE", "NONAC"})


def age_years(known: Known) -> float:
    """Years since birth."""
    return math.nan if known.birth is None else _days(known.at - known.birth) / _DAYS_PER_YEAR


def female(known: Known) -> float:
    """1 female, 0 male."""
    return 1.0 if known.gender in _FEMALE else 0.0 if known.gender in _MALE else math.nan


def years_on_record(known: Known) -> float:
    """Years since the first event."""
    return _days(known.at - known.events[0].at) / _DAYS_PER_YEAR if known.events else math.nan


def encounters(days: int, classes: frozenset[str] | None = None) -> Fold:
    """Encounters that began in the last days."""
    return lambda known: float(sum(1 for _ in _recent(_of_class(known, classes), known.at, days)))


def inpatient_days(days: int) -> Fold:
    """Days in hospital within the last days; a stay that has not ended counts until now."""

    def fold(known: Known) -> float:
        since = earlier(known.at, timedelta(days=days))
        total = 0.0
        for stay in _of_class(known, _IN_HOSPITAL):
            total += max(0.0, _days((stay.until or known.at) - max(stay.at, since)))
        return total

    return fold


def days_since_encounter(known: Known) -> float:
    """Days since the last encounter began."""
    return _since_last(known.of("Encounter"), known.at)


def conditions(*, active: bool = False, days: int | None = None) -> Fold:
    """Different conditions: ever, those that have not ended, or those that began in the last days."""

    def fold(known: Known) -> float:
        found = known.of("Condition")
        if days is not None:
            found = _recent(found, known.at, days)
        return float(
            len({(e.system, e.code, e.words) for e in found if not (active and e.until is not None)})
        )

    return fold


def has(group: str) -> Fold:
    """1 where a condition of the group has ever begun."""
    return lambda known: float(any(True for _ in _diagnosed(known, group)))


def days_since_diagnosis(group: str) -> Fold:
    """Days since the first condition of the group began."""

    def fold(known: Known) -> float:
        first = next(iter(_diagnosed(known, group)), None)
        return math.nan if first is None else _days(known.at - first.at)

    return fold


def latest(measure: str) -> Fold:
    """The last value of the last three years."""

    def fold(known: Known) -> float:
        values = _values(known, measure, RECENT_DAYS)
        return values[-1][1] if values else math.nan

    return fold


def age_of_latest(measure: str) -> Fold:
    """Days since the last value."""
    return lambda known: _since_last((e for e in known.events if e.measure == measure), known.at)


def highest(measure: str, days: int) -> Fold:
    """The highest value of the last days."""
    return lambda known: max((value for _, value in _values(known, measure, days)), default=math.nan)


def mean(measure: str, days: int) -> Fold:
    """The mean value of the last days."""

    def fold(known: Known) -> float:
        values = [value for _, value in _values(known, measure, days)]
        return math.fsum(values) / len(values) if values else math.nan

    return fold


def change(measure: str, days: int) -> Fold:
    """The last value less the first of the last days; NaN where there are fewer than two."""

    def fold(known: Known) -> float:
        values = _values(known, measure, days)
        return values[-1][1] - values[0][1] if len(values) > 1 else math.nan

    return fold


def smokes(known: Known) -> float:
    """1 where the last smoking status is current, 0 where it is not."""
    found = [e for e in known.of("Observation") if e.code == SMOKING and e.value_code]
    return float(found[-1].value_code in SMOKES) if found else math.nan


def requests(days: int, *, different: bool = False) -> Fold:
    """Medication requests of the last days, or the different medications among them."""

    def fold(known: Known) -> float:
        found = list(_recent(known.of("MedicationRequest"), known.at, days))
        return float(len({(e.system, e.code, e.words) for e in found}) if different else len(found))

    return fold


def takes(words: tuple[str, ...], days: int) -> Fold:
    """1 where a medication of the last days has one of the words in its name."""

    def fold(known: Known) -> float:
        found = _recent(known.of("MedicationRequest"), known.at, days)
        return float(any(word in event.words for event in found for word in words))

    return fold


def _of_class(known: Known, classes: frozenset[str] | None) -> Iterable[Event]:
    return (event for event in known.of("Encounter") if classes is None or event.category in classes)


def _diagnosed(known: Known, group: str) -> Iterable[Event]:
    return (event for event in known.of("Condition") if BY_NAME[group].has(event.system, event.code))


def _recent(events: Iterable[Event], at: datetime, days: int) -> Iterable[Event]:
    since = earlier(at, timedelta(days=days))
    return (event for event in events if event.at > since)


def _values(known: Known, measure: str, days: int) -> list[tuple[datetime, float]]:
    found = _recent((e for e in known.events if e.measure == measure), known.at, days)
    return [(event.at, event.value) for event in found if event.value is not None]


def _since_last(events: Iterable[Event], at: datetime) -> float:
    found = list(events)
    return _days(at - found[-1].at) if found else math.nan


def _days(span: timedelta) -> float:
    return span.total_seconds() / _SECONDS_PER_DAY
