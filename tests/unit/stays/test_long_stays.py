"""A stay of days keeps the values alone of the hours that no reading can reach any more, and is scored as if it kept all."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from shared.domain.alerts.episodes import from_us, to_us
from shared.domain.features.sepsis import sepsis_features
from shared.domain.records import body_of, stored_body
from shared.domain.stays.sepsis_risk import evaluate, sepsis_model
from shared.domain.stays.stay import (
    AT,
    HOUR_US,
    ID,
    MOST_HOURS,
    OpenStay,
    StayState,
    add,
    hours_between,
    last_readings,
    span,
    twin,
)
from shared.domain.stays.variables import Found
from shared.ports.records import Replace
from tests.delivery.world import World
from tests.unit.features.stays import made_up_stay
from tests.unit.stays.icu import CALM, Icu, index_of, observed
from tests.unit.stays.readings import BEGUN, followed, found_in

_STAY = OpenStay("Encounter/e", "1", BEGUN, None, 71, "female")
_DAYS = 130  # hours


def _by_an_earlier_release(state: StayState, found: list[Found]) -> StayState:
    """The same stay as the layout before kept it: every hour with the versions of its readings."""
    hours: dict[str, dict[str, list[Any]]] = {}
    for each in found:
        assert each.at is not None
        at = to_us(each.at)
        [(name, value)] = each.values.items()
        hour = hours.setdefault(str((at - BEGUN) // HOUR_US), {})
        hour[name] = [at, each.id, each.version, each.order, value]
    kept = {name: value for name, value in state.items() if name not in ("over", "last", "named")}
    return {**kept, "layout": 1, "hours": hours}


def test_only_hours_that_a_reading_can_reach_keep_versions() -> None:
    found = found_in(made_up_stay(3, _DAYS))
    state = followed(_STAY, found)
    assert len(state["over"]) + len(state["hours"]) == _DAYS
    assert min(map(int, state["hours"])) == _DAYS - 1 - 48
    first_open = from_us(BEGUN + (_DAYS - 1 - 48) * HOUR_US)
    late = Found("late", "1", "1", first_open, {"HR": 61.0})
    assert add(state, late) is None, "more than 48 hours before the newest reading"
    assert state["counts"] == {"late": 1}


def test_the_features_of_a_long_stay_are_those_of_all_its_hours() -> None:
    hours = made_up_stay(3, _DAYS)
    first_day = found_in(hours[:24])
    found = [
        *first_day,
        *(each for each in found_in(hours)[len(first_day) :] if "Calcium" not in each.values),
    ]
    state = followed(_STAY, found)
    at_us = BEGUN + _DAYS * HOUR_US - 1
    served = hours_between(state, *span(state, at_us), at_us)
    every = hours_between(_by_an_earlier_release(state, found), *span(state, at_us), at_us)
    assert list(map(repr, sepsis_features(served))) == list(map(repr, sepsis_features(every)))
    readings = last_readings(state, at_us)
    assert readings == last_readings(_by_an_earlier_release(state, found), at_us)
    assert readings["Calcium"][AT] < at_us - 49 * HOUR_US, "of an hour that is over"


def test_a_state_of_the_release_before_goes_on() -> None:
    found = found_in(made_up_stay(5, _DAYS))
    *before, newest = found
    known = _by_an_earlier_release(followed(_STAY, before), before)
    untouched = copy.deepcopy(known)
    state = twin(known)
    add(state, newest)
    assert known == untouched
    expected = followed(_STAY, found)
    assert {name: state[name] for name in ("hours", "over", "last")} == {
        name: expected[name] for name in ("hours", "over", "last")
    }
    assert newest.at is not None
    at_us = to_us(newest.at)
    model = sepsis_model()
    assert evaluate(model, state, at_us)[0] == evaluate(model, expected, at_us)[0]


def test_hours_before_those_of_the_model_are_forgotten() -> None:
    found = [
        Found(f"{number}", "1", "1", from_us(BEGUN + number * HOUR_US), {"HR" if number else "WBC": 70.0})
        for number in range(MOST_HOURS + 3)
    ]
    state = followed(_STAY, found)
    assert sorted(map(int, [*state["over"], *state["hours"]])) == list(range(3, MOST_HOURS + 3))
    assert set(last_readings(state, to_us(found[-1].at or from_us(0)))) == {"HR"}
    assert last_readings(followed(_STAY, found[:MOST_HOURS]), BEGUN + MOST_HOURS * HOUR_US)["WBC"][ID] == "0"


@pytest.mark.parametrize("hour", [2, 60])
def test_a_reading_that_is_withdrawn_after_days_leaves_nothing_behind(hour: float) -> None:
    risks = []
    for withdrawn in (True, False):
        icu = Icu(hours=64)
        icu.admit()
        if withdrawn:
            [lactate] = icu.measure(hour, Lactate=9.0)
        for each in range(1, 64, 3):
            icu.measure(each, **CALM)
            icu.react()
        if withdrawn:
            high = index_of(icu.risks()[-1])
            icu.put(lactate, {**observed("Lactate", 9.0, icu.at(hour)), "status": "entered-in-error"})
            icu.react()
            assert index_of(icu.risks()[-1]) != high
        risks.append(icu.risks()[-1])
    assert index_of(risks[0]) == index_of(risks[1])


def test_two_weeks_take_less_than_half_the_room() -> None:
    found = found_in(made_up_stay(4, MOST_HOURS))
    state = followed(_STAY, found)
    assert 2 * len(json.dumps(state)) < len(json.dumps(_by_an_earlier_release(state, found)))


def test_what_is_told_again_of_an_hour_that_is_over_changes_nothing() -> None:
    icu = Icu(hours=64)
    icu.admit()
    icu.measure(2, Lactate=9.0)
    early = len(icu.world.stores.records.changes)
    for each in range(1, 64, 3):
        icu.measure(each, **CALM)
    icu.react()
    [state] = icu.world.kinds("stay")
    risks = icu.risks()
    assert icu.world.score_sepsis.react(icu.world.stores.records.changes[:early]) == 0
    assert icu.world.kinds("stay") == [state]
    assert icu.risks() == risks


def test_a_state_of_a_later_release_is_not_read_as_one_of_ours() -> None:
    icu = Icu(hours=12)
    icu.admit()
    icu.measure(2, **CALM)
    icu.react()
    [item] = icu.world.kinds("stay")
    later = {**json.loads(body_of(item)), "layout": 99, "hours": {}}
    kept = {name: value for name, value in item.items() if name not in ("body", "z", "_etag")}
    icu.world.stores.records.commit(
        item["tenant"], item["home"], [Replace({**kept, **stored_body(json.dumps(later))}, item["_etag"])]
    )
    icu.world = World(icu.world.stores)
    icu.measure(4, Temp=37.2)
    assert icu.react() == 1
    assert len(icu.risks()[-1]["basis"]) == 1 + len(CALM)
    [item] = icu.world.kinds("stay")
    assert json.loads(body_of(item))["layout"] == 2
