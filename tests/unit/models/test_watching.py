"""Drift, calibration and burden of a week, each by hand, and in bounds where chance alone explains the figure."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared.domain.features.readmission import WATCHED
from shared.domain.features.sepsis import MEASURED
from shared.domain.models.artefact import PublishedModel
from shared.domain.models.drift import PROBABILITY, Reference
from shared.domain.models.shipped import shipped_model
from shared.domain.models.watching import Forecast, Judgement, Kind, judge, wilson

NAN = math.nan


@pytest.fixture(scope="module")
def model() -> PublishedModel:
    """The shipped model with one feature to watch, half of whose values were up to 10, and an expected fifth of alerts."""
    reference = {"edges": [10.0], "shares": [0.5, 0.5, 0.0], "rows": 1000}
    shipped = shipped_model("onset")
    training = {**shipped.training, "metrics": {"flagged": 0.2}}
    return replace(shipped, tables={"reference": {"x": reference}}, training=training)


def week(model: PublishedModel, *forecasts: Forecast) -> dict[str, Judgement]:
    return {f"{each.kind}": each for each in judge(forecasts, model)}


def forecast(
    x: float = 1.0, probability: float = 0.1, *, alert: bool = False, outcome: bool | None = None
) -> Forecast:
    return Forecast({"x": x}, probability, alert, outcome)


def test_the_index_by_hand() -> None:
    reference = Reference((10.0,), (0.5, 0.5, 0.0), 1000)
    assert reference.psi([1, 2, 20, 30]) == pytest.approx(0, abs=1e-12)
    expected = 2 * (0.75 - 0.5) * math.log(0.75 / 0.5) / 2 + (0.25 - 0.5) * math.log(0.25 / 0.5)
    assert reference.psi([1, 2, 3, 30]) == pytest.approx(expected)


def test_a_value_on_an_edge_is_below_it_and_a_missing_one_has_its_own_bin() -> None:
    reference = Reference.of([1.0, 10.0, 10.5, NAN], [10.0])
    assert reference.shares == (0.5, 0.25, 0.25)


def test_the_bound_grows_where_patients_are_few() -> None:
    reference = Reference((10.0,), (0.5, 0.5, 0.0), 1000)
    assert reference.bound(10_000) == 0.25
    assert reference.bound(10) == pytest.approx(5.99 * (1 / 10 + 1 / 1000), rel=0.01)


def test_another_population_has_drifted_and_the_same_one_has_not(model: PublishedModel) -> None:
    chance = random.Random(5)
    same = [forecast(chance.uniform(0, 20)) for _ in range(60)]
    assert not week(model, *same)["drift"].out_of_bounds
    other = [forecast(chance.uniform(9, 20)) for _ in range(60)]
    assert week(model, *other)["drift"].out_of_bounds


def test_the_forecast_itself_is_watched(model: PublishedModel) -> None:
    part = {"edges": [0.5], "shares": [1.0, 0.0, 0.0], "rows": 1000}
    watched = replace(model, tables={"reference": {PROBABILITY: part}})
    found = week(watched, *(forecast(probability=0.9) for _ in range(50)))["drift"]
    assert (found.subject, found.out_of_bounds) == (PROBABILITY, True)


def test_a_forecast_beside_what_was_seen_is_out_of_bounds(model: PublishedModel) -> None:
    seen = [forecast(probability=0.1, outcome=number < 10) for number in range(100)]
    right = week(model, *seen, forecast(probability=0.9))["calibration"]
    assert (right.value, right.rows, right.out_of_bounds) == (pytest.approx(0.1), 100, False)
    wrong = [replace(each, probability=0.3) for each in seen]
    assert week(model, *wrong)["calibration"].out_of_bounds


def test_without_an_outcome_there_is_no_calibration(model: PublishedModel) -> None:
    assert "calibration" not in week(model, forecast())
    assert list(judge([], model)) == []


@pytest.mark.parametrize(("alerts", "beyond"), [(20, False), (33, False), (60, True)])
def test_too_many_alerts_are_out_of_bounds(model: PublishedModel, alerts: int, beyond: bool) -> None:
    found = week(model, *(forecast(alert=number < alerts) for number in range(100)))["burden"]
    assert (found.value, found.high, found.out_of_bounds) == (alerts / 100, pytest.approx(0.3), beyond)


def test_hours_of_few_patients_are_no_independent_ones(model: PublishedModel) -> None:
    numbers = range(100)
    hours = [forecast(5.0 if each < 80 else 15.0, alert=each < 45, outcome=each < 20) for each in numbers]
    found = {each.kind: each for each in judge(hours, model, patients=4, flagged="hours flagged")}
    alone = {each.kind: each for each in judge(hours, model)}
    for kind in Kind:
        assert found[kind].value == alone[kind].value
        assert found[kind].rows == 100
        assert alone[kind].out_of_bounds
        assert not found[kind].out_of_bounds
    assert found[Kind.BURDEN].subject == "hours flagged"


def test_an_input_that_a_forecast_does_not_have_is_missing(model: PublishedModel) -> None:
    [drift] = [
        each for each in judge([Forecast({}, 0.1, False, None)] * 60, model) if each.kind is Kind.DRIFT
    ]
    assert drift.out_of_bounds


def test_the_interval_of_a_share_as_published() -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 857, table I: 81 of 263, method 3."""
    assert wilson(81, 263) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))


@pytest.mark.parametrize(
    ("name", "inputs"),
    [("onset", shipped_model("onset").features), ("sepsis", MEASURED), ("readmission", WATCHED)],
)
def test_the_shipped_model_says_what_its_training_data_looked_like(name: str, inputs: Sequence[str]) -> None:
    shipped = shipped_model(name)
    assert set(shipped.tables["reference"]) == {*inputs, PROBABILITY}
    for part in shipped.tables["reference"].values():
        assert math.fsum(part["shares"]) == pytest.approx(1, abs=1e-4)
        assert len(part["shares"]) == len(part["edges"]) + 2
