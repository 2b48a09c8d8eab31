"""Every column boundary of the RCP's NEWS2 chart (2017, chart 1), and for whom the score is."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.domain.scores import PatientContext, score_news2
from tests.unit.scores.readings import NOON, SHORT, WELL, inputs

ADULT = PatientContext(date(1960, 1, 1), pregnant=False)
HYPERCAPNIC = PatientContext(date(1960, 1, 1), pregnant=False, hypercapnic=True)

CHART = {
    "rr": "1:3 8:3 9:1 11:1 12:0 20:0 21:2 24:2 25:3 60:3",
    "spo2": "0:3 91:3 92:2 93:2 94:1 95:1 96:0 100:0",
    "sbp": "40:3 90:3 91:2 100:2 101:1 110:1 111:0 219:0 220:3 300:3",
    "hr": "20:3 40:3 41:1 50:1 51:0 90:0 91:1 110:1 111:2 130:2 131:3 250:3",
    "temp": "30.0:3 35.0:3 35.1:1 36.0:1 36.1:0 38.0:0 38.1:1 39.0:1 39.1:2 42.0:2",
    "o2": "air:0 oxygen:2",
    "acvpu": "A:0 C:3 V:3 P:3 U:3 15:0 14:3 3:3",
}
SCALE_2 = {
    "air": "80:3 83:3 84:2 85:2 86:1 87:1 88:0 92:0 93:0 94:0 95:0 96:0 97:0 100:0",
    "oxygen": "80:3 83:3 84:2 85:2 86:1 87:1 88:0 92:0 93:1 94:1 95:2 96:2 97:3 100:3",
}
ROUNDED = {
    "rr": "20.4:0 20.5:2 24.49:2 24.5:3",
    "spo2": "91.4:3 91.5:2 95.5:0",
    "temp": "38.04:0 38.05:1 35.04:3 35.05:1",
}


def _cases(table: dict[str, str]) -> list[tuple[str, str, int]]:
    cells = [(name, *cell.split(":")) for name, row in table.items() for cell in row.split()]
    return [(name, text, int(points)) for name, text, points in cells]


@pytest.mark.parametrize(("name", "charted", "points"), _cases(CHART) + _cases(ROUNDED))
def test_gives_the_points_of_the_chart(name: str, charted: str, points: int) -> None:
    score = score_news2(inputs(**WELL | {name: charted}), ADULT, NOON)
    assert (score.points[SHORT[name]], score.total, score.scale) == (points, points, 1)
    assert not score.partial


@pytest.mark.parametrize(("oxygen", "charted", "points"), _cases(SCALE_2))
def test_gives_the_points_of_scale_2_in_hypercapnic_failure(oxygen: str, charted: str, points: int) -> None:
    score = score_news2(inputs(**WELL | {"o2": oxygen, "spo2": charted}), HYPERCAPNIC, NOON)
    assert (score.points[SHORT["spo2"]], score.scale) == (points, 2)
    assert score.total == points + (2 if oxygen == "oxygen" else 0)


def test_scores_saturation_on_scale_2_as_on_air_where_oxygen_is_unknown() -> None:
    score = score_news2(inputs(spo2="99"), HYPERCAPNIC, NOON)
    assert score.total == 0
    assert SHORT["o2"] in score.missing


# Respiration, saturation, temperature, systolic pressure, pulse, consciousness, air or oxygen, and the total.
# https://github.com/openeobs/BJSS_liveobs_automation, features/submit_news_obs_risk_score_calculation.feature, all 21 rows:
# of the chart of 2012, which differs from that of 2017 in new confusion and scale 2 only.
# The last one: https://github.com/kscarlett/news2, README.md
EXAMPLES = """
12 96 36.1 111 51 A air 0     11 96 38.0 111 51 A air 1     9 95 36.1 219 90 A air 2      10 94 35.1 219 90 A air 3
10 94 38.1 110 51 A air 4     10 94 39.0 101 50 A air 5     10 94 39.0 100 41 A air 6     10 93 39.0 91 91 A air 7
10 92 39.1 91 110 A air 8     10 92 39.1 91 111 A air 9     21 92 39.1 91 130 A air 10    24 91 39.1 91 130 A air 11
25 91 39.1 91 130 A air 12    24 91 35.0 90 130 A air 13    8 91 35.0 220 130 A air 14    8 91 35.0 220 131 A air 15
10 91 35.0 220 40 V air 16    23 91 35.0 220 40 V air 17    25 91 35.0 220 40 V air 18
25 90 40.0 220 40 P oxygen 19 8 90 35.0 221 39 U oxygen 20  22 93 38.4 98 112 A air 9
"""


def _examples(cells: list[str]) -> list[list[str]]:
    return [cells[start : start + 8] for start in range(0, len(cells), 8)]


@pytest.mark.parametrize("example", _examples(EXAMPLES.split()))
def test_gives_what_the_published_example_gives(example: list[str]) -> None:
    rr, spo2, temp, sbp, hr, acvpu, o2, total = example
    charted = inputs(rr=rr, spo2=spo2, temp=temp, sbp=sbp, hr=hr, acvpu=acvpu, o2=o2)
    score = score_news2(charted, ADULT, NOON)
    assert (score.total, score.partial) == (int(total), False)


def test_adds_up_to_twenty() -> None:
    worst = {"rr": "30", "spo2": "80", "o2": "oxygen", "sbp": "70", "hr": "140", "acvpu": "U", "temp": "34"}
    assert score_news2(inputs(**worst), ADULT, NOON).total == 20


def test_partial_score_names_what_is_missing_and_what_it_used() -> None:
    score = score_news2(inputs(rr="25", hr="70"), ADULT, NOON)
    assert (score.total, score.partial, score.highest) == (3, True, 3)
    assert [name.value for name in score.missing] == [
        "oxygen_saturation", "supplemental_oxygen", "systolic_blood_pressure", "consciousness", "body_temperature",
    ]  # fmt: skip
    assert [(item.observation, item.version) for item in score.used] == [
        ("Observation/rr", "1"),
        ("Observation/hr", "1"),
    ]


def test_counts_an_input_of_twelve_hours_and_not_an_older_one() -> None:
    kept = inputs(NOON - timedelta(hours=12), rr="25")
    lost = inputs(NOON - timedelta(hours=12, microseconds=1), hr="140")
    score = score_news2(kept | lost, ADULT, NOON)
    assert (score.total, SHORT["hr"] in score.missing) == (3, True)


def test_ignores_an_input_from_after_the_instant() -> None:
    score = score_news2(inputs(NOON + timedelta(seconds=1), rr="25"), ADULT, NOON)
    assert score.total is None


def test_has_no_total_where_nothing_is_on_record() -> None:
    score = score_news2({}, ADULT, NOON)
    assert (score.total, score.not_applicable, len(score.missing)) == (None, None, 7)


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (PatientContext(date(2008, 5, 2), pregnant=False), "under-age"),
        (PatientContext(date(2008, 5, 1), pregnant=False), None),
        (PatientContext(date(1990, 1, 1), pregnant=True), "pregnancy"),
        (PatientContext(None, pregnant=True), "pregnancy"),
    ],
)
def test_does_not_apply_below_sixteen_or_in_pregnancy(context: PatientContext, reason: str | None) -> None:
    score = score_news2(inputs(**WELL), context, NOON)
    assert score.not_applicable == reason
    assert (score.total is None) == (reason is not None)


def test_says_what_it_had_to_assume() -> None:
    assert score_news2(inputs(**WELL), PatientContext(), NOON).assumptions == (
        "age-unknown",
        "pregnancy-unknown",
    )
    assert score_news2(inputs(**WELL), ADULT, NOON).assumptions == ()
