"""The sepsis risk of a stay at an instant: the published model on its hours, with what it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, Final

from shared.domain.alerts.episodes import Episode, Outcome, from_us, step, to_us
from shared.domain.alerts.responses import Severity
from shared.domain.features.sepsis import MEASURED, VITALS, Shown, Stay, chosen, places_of, rests_on
from shared.domain.models.artefact import Contribution, Evaluation, PublishedModel, RefusedModel
from shared.domain.models.shipped import shipped_model
from shared.domain.stays.model_risk import SEPSIS, ModelRisk, Reason
from shared.domain.stays.stay import (
    AT,
    HOUR_US,
    ID,
    VALUE,
    VERSION,
    OpenStay,
    StayState,
    hours_between,
    last_readings,
    span,
    stay_of,
)

MODEL: Final = SEPSIS.model
ALARM_ABOVE: Final = 0.8
"""Risk index above which an alarm is raised: the operating point of the model card."""
YOUNGEST: Final = 14
NEEDED: Final = ("HR", "Resp", "SBP or MAP", "Temp or O2Sat")
VALID_FOR_US: Final = 12 * HOUR_US
MOST_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Prefix:
    """What the hours from `first` to the one before `hour` left behind, what the variables of `hour` came to, and the
    evaluation that came last.
    """

    first: int
    hour: int
    stay: Stay
    shown: Shown = field(default_factory=dict)
    evaluation: Evaluation | None = None


def sepsis_model() -> PublishedModel:
    """The shipped model. Raises RefusedModel where it was made for other features than this code computes."""
    return checked(shipped_model(MODEL))


def checked(model: PublishedModel) -> PublishedModel:
    """The model, where this code computes what it asks for; raises RefusedModel otherwise."""
    try:
        places_of(model.features)
    except KeyError as unknown:
        raise RefusedModel("the sepsis model was trained on other features: train it anew") from unknown
    return model


def lacking(state: StayState, at_us: int) -> list[str]:
    """What must be known before there is a score: four vital signs of the last twelve hours, and an age of 14 or more."""
    fresh = {name for name, entry in last_readings(state, at_us).items() if entry[AT] >= at_us - VALID_FOR_US}
    lacks = [need for need in NEEDED if fresh.isdisjoint(need.split(" or "))]
    age = stay_of(state).age
    return [*lacks, *(["birth date"] if age is None else ["age of 14 or more"] if age < YOUNGEST else [])]


def evaluate(
    model: PublishedModel, state: StayState, at_us: int, prefix: Prefix | None = None
) -> tuple[ModelRisk, Prefix]:
    """The risk at an instant, from readings of that instant and before; nothing `lacking`.

    The prefix that it gives saves the next evaluation the hours that are over, as long as none of them changes, and the
    trees that cannot tell the two rows apart.
    """
    before = prefix.evaluation if prefix else None
    known, prefix = _features(state, at_us, prefix)
    evaluation = model.evaluate(chosen(known, model.features), before)
    last = last_readings(state, at_us)
    reasons = tuple(_reason(each, last, stay_of(state)) for each in model.reasons(evaluation, MOST_SHOWN))
    basis = dict.fromkeys(f"Observation/{entry[ID]}/_history/{entry[VERSION]}" for entry in last.values())
    encounter = stay_of(state)
    risk = ModelRisk(
        from_us(at_us),
        model.version,
        model.sha256,
        model.judge(evaluation),
        reasons,
        (f"{encounter.encounter}/_history/{encounter.version}", *basis),
        tuple(name for name in MEASURED if name not in last),
        tuple(sorted(state["counts"].items())),
        tuple((name, last[name][VALUE]) for name in MEASURED if name in last),
        state.get("named", {}),
    )
    return risk, replace(prefix, evaluation=evaluation)


def _features(state: StayState, at_us: int, prefix: Prefix | None) -> tuple[list[float], Prefix]:
    first, last = span(state, at_us)
    if prefix is None or prefix.first != first or prefix.hour > last:
        prefix = Prefix(first, first, Stay())
    *over, present = hours_between(state, prefix.hour, last, at_us)
    if over:
        stay = prefix.stay.copy()
        for hour in over:
            stay.advance(hour)
        prefix = Prefix(first, last, stay)
    return prefix.stay.preview(present, prefix.shown), prefix


def alarm(
    episode: Episode | None, risk: ModelRisk, state: StayState, trigger: str
) -> tuple[Episode | None, Episode | None]:
    """The open episode after this risk and the one that it closed: opened above the operating point, ended as for NEWS2.

    The total of an episode is the risk index in hundredths. A vital sign that fell silent is no recovery.
    """
    index = risk.prediction.risk_index
    severity = Severity.P1 if index > ALARM_ABOVE else None
    at_us = to_us(risk.at)
    last = last_readings(state, at_us)
    silent = [name not in last or last[name][AT] < at_us - VALID_FOR_US for name in VITALS]
    missing = sum(1 << place for place, is_silent in enumerate(silent) if is_silent)
    return step(episode, Outcome(at_us, trigger, round(index * 100), severity, missing))


def _reason(moved: Contribution, last: dict[str, list[Any]], stay: OpenStay) -> Reason:
    """Dated by the newest reading of the variables that the feature rests on; a fact of the stay by its beginning."""
    variables = rests_on(moved.feature)
    found = [last[name] for name in variables if name in last]
    at, source = None, None
    if found:
        newest = max(found, key=itemgetter(AT, ID))
        at, source = from_us(newest[AT]), f"Observation/{newest[ID]}/_history/{newest[VERSION]}"
    elif not variables and moved.value is not None:
        at, source = from_us(stay.begun_us), f"{stay.encounter}/_history/{stay.version}"
    return Reason(moved.feature, moved.value, moved.log_odds, at, source)
