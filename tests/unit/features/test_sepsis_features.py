"""Features of a stay: nothing of the future, what is impossible is not measured, every name has a value."""

from __future__ import annotations

import math
import random

import pytest

from shared.domain.features.sepsis import (
    COLUMNS,
    MEASURED,
    NAMES,
    PLAUSIBLE,
    Stay,
    chosen,
    implausible,
    rests_on,
    sepsis_features,
)
from tests.unit.features.stays import hour_of, made_up_stay


def _same(one: list[float], other: list[float]) -> bool:
    return len(one) == len(other) and all(
        a == b or (a != a and b != b) for a, b in zip(one, other, strict=True)
    )


def _last(*hours: tuple[float, ...]) -> dict[str, float]:
    return dict(zip(NAMES, list(sepsis_features(hours))[-1], strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_shuffling_the_future_of_a_stay_changes_no_past_feature(seed: int) -> None:
    stay, chance = made_up_stay(seed), random.Random(seed)
    known = list(sepsis_features(stay))
    for now in (0, 1, 7, 20, 38):
        future = stay[now + 1 :]
        chance.shuffle(future)
        shuffled = list(sepsis_features(stay[: now + 1] + future))
        assert all(_same(known[hour], shuffled[hour]) for hour in range(now + 1))


@pytest.mark.parametrize("variable", MEASURED)
def test_a_variable_moves_no_feature_that_is_not_said_to_rest_on_it(variable: str) -> None:
    place = COLUMNS.index(variable)
    moved: set[str] = set()
    for seed in range(3):
        stay, chance = made_up_stay(seed), random.Random(seed)
        values = [hour[place] for hour in stay]
        for others in (chance.sample(values, len(values)), [math.nan] * len(values)):
            changed = [
                (*hour[:place], value, *hour[place + 1 :]) for hour, value in zip(stay, others, strict=True)
            ]
            for before, after in zip(sepsis_features(stay), sepsis_features(changed), strict=True):
                moved |= {
                    name
                    for name, old, new in zip(NAMES, before, after, strict=True)
                    if old != new and (old == old or new == new)
                }
    assert moved <= {name for name in NAMES if variable in rests_on(name)}
    assert {name for name in NAMES if rests_on(name) == (variable,)} <= moved


def test_what_rests_on_no_variable_is_a_fact_of_the_person_or_of_the_stay() -> None:
    assert [name for name in NAMES if not rests_on(name)] == [
        "ICULOS", "HospAdmTime", "Age", "Gender", "Unit",
        "hours in intensive care before the first row", "hours in hospital",
    ]  # fmt: skip


def test_one_step_at_a_time_is_the_same_as_the_whole_stay() -> None:
    stay = made_up_stay(9)
    online = Stay()
    for hour, features in zip(stay, sepsis_features(stay), strict=True):
        assert _same(online.advance(hour), features)


def test_every_name_is_there_once_and_every_hour_has_a_value_for_it() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {len(row) for row in sepsis_features(made_up_stay(3))} == {len(NAMES)}


def test_no_feature_is_infinite_even_at_the_limits() -> None:
    lowest = hour_of(**{name: limits[0] for name, limits in PLAUSIBLE.items()})
    highest = hour_of(**{name: limits[1] for name, limits in PLAUSIBLE.items()})
    for row in sepsis_features([lowest, highest, lowest]):
        assert not any(math.isinf(value) for value in row)


def test_an_hour_without_any_measurement_has_features() -> None:
    found = _last(hour_of())
    assert math.isnan(found["HR last"])
    assert found["laboratory values"] == 0
    assert found["SIRS"] == 0


def test_a_heart_rate_of_900_counts_as_not_measured_and_is_named() -> None:
    wrong = hour_of(HR=900.0, SBP=120.0)
    assert implausible(wrong) == ["HR"]
    assert math.isnan(_last(wrong)["HR last"])
    assert _last(wrong)["SBP last"] == 120.0
    assert _last(hour_of(HR=80.0), wrong)["HR last"] == 80.0


def test_an_inspired_oxygen_in_percent_is_read_as_a_fraction() -> None:
    assert _last(hour_of(FiO2=40.0))["FiO2 last"] == 0.4
    assert _last(hour_of(FiO2=0.4))["FiO2 last"] == 0.4
    assert implausible(hour_of(FiO2=4000.0)) == ["FiO2"]


def test_a_value_keeps_its_age_until_it_is_measured_again() -> None:
    found = _last(hour_of(Lactate=2.0), hour_of(), hour_of())
    assert (found["Lactate last"], found["Lactate age"], found["Lactate count"]) == (2.0, 2, 1)
    found = _last(hour_of(Lactate=2.0), hour_of(), hour_of(Lactate=5.0))
    assert (found["Lactate age"], found["Lactate change"]) == (0, 3.0)


def test_the_window_of_a_vital_sign_is_twelve_hours() -> None:
    stay = [hour_of(HR=200.0), *[hour_of(HR=80.0 + number) for number in range(11)]]
    assert _last(*stay)["HR highest in 12 h"] == 200.0
    found = _last(*stay, hour_of(HR=91.0))
    assert (found["HR highest in 12 h"], found["HR lowest in 12 h"]) == (91.0, 80.0)
    assert found["HR slope in 12 h"] == pytest.approx(1.0)


def test_ratios_and_criteria_of_a_patient_in_shock() -> None:
    found = _last(
        hour_of(HR=130.0, SBP=80.0, DBP=40.0, MAP=53.0, Resp=30.0, Temp=39.0, WBC=20.0, Creatinine=2.5)
    )
    assert found["shock index"] == 130 / 80
    assert found["SIRS"] == 4
    assert (found["low systolic pressure"], found["fast breathing"]) == (1, 1)
    assert (found["SOFA creatinine"], found["SOFA pressure"]) == (2, 1)
    assert found["hours with fever"] == found["hours with low pressure"] == 1


def test_a_laboratory_value_is_unusual_where_nobody_looked_at_it_for_a_day() -> None:
    usual = [hour_of(Lactate=2.0), hour_of(Lactate=2.1)]
    found = _last(*usual)
    assert (found["unusual laboratory values in 6 h"], found["first laboratory values in 6 h"]) == (1, 1)
    found = _last(*usual, *[hour_of()] * 24, hour_of(Lactate=2.0, pH=7.3))
    assert (found["unusual laboratory values in 6 h"], found["first laboratory values in 6 h"]) == (2, 1)
    assert (found["Lactate hours since the first"], found["pH hours since the first"]) == (26, 0)


def test_the_points_of_news2_follow_the_chart_and_what_was_never_measured_gives_none() -> None:
    assert _last(hour_of(HR=131.0))["NEWS2 of vital signs"] == 3
    sick = hour_of(HR=111.0, Resp=25.0, O2Sat=91.0, SBP=90.0, Temp=39.1)
    found = _last(hour_of(), sick)
    assert found["NEWS2 of vital signs"] == 2 + 3 + 3 + 3 + 2
    assert found["NEWS2 mean in 6 h"] == 13 / 2
    well = hour_of(HR=90.0, Resp=20.0, O2Sat=96.0, SBP=219.0, Temp=38.0)
    assert _last(well)["NEWS2 of vital signs"] == 0


def test_a_model_asks_for_some_features_in_its_own_order() -> None:
    row = [float(place) for place in range(len(NAMES))]
    assert chosen(row, (NAMES[7], NAMES[2])) == [7.0, 2.0]
    with pytest.raises(KeyError):
        chosen(row, ("no such feature",))
