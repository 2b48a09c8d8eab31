"""Scores and alerts of a patient as one pure fold over the readings ordered by (effective time, id).

Each Observation with an input of a rule is scored with all readings up to and including itself in that order,
so a score has one triggering reading and an id of its own. Episodes listen only to the last score of an
instant: readings of one instant are one set of observations, and a set that is read halfway (a new pulse with
an old respiratory rate) never was the patient's state, so it must not raise an alert.

A value that does not count has its place in that order too: it triggers nothing and no score is made of it, but those
behind it name it until the next value of its parameter at a later instant that counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from shared.domain.alerts.episodes import Acknowledgement, Alert, Episode, Outcome, alert_of, step, to_us
from shared.domain.alerts.responses import response_to
from shared.domain.fhir.dates import earlier
from shared.domain.scores import RULES
from shared.domain.scores.model import INPUT_VALID_FOR, NotCounted, PatientContext, Score, ScoringRule
from shared.domain.vitals import ObservedVitals, Parameter, VitalReading

_Unused: TypeAlias = tuple[datetime, Parameter, str]
"""A value that does not count: its instant, its parameter, and why."""


@dataclass(frozen=True, slots=True)
class FoldResult:
    """Every score in the order of its triggering reading, and every alert in order of rule and beginning."""

    scores: tuple[Score, ...]
    alerts: tuple[Alert, ...]


def fold(
    vitals: Iterable[ObservedVitals],
    context: PatientContext,
    acknowledgements: Iterable[Acknowledgement] = (),
) -> FoldResult:
    """The whole fold, in any order of arrival, with repetitions and older versions among the readings."""
    inputs: dict[Parameter, VitalReading] = {}
    unused: list[_Unused] = []
    scores: list[Score] = []
    outcomes: dict[str, list[Outcome]] = {rule.version: [] for rule in RULES}
    for observed in in_order(newest(vitals).values()):
        inputs |= inputs_of(observed)
        unused = [each for each in unused if each[1] not in observed.values or each[0] == observed.at]
        unused += [(observed.at, *each) for each in observed.not_counted.items() if observed.at]
        for rule in RULES:
            score = triggered(rule, inputs, context, observed, _not_counted(unused, observed))
            if score is not None:
                scores.append(score)
                outcomes[rule.version].append(outcome_of(rule, score))
    known = tuple(acknowledgements)
    alerts = tuple(
        alert_of(episode, rule.model, rule.version, known)
        for rule in RULES
        for episode in episodes_of(outcomes[rule.version])
    )
    return FoldResult(tuple(scores), alerts)


def newest(vitals: Iterable[ObservedVitals]) -> dict[str, ObservedVitals]:
    """The newest version of each Observation by id."""
    result: dict[str, ObservedVitals] = {}
    for observed in vitals:
        known = result.get(observed.id)
        if known is None or (observed.order, observed.version) > (known.order, known.version):
            result[observed.id] = observed
    return result


def in_order(vitals: Iterable[ObservedVitals]) -> list[ObservedVitals]:
    """Those that have a place among the readings, by (effective time, id)."""
    contributing = [
        (observed.at, observed.id, observed) for observed in vitals if observed.at and observed.has_place
    ]
    return [observed for _, _, observed in sorted(contributing, key=lambda item: item[:2])]


def inputs_of(observed: ObservedVitals) -> dict[Parameter, VitalReading]:
    """One reading per parameter of the Observation; none where no instant is known."""
    if observed.at is None:
        return {}
    reference = f"Observation/{observed.id}"
    return {
        name: VitalReading(observed.at, reference, observed.version, name, value)
        for name, value in observed.values.items()
    }


def triggered(
    rule: ScoringRule,
    inputs: Mapping[Parameter, VitalReading],
    context: PatientContext,
    observed: ObservedVitals,
    not_counted: NotCounted,
) -> Score | None:
    """The score that this reading triggers; None where it is no input or the rule does not apply."""
    if observed.at is None or not any(name in observed.values for name in rule.parameters):
        return None
    score = rule.evaluate(inputs, context, observed.at, trigger=observed.id, not_counted=not_counted)
    return None if score.total is None else score


def _not_counted(unused: Iterable[_Unused], observed: ObservedVitals) -> NotCounted:
    """Those of reasons that were met in the last 12 hours: of an older one the source has fallen silent."""
    assert observed.at is not None
    counts = Counter((name, reason) for _, name, reason in unused)
    oldest = earlier(observed.at, INPUT_VALID_FOR)
    met = {(name, reason) for at, name, reason in unused if at >= oldest}
    return {each: count for each, count in counts.items() if each in met}


def outcome_of(rule: ScoringRule, score: Score) -> Outcome:
    """What the episodes need of a score."""
    total = score.total or 0
    response = response_to(rule.model, total, score.highest)
    missing = sum(1 << rule.parameters.index(name) for name in score.missing)
    severity = response.severity if response else None
    return Outcome(to_us(score.at), score.trigger or "", total, severity, missing)


def episodes_of(outcomes: Iterable[Outcome]) -> list[Episode]:
    """The episodes in order, the open one last, of outcomes ordered by (time, id)."""
    by_instant = {outcome.at_us: outcome for outcome in outcomes}
    episode: Episode | None = None
    result: list[Episode] = []
    for outcome in by_instant.values():
        episode, closed = step(episode, outcome)
        if closed:
            result.append(closed)
    return [*result, episode] if episode else result
