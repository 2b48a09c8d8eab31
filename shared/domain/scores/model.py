"""What a score is: its rule, its inputs with the resource versions they came from, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Final, TypeAlias

from shared.domain.fhir.dates import earlier
from shared.domain.vitals import Parameter, VitalReading

# An observation older than the longest monitoring interval of the RCP's NEWS2 response table (12 hours for a
# total of 0) no longer speaks for the patient.
INPUT_VALID_FOR = timedelta(hours=12)

UNDER_AGE = "under-age"
PREGNANCY = "pregnancy"
AGE_UNKNOWN = "age-unknown"
PREGNANCY_UNKNOWN = "pregnancy-unknown"

WHOLE = Decimal(1)
TENTH = Decimal("0.1")
NotCounted: TypeAlias = Mapping[tuple[Parameter, str], int]
"""How many values of a parameter do not count, by reason."""
NONE_UNCOUNTED: Final[NotCounted] = MappingProxyType({})
_WIDEST = 40  # digits before the point; what is longer needs no rounding to be beyond every row


@dataclass(frozen=True, slots=True)
class PatientContext:
    """What a rule must know of the patient beside the vitals; None means not on record."""

    birth_date: date | None = None
    pregnant: bool | None = None
    hypercapnic: bool = False

    def age_at(self, at: datetime) -> int | None:
        """Completed years at an instant, by the UTC calendar."""
        if self.birth_date is None:
            return None
        day, born = at.date(), self.birth_date
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@dataclass(frozen=True, slots=True)
class ScoreInput:
    """A value that went into a score, the Observation version it was read from, and the points it gave."""

    parameter: Parameter
    value: Decimal | str
    at: datetime
    observation: str
    version: str
    points: int


@dataclass(frozen=True, slots=True)
class Score:
    """One evaluation of a rule at an instant.

    `total` is None where the rule does not apply to the patient (`not_applicable` says why) or nothing usable
    is on record. A partial score sums what is known: it is a lower bound and can still alert. `not_counted`: how many
    values of a parameter, newer than the one that was used, do not count, by reason; as many as were known when it
    was scored, for one that comes late changes the score only by a reason that is not named yet.
    """

    model: str
    rule_version: str
    at: datetime
    total: int | None
    used: tuple[ScoreInput, ...]
    missing: tuple[Parameter, ...]
    scale: int | None = None
    not_applicable: str | None = None
    assumptions: tuple[str, ...] = ()
    trigger: str | None = None
    not_counted: tuple[tuple[tuple[Parameter, str], int], ...] = ()

    @property
    def partial(self) -> bool:
        """Whether an input is missing."""
        return bool(self.missing)

    @property
    def points(self) -> dict[Parameter, int]:
        """Points by parameter, of those that are known."""
        return {item.parameter: item.points for item in self.used}

    @property
    def highest(self) -> int:
        """The highest points of a single parameter; 0 where none is known."""
        return max((item.points for item in self.used), default=0)

    @property
    def key(self) -> str:
        """What identifies the score of a patient: rule version and triggering reading."""
        return f"{self.rule_version}|{self.trigger or self.at.isoformat()}"


def says_the_same(one: Score, other: Score) -> bool:
    """Whether two scores differ in nothing but how many values of a parameter and reason do not count."""
    if one == other:
        return True
    named = [name for name, _ in one.not_counted] == [name for name, _ in other.not_counted]
    return named and replace(one, not_counted=other.not_counted) == other


Values = Mapping[Parameter, Decimal | str]
PointsOf = Callable[[Parameter, Values, PatientContext], int]


@dataclass(frozen=True, slots=True)
class ScoringRule:
    """A published rule: for whom it is, what it reads, and how many points a value gives."""

    model: str
    version: str
    title: str
    source: str
    parameters: tuple[Parameter, ...]
    youngest: int
    points_of: PointsOf
    scale_of: Callable[[PatientContext], int | None]

    def evaluate(
        self,
        inputs: Mapping[Parameter, VitalReading],
        context: PatientContext,
        at: datetime,
        *,
        trigger: str | None = None,
        not_counted: NotCounted = NONE_UNCOUNTED,
    ) -> Score:
        """The score from the last reading of each parameter; one older than 12 hours is missing.

        Of `not_counted`, which may be about any parameter, it names those that it would have looked at.
        """
        reason, assumptions = self._applicability(context, at)
        if reason is not None:
            return Score(self.model, self.version, at, None, (), (), None, reason, (), trigger)
        unused = tuple(sorted(each for each in not_counted.items() if each[0][0] in self.parameters))
        oldest = earlier(at, INPUT_VALID_FOR)
        known = {
            name: reading.value
            for name in self.parameters
            if (reading := inputs.get(name)) is not None and oldest <= reading.at <= at
        }
        used = tuple(
            ScoreInput(name, value, inputs[name].at, inputs[name].observation, inputs[name].version,
                       self.points_of(name, known, context))
            for name, value in known.items()
        )  # fmt: skip
        missing = tuple(name for name in self.parameters if name not in known)
        total = sum(item.points for item in used) if used else None
        scale = self.scale_of(context)
        return Score(
            self.model, self.version, at, total, used, missing, scale, None, assumptions, trigger, unused
        )

    def _applicability(self, context: PatientContext, at: datetime) -> tuple[str | None, tuple[str, ...]]:
        age = context.age_at(at)
        if age is not None and age < self.youngest:
            return UNDER_AGE, ()
        if context.pregnant:
            return PREGNANCY, ()
        assumptions = ((AGE_UNKNOWN,) if age is None else ()) + (
            (PREGNANCY_UNKNOWN,) if context.pregnant is None else ()
        )
        return None, assumptions


def birth_date_of(text: str | None) -> date | None:
    """A FHIR `date` as the latest day it can mean: who may still be too young for a rule is taken as such."""
    if not text:
        return None
    try:
        if len(text) == 4:
            return date(int(text), 12, 31)
        if len(text) == 7:
            first = date.fromisoformat(f"{text}-01")
            return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return date.fromisoformat(text)
    except ValueError:
        return None


def charted(value: Decimal, resolution: Decimal) -> Decimal:
    """The value as it would be written on the chart: rounded half up to the chart's resolution."""
    if value.adjusted() > _WIDEST:
        return value
    return (
        value.quantize(resolution, ROUND_HALF_UP)
        if resolution != WHOLE
        else value.to_integral_value(ROUND_HALF_UP)
    )
