"""EARS and CUSUM: golden days counted by hand, and outbreaks injected into quiet series."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import groupby

import pytest

from local.bench.surveillance import METHODS, SHAPES, SIZES_DEVIATIONS, run, table
from local.layout import CHECKOUT
from spark.measures.surveillance import aberrations

WEEK = [2, 4, 4, 4, 5, 5, 4]  # mean 4, sum of squares 6, deviation 1


def test_c1_compares_with_the_week_before() -> None:
    days = aberrations([*WEEK, 8])
    assert days[7].c1 == pytest.approx(4.0)
    assert days[7].c1_alarm
    assert (days[6].c1, days[7].c2) == (None, None)


def test_c2_leaves_two_days_of_guard() -> None:
    days = aberrations([*WEEK, 9, 9, 8])  # the two raised days are not in the baseline
    assert days[9].c2 == pytest.approx(4.0)
    assert days[9].c2_alarm
    assert not days[9].c1_alarm  # they are in C1's


def test_c3_sums_three_days_above_one() -> None:
    days = aberrations([*WEEK, 4, 4, *[4] * 2, 4])
    assert days[11].c3 == 0
    steady = aberrations([*WEEK, *WEEK, 6, 6, 6])
    recent = [each.c2 for each in steady[14:17]]
    wanted = sum(max(0.0, each - 1) for each in recent if each is not None)
    assert steady[16].c3 == pytest.approx(wanted)
    assert steady[16].c3_alarm == (wanted > 2)


def test_among_none_one_case_is_no_alarm_and_two_are() -> None:
    assert not aberrations([0] * 20 + [1])[-1].c1_alarm
    assert aberrations([0] * 20 + [2])[-1].c1_alarm


def test_cusum_adds_up_what_no_single_day_shows() -> None:
    quiet = [3, 5] * 20
    days = aberrations([*quiet, *[6] * 8])
    assert not any(day.c1_alarm for day in days[40:])
    assert any(day.cusum_alarm for day in days[40:])


def test_cusum_starts_again_after_an_alarm() -> None:
    days = aberrations([*[3, 5] * 16, 30, 4])
    assert days[32].cusum_alarm
    assert days[33].cusum == 0


def test_injected_outbreaks_are_found_and_the_larger_ones_sooner() -> None:
    results = run(series=40)
    print("\n" + table(results))
    assert len(results) == len(SHAPES) * len(SIZES_DEVIATIONS) * len(METHODS)
    by = {(each.shape, each.size, each.method): each for each in results}
    for shape in SHAPES:
        assert by[shape, 8, "C2"].found >= 38
        for method in METHODS:
            assert by[shape, 8, method].found >= by[shape, 2, method].found
    assert all(each.false_alarms_per_100_days < 10 for each in results)
    assert run(series=40) == results


def test_the_documents_say_what_is_found_of_each_shape_and_size() -> None:
    text = (CHECKOUT / "docs/measures.md").read_text("utf-8")
    for (shape, size), results in groupby(run(), key=lambda each: (each.shape, each.size)):
        cells = [
            f"{each.found}, {each.mean_delay_days:.1f} d, {each.false_alarms_per_100_days:.1f}"
            for each in results
        ]
        assert f"| {shape} | {size} | {' | '.join(cells)} |" in text


def test_a_series_with_pauses_has_the_flags_of_all_its_days() -> None:
    pytest.importorskip("pyspark", reason="not tested: surveillance flags, whose module imports Spark")
    from spark.gold.surveillance import WATCHED_DAYS, flag_rows

    chance, as_of = random.Random(5), date(2026, 5, 1)
    found = flags = 0
    for share in (0.004, 0.02, 0.1, 0.6) * 10:
        length = chance.choice((40, 400, WATCHED_DAYS + 31))
        counts = [chance.choice((1, 1, 2, 9)) if chance.random() < share else 0 for _ in range(length)]
        counts[chance.choice((0, length - 1))] = 1
        first = as_of - timedelta(days=length - 1)
        cases = [
            {"on": first + timedelta(days=place), "cases": cases}
            for place, cases in enumerate(counts)
            if cases
        ]
        names = ("tenant", "condition_system", "condition_code", "place", "condition_display")
        row = dict.fromkeys(names, "x") | {"days": cases, "as_of": as_of, "began_on": first}
        rows = {each["on"]: each for each in flag_rows([row])}
        for place, day in enumerate(aberrations(counts)):
            on = first + timedelta(days=place)
            alarm = day.c1_alarm or day.c2_alarm or day.c3_alarm or day.cusum_alarm
            if not (day.count or alarm) or place < length - 1 - WATCHED_DAYS:
                assert on not in rows
                continue
            each = rows.pop(on)
            values = (day.count, day.c1, day.c2, day.c3, day.cusum)
            assert tuple(each[name] for name in ("cases", "c1", "c2", "c3", "cusum")) == values
            flags, found = flags + 1, found + alarm
        assert not rows
    assert found > 100 < flags
