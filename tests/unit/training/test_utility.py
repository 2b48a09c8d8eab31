"""The challenge's utility, against the example in its own evaluation script and its definition."""

from __future__ import annotations

import pytest

np = pytest.importorskip(
    "numpy", reason="the utility of sepsis alarms was not tested: NumPy is in the group ml"
)

from local.training.stay_table import Stays  # noqa: E402
from local.training.utility import best_threshold, normalised_utility, worth_of  # noqa: E402


def _utility(labels: list[int], alarms: list[int]) -> float:
    """The challenge's own measure: what alarms and silences earn together."""
    stay = np.array(labels, np.int8)
    since = np.arange(len(labels)) - (int(np.argmax(stay)) + 6)
    silence = sum(-2 / 9 * (each + 6) for each in since if -6 < each <= 3) if stay.any() else 0.0
    return float(silence + worth_of(stay).gain[np.array(alarms, bool)].sum())


def test_the_example_of_the_evaluation_script() -> None:
    assert _utility([0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 1, 1]) == pytest.approx(3.388888888888889)


def test_an_alarm_for_a_patient_without_sepsis_costs_a_twentieth() -> None:
    assert worth_of(np.zeros(4, np.int8)).gain.tolist() == [-0.05] * 4
    assert not worth_of(np.zeros(4, np.int8)).ideal.any()


def test_the_worth_of_an_alarm_around_sepsis() -> None:
    # The label turns to 1 in hour 14, so sepsis is in hour 20.
    worth = worth_of(np.array([0] * 14 + [1] * 12, np.int8))
    by_hour = dict(enumerate(worth.gain.tolist()))
    assert by_hour[7] == -0.05  # 13 hours before: too early
    assert by_hour[11] == pytest.approx(0.5)  # 9 hours before: half way up
    assert by_hour[14] == pytest.approx(1.0)  # 6 hours before: the most an alarm can earn
    assert by_hour[20] == pytest.approx(1 / 3 + 2 * 6 / 9)  # what it earns, and what silence would have cost
    assert by_hour[23] == pytest.approx(2.0)
    assert by_hour[24] == 0.0
    assert np.flatnonzero(worth.ideal).tolist() == list(range(8, 24))


def test_normalised_it_is_1_for_the_best_forecaster_and_0_for_silence() -> None:
    worths = [worth_of(np.array([0] * 20 + [1] * 10, np.int8)), worth_of(np.zeros(30, np.int8))]
    assert normalised_utility(worths, [worth.ideal for worth in worths]) == pytest.approx(1.0)
    assert normalised_utility(worths, [np.zeros(30, bool)] * 2) == 0.0
    assert normalised_utility(worths, [np.ones(30, bool)] * 2) < 1.0


def test_the_best_threshold_stops_where_alarms_begin_to_cost() -> None:
    gain = np.array([1.0, -0.05, 0.5, -0.05, -0.05])
    assert best_threshold(gain, np.array([0.9, 0.8, 0.7, 0.6, 0.5])) == 0.7


def test_an_alert_joins_alarms_with_at_most_an_hour_between_and_begins_anew_in_each_stay() -> None:
    alarms = np.array([1, 0, 1, 0, 0, 1, 1, 0, 1, 1], bool)
    hour = np.array([0, 1, 2, 3, 4, 5, 0, 1, 2, 0])
    stay = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2])
    labels, nothing = np.zeros(10, np.int8), np.zeros(10)
    stays = Stays(nothing, labels, nothing, alarms, stay, hour, stay, {})
    assert np.flatnonzero(stays.alerts(alarms)).tolist() == [0, 5, 6, 9]
    assert alarms.sum() == 6
