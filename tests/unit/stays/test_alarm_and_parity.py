"""Alarms of sepsis are episodes as those of NEWS2, and serving sees the hours that training saw."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from shared.domain.alerts.episodes import RECOVERED, Episode, from_us, to_us
from shared.domain.alerts.responses import Severity
from shared.domain.features.sepsis import (
    COLUMNS,
    MEASURED,
    NAMES,
    PLAUSIBLE,
    VITALS,
    Hour,
    Shown,
    Stay,
    sepsis_features,
)
from shared.domain.models.artefact import Prediction
from shared.domain.stays.assessment import band_of
from shared.domain.stays.model_risk import ModelRisk
from shared.domain.stays.sepsis_risk import alarm, evaluate, sepsis_model
from shared.domain.stays.stay import HOUR_US, OpenStay, StayState, add, empty_stay, hours_between, span
from shared.domain.stays.variables import Found, by_code, variables
from tests.unit.features.stays import made_up_stay
from tests.unit.scores.ward import CALLER
from tests.unit.stays.icu import CALM, Icu
from tests.unit.stays.readings import BEGUN, followed, found_in

_STAY = OpenStay("Encounter/e", "1", BEGUN, BEGUN - int(7.5 * HOUR_US), 71, "female")


def _as_served(hour: Hour) -> Hour:
    """Which unit it was is not known of a stay that is served; FiO2 comes as a share."""
    unknown = {"Unit1": math.nan, "Unit2": math.nan}
    return tuple(unknown.get(name, value) for name, value in zip(COLUMNS, hour, strict=True))


def test_serving_computes_the_features_that_training_computes_to_the_last_digit() -> None:
    hours = [_as_served(hour) for hour in made_up_stay(3)]
    state = followed(_STAY, found_in(hours))
    at_us = BEGUN + len(hours) * HOUR_US - 1
    served = hours_between(state, *span(state, at_us), at_us)
    assert list(map(repr, sepsis_features(served))) == list(map(repr, sepsis_features(hours)))


def test_the_order_of_arrival_within_a_day_changes_nothing() -> None:
    found = found_in(made_up_stay(4, 30))
    shuffled = found[:]
    random.Random(1).shuffle(shuffled)
    # Whatever comes more than 48 hours after it was measured is left out; a stay of 30 hours has none.
    assert followed(_STAY, shuffled)["hours"].items() == followed(_STAY, found)["hours"].items()


def test_an_evaluation_that_goes_on_from_the_hours_that_are_over_is_the_same() -> None:
    found = found_in(made_up_stay(5, 12))
    state, prefix = empty_stay(_STAY), None
    model = sepsis_model()
    for each in found:
        add(state, each)
        assert each.at is not None
        risk, prefix = evaluate(model, state, to_us(each.at), prefix)
        assert risk == evaluate(model, state, to_us(each.at))[0]


def test_a_copy_of_a_stay_goes_on_alone() -> None:
    hours = made_up_stay(6, 30)
    stay = Stay()
    for hour in hours[:20]:
        stay.advance(hour)
    before = repr(stay.copy().advance(hours[20]))
    stay.copy().advance(hours[25])
    assert repr(stay.advance(hours[20])) == before


def test_an_hour_that_is_not_over_shows_what_it_would_come_to_and_leaves_no_trace() -> None:
    stay, over = Stay(), Stay()
    for hour in made_up_stay(7, 30):
        shown: Shown = {}
        for until in (2, len(VITALS), len(MEASURED)):
            begun = tuple(
                value if place < until else math.nan for place, value in enumerate(hour[: len(MEASURED)])
            )
            found = stay.preview((*begun, *hour[len(MEASURED) :]), shown)
        assert repr(found) == repr(over.advance(hour)) == repr(stay.advance(hour))


def _risk(hour: float, index: float) -> ModelRisk:
    at = from_us(BEGUN + int(hour * HOUR_US))
    return ModelRisk(at, "v", "h", Prediction(0.0, 0.1, 0.0, 0.2, index, index >= 0.8), (), (), (), ())


def _monitored(until: float) -> StayState:
    state = empty_stay(_STAY)
    for step in range(int(until * 2) + 1):
        at = from_us(BEGUN + step * HOUR_US // 2)
        for name in VITALS:
            add(state, Found(f"{name}{step}", "1", "1", at, {name: sum(PLAUSIBLE[name]) / 2}))
    return state


def test_an_alarm_is_raised_above_the_operating_point_and_ends_after_a_calm_hour() -> None:
    state = _monitored(4)
    assert alarm(None, _risk(1, 0.8), state, "o") == (None, None)
    raised, _ = alarm(None, _risk(1, 0.81), state, "o")
    assert raised is not None
    assert (raised.severity, raised.total, raised.trigger) == (Severity.P1, 81, "o")
    again, _ = alarm(raised, _risk(1.5, 0.9), state, "p")
    calm, none = alarm(again, _risk(2, 0.5), state, "q")
    assert none is None
    still, none = alarm(calm, _risk(2.5, 0.5), state, "r")
    assert none is None
    gone, ended = alarm(still, _risk(3, 0.5), state, "s")
    assert gone is None
    assert ended is not None
    assert (ended.ending, ended.began_us) == (RECOVERED, raised.began_us)


def test_a_monitor_that_falls_silent_is_no_recovery() -> None:
    state = _monitored(1)
    raised, _ = alarm(None, _risk(1, 0.9), state, "o")
    later: Episode | None = raised
    for hour in (13.9, 14.9):
        assert later is not None
        later, ended = alarm(
            replace(later, last_breach_us=BEGUN + 13 * HOUR_US), _risk(hour, 0.2), state, "p"
        )
        assert ended is None
    assert later is not None
    assert later.calm_since_us is None


def test_a_deteriorating_stay_raises_one_p1_that_an_acknowledgement_survives() -> None:
    icu = Icu(hours=30)
    icu.admit()
    icu.measure(1, **CALM)
    icu.react()
    assert icu.alerts() == []
    for hour in range(2, 30):
        icu.measure(hour, HR=135.0, Temp=39.6, SBP=78.0, MAP=52.0, Resp=34.0, O2Sat=87.0)
        icu.measure(hour, WBC=24.0, Lactate=6.0, Creatinine=3.0, Platelets=60.0, BUN=60.0, FiO2=0.8)
        icu.react()
        for alert in icu.alerts():
            icu.world.alerts.acknowledge(CALLER, alert["id"])
    [alert] = icu.alerts()
    assert alert["acknowledged_by"] == CALLER.client
    assert (alert["severity"], alert["status"], alert["model"]) == ("P1", "active", "sepsis")
    assert alert["total"] > 80


@pytest.mark.parametrize(("index", "band"), [(0.0, "low"), (0.5, "low"), (0.8, "moderate"), (0.81, "high")])
def test_the_band_above_the_operating_point_is_high(index: float, band: str) -> None:
    assert band_of(index) == band


def test_the_table_has_each_variable_once_and_no_code_twice() -> None:
    assert tuple(each.name for each in variables()) == MEASURED
    assert len(by_code()) == sum(len(each.codes) for each in variables())
    assert all(each.units[each.unit] == (0.0, 1.0) for each in variables())
    assert len(NAMES) == len(set(NAMES))
