"""The arithmetic of the measures on cases counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from spark.measures import disproportionality as dis
from spark.measures.adherence import Fill, days_covered, proportion_of_days_covered
from spark.measures.intervals import wilson
from spark.measures.readmission import Stay, indexes


@pytest.mark.parametrize(
    ("events", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (1, 10, 0.0179, 0.4042), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_interval(events: int, total: int, low: float, high: float) -> None:
    assert wilson(events, total) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_a_fill_on_time_leaves_no_gap() -> None:
    fills = [Fill(date(2020, 1, 1), 30), Fill(date(2020, 1, 31), 30)]
    assert days_covered(fills, date(2020, 1, 1), date(2020, 12, 30)) == 60


def test_an_early_fill_starts_when_the_first_one_ends() -> None:
    fills = [Fill(date(2020, 1, 1), 30), Fill(date(2020, 1, 21), 30)]  # ten days early: 60 days in all
    assert proportion_of_days_covered(fills, date(2020, 1, 1), date(2020, 2, 29)) == 1.0


def test_a_late_fill_leaves_its_gap_uncovered() -> None:
    fills = [Fill(date(2020, 1, 1), 30), Fill(date(2020, 2, 10), 30)]  # 31 January to 9 February: ten days
    assert proportion_of_days_covered(fills, date(2020, 1, 1), date(2020, 3, 10)) == 60 / 70


def test_supply_beyond_the_window_is_not_counted() -> None:
    assert days_covered([Fill(date(2020, 1, 1), 90)], date(2020, 1, 1), date(2020, 1, 10)) == 10
    assert days_covered([Fill(date(2020, 2, 1), 30)], date(2020, 1, 1), date(2020, 1, 10)) == 0


def test_a_supply_of_a_thousand_years_covers_the_window_and_no_more() -> None:
    fills = [Fill(date(2020, 1, 1), 10**18), Fill(date(2020, 2, 1), 30)]
    assert days_covered(fills, date(2020, 1, 1), date(2020, 12, 30)) == 365


def stay(
    id_: str, first: int, last: int | None, at: str = "h1", code: str = "", out: str | None = None
) -> Stay:
    """A stay from one day of 2020 to another, counted from 0; without a last one it goes on."""
    begin = datetime(2020, 1, 1, 10, tzinfo=UTC)
    ends = None if last is None else begin + timedelta(days=last, hours=6)
    codes = frozenset({code} - {""})
    return Stay(id_, at, begin + timedelta(days=first), ends, codes, out)


def outcome(
    *stays: Stay, emergencies: tuple[date, ...] = (), died_on: date | None = None
) -> list[tuple[object, ...]]:
    found = indexes(stays, emergencies, died_on)
    return [(each.stay.encounter_id, each.excluded, each.next_id, each.readmitted) for each in found]


def test_thirty_days_after_discharge_count_and_thirty_one_do_not() -> None:
    assert outcome(stay("a", 0, 3), stay("b", 33, 34)) == [("a", None, "b", True), ("b", None, None, False)]
    assert outcome(stay("a", 0, 3), stay("b", 34, 35))[0] == ("a", None, None, False)


def test_a_planned_admission_is_no_readmission_and_ends_the_window() -> None:
    planned = stay("b", 10, 11, code="367336001")
    assert outcome(stay("a", 0, 3), planned, stay("c", 15, 16)) == [
        ("a", None, "b", False),
        ("b", None, "c", True),
        ("c", None, None, False),
    ]


def test_a_planned_code_through_the_emergency_room_is_unplanned() -> None:
    planned = stay("b", 10, 11, code="367336001")
    assert outcome(stay("a", 0, 3), planned, emergencies=(date(2020, 1, 11),))[0] == ("a", None, "b", True)


def test_a_transfer_is_one_episode_and_the_last_hospital_answers_for_it() -> None:
    moved = outcome(stay("a", 0, 3), stay("b", 4, 6, at="h2"), stay("c", 20, 21))
    assert moved == [("b", None, "c", True), ("c", None, None, False)]


def test_the_same_hospital_on_the_next_day_is_a_readmission() -> None:
    assert outcome(stay("a", 0, 3), stay("b", 4, 6))[0] == ("a", None, "b", True)


def test_death_and_leaving_against_advice_are_no_index() -> None:
    assert outcome(stay("a", 0, 3, out="07"), stay("b", 5, 6))[0] == ("a", "left against advice", "b", False)
    assert outcome(stay("a", 0, 3), died_on=date(2020, 1, 4)) == [("a", "died during the stay", None, False)]


def test_a_stay_inside_another_ends_nothing() -> None:
    assert outcome(stay("a", 0, 9), stay("b", 2, 3)) == [("a", None, None, False)]


def test_who_came_back_and_has_not_left_yet_is_readmitted_and_no_index() -> None:
    assert outcome(stay("a", 0, 3), stay("b", 10, None)) == [("a", None, "b", True)]


def test_who_was_moved_on_and_has_not_left_yet_was_never_discharged() -> None:
    assert outcome(stay("a", 0, 3), stay("b", 3, None, at="h2")) == []


def test_a_stay_without_an_end_takes_in_nothing_that_came_later() -> None:
    assert outcome(stay("a", 0, None), stay("b", 40, 41)) == [("b", None, None, False)]


def test_a_stay_that_begins_as_another_ends_is_the_same_one() -> None:
    first = stay("a", 0, 3)
    assert first.discharged_at is not None
    second = Stay("b", "h1", first.discharged_at, first.discharged_at + timedelta(days=2))
    assert outcome(first, second) == [("b", None, None, False)]


def test_proportional_reporting_ratio_by_hand() -> None:
    # 41 of 55 reports of a drug against 754 of 591,958 others: 0.74545 / 0.0012737
    assert dis.proportional_reporting_ratio(41, 14, 754, 591_204) == pytest.approx(585.26, abs=0.1)
    assert dis.yates_chi_square(41, 14, 754, 591_204) > 4


def test_odds_ratio_and_interval_by_hand() -> None:
    # 1400 / 600; ln is 0.8473 and its standard error sqrt(1/10 + 1/20 + 1/30 + 1/140) = 0.4364
    assert dis.reporting_odds_ratio(10, 20, 30, 140) == pytest.approx(2.3333, abs=1e-4)
    low, high = dis.ror_bounds(10, 20, 30, 140)
    assert (low, high) == (pytest.approx(0.9919, abs=1e-3), pytest.approx(5.489, abs=1e-2))


def test_chi_square_by_hand_and_without_a_margin() -> None:
    # 200 (|1400 - 600| - 100)² / (30 · 170 · 40 · 160)
    assert dis.yates_chi_square(10, 20, 30, 140) == pytest.approx(200 * 700**2 / (30 * 170 * 40 * 160))
    assert dis.yates_chi_square(3, 0, 0, 0) == 0
