"""The order in which `local bench sepsis` replays stays, and what it expects of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from local.bench.sepsis import SepsisResult, gone_on
from local.bench.stays import Replayed, Rise, Value, in_turn, lasting, with_alerts
from shared.domain.stays.sepsis_risk import sepsis_model
from shared.domain.stays.variables import variables

HOURS, VALUES = 4, 7
HEART_RATE = variables()[0]


@pytest.mark.parametrize("apart", [False, True])
def test_each_stay_is_replayed_in_its_order_and_their_hours_begin_one_after_another(apart: bool) -> None:
    values = tuple(
        Value(HEART_RATE, 80.0, timedelta(hours=hour, minutes=1 + place))
        for hour in range(HOURS)
        for place in range(VALUES)
    )
    stays = [Replayed(f"{number}", 60, "male", values) for number in range(50)]
    order = list(in_turn(stays, apart=apart))
    for number in range(len(stays)):
        assert [place for stay, place in order if stay == number] == list(range(HOURS * VALUES))
    second_hour = [at for at, (_, place) in enumerate(order) if place == VALUES]
    apart = [later - earlier for earlier, later in pairwise(second_hour)]
    assert max(apart) <= 2 * VALUES, "no two hours begin together"
    assert min(apart) >= VALUES // 2


def test_a_stay_of_few_values_keeps_their_hours() -> None:
    values = (
        Value(HEART_RATE, 80.0, timedelta(hours=0, minutes=1)),
        Value(HEART_RATE, 81.0, timedelta(hours=2, minutes=1)),
        Value(HEART_RATE, 82.0, timedelta(hours=2, minutes=2)),
    )
    full = tuple(Value(HEART_RATE, 80.0, timedelta(hours=hour, minutes=1)) for hour in range(3))
    order = list(in_turn([Replayed("few", 60, "female", values), Replayed("full", 60, "male", full)]))
    assert order == [(0, 0), (1, 0), (1, 1), (0, 1), (0, 2), (1, 2)]


def test_values_of_an_hour_come_one_after_another_or_as_far_apart_as_it_lets_them() -> None:
    hour = tuple(Value(HEART_RATE, 80.0, timedelta(minutes=1 + place)) for place in range(VALUES))
    stays = [Replayed(f"{number}", 60, "male", hour) for number in range(100)]
    lengths = {}
    for apart in (False, True):
        at = [number for number, (stay, _) in enumerate(in_turn(stays, apart=apart)) if stay == 50]
        lengths[apart] = at[-1] - at[0]
    assert lengths[False] * 4 < lengths[True]


def test_a_risk_that_is_soon_lower_again_is_no_alert_to_expect() -> None:
    values = tuple(Value(HEART_RATE, 80.0, timedelta(minutes=1 + place)) for place in range(VALUES))
    rises = (Rise(0, 0, 2), Rise(3, 0, 6), Rise(6, 6, None))
    stay = Replayed("one", 60, "male", values, rises)
    assert lasting([stay], list(in_turn([stay])), values=2) == {(0, 0): 3, (0, 6): 6}
    assert [stay.rise_of(place) for place in (0, 2, 5, 6)] == [rises[0], rises[0], rises[1], rises[2]]


def test_the_risk_of_a_septic_stay_rises_where_its_values_worsen() -> None:
    known = {each.name: each for each in variables()}
    calm = {"HR": 75.0, "Resp": 14.0, "SBP": 120.0, "MAP": 85.0, "Temp": 36.8, "O2Sat": 98.0}
    septic = {"HR": 135.0, "Resp": 34.0, "SBP": 78.0, "MAP": 52.0, "Temp": 39.6, "O2Sat": 87.0}
    blood = {"WBC": 24.0, "Lactate": 6.0, "Creatinine": 3.0, "Platelets": 60.0, "BUN": 60.0, "FiO2": 0.8}
    hours = (calm, calm, *[septic | blood] * 9)
    values = tuple(
        Value(known[name], value, timedelta(hours=hour, minutes=1 + minute))
        for hour, measured in enumerate(hours)
        for minute, (name, value) in enumerate(measured.items())
    )
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    found = with_alerts(Replayed("one", 60, "male", values), sepsis_model(), begun).rises
    assert found
    assert found[0].place == found[0].episode >= 2 * len(calm)
    for each, later in pairwise(found):
        assert each.until is not None
        assert each.place < each.until <= later.place


def test_an_alert_that_is_never_read_or_of_no_value_sent_misses_the_goal() -> None:
    told = [0.3] * 99
    assert SepsisResult(sent=1, found=1, latencies_s=told, lost=1).reached, "one in a hundred"
    assert not SepsisResult(sent=1, found=1, latencies_s=told, lost=2).reached
    assert not SepsisResult(sent=1, found=1, latencies_s=told, unforeseen=1).reached
    assert not SepsisResult(sent=2, found=1, latencies_s=told).reached
    assert not SepsisResult(sent=1, found=1).reached


@pytest.mark.parametrize(
    ("patient", "began", "ended", "scored", "told"),
    [
        ("p", "07:00", "", True, 1),
        ("p", "07:00", "09:30", True, 1),
        ("p", "07:00", "08:30", True, 0),
        ("p", "10:00", "", True, 0),
        ("q", "07:00", "", True, 0),
        ("p", "07:00", "", False, 0),
    ],
)
def test_an_alert_that_was_to_begin_anew_is_told_by_one_that_stayed_open_while_its_patient_was_scored(
    patient: str, began: str, ended: str, scored: bool, told: int
) -> None:
    alerts = {(patient, began): ended}
    assert gone_on([("p", "began_at", "09:00")], alerts, lambda *_: scored) == told
