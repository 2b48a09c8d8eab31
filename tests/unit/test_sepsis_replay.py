"""The order in which `local bench sepsis` replays stays."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from local.bench.sepsis import Replayed, Value, in_turn
from shared.domain.stays.variables import variables

HOURS, VALUES = 4, 7
HEART_RATE = variables()[0]


def test_each_stay_is_replayed_in_its_order_and_their_hours_begin_one_after_another() -> None:
    values = tuple(
        Value(HEART_RATE, 80.0, timedelta(hours=hour, minutes=1 + place))
        for hour in range(HOURS)
        for place in range(VALUES)
    )
    stays = [Replayed(f"{number}", 60, "male", values) for number in range(50)]
    order = list(in_turn(stays))
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
