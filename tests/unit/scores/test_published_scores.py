"""SIRS, SOFA, LACE, HOSPITAL and Morse: published worked examples, every limit of every table, what is missing."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import pytest

from shared.domain.scores.published import (
    Tally,
    score_hospital,
    score_lace,
    score_morse,
    score_sirs,
    score_sofa,
)
from shared.domain.scores.published.morse import AmbulatoryAid, Gait, severity
from shared.domain.scores.published.sofa import Catecholamines
from shared.domain.scores.published.tally import Implausible

# https://www.rdocumentation.org/packages/cliot/versions/1.0.0/topics/lace_readmission_index, examples 1 and 2
# https://codingace.net/medical/sofa_score.html, examples A (PaO2/FiO2 280) and B (90 with support)
# https://formulas.today/formulas/SIRS_Criteria, the man of 70
# https://wtcs.pressbooks.pub/nursingfundamentals/chapter/answer-key-chapter-5-safety/ (Open RN, CC BY 4.0), Mr. Moore
# Of HOSPITAL we know no published example that states all seven items: all ways through its published table stand for one.
EXAMPLES: list[tuple[Tally, int, str]] = [
    (
        score_lace(length_of_stay_days=5, acute_admission=True, charlson_index=5, emergency_visits_6_months=2),
        14,
        "high",
    ),
    (
        score_lace(length_of_stay_days=2, acute_admission=False, charlson_index=0, emergency_visits_6_months=0),
        2,
        "low",
    ),
    (
        score_sofa(
            pao2_mmhg=84, fio2=0.3, platelets_per_nl=120, bilirubin_mg_dl=2.6,
            mean_arterial_pressure_mmhg=68, glasgow=13, creatinine_mg_dl=1.9,
        ),
        8,
        "organ dysfunction",
    ),
    (
        score_sofa(
            pao2_mmhg=90, fio2=1, respiratory_support=True, platelets_per_nl=18, bilirubin_mg_dl=13.2,
            catecholamines=Catecholamines(norepinephrine=0.15), glasgow=6, urine_ml_per_day=180,
        ),
        23,
        "organ dysfunction",
    ),
    (
        score_sirs(
            temperature_cel=39, heart_rate_per_min=110, respiratory_rate_per_min=22, white_cells_per_nl=14
        ),
        4,
        "present",
    ),
    (
        score_morse(
            history_of_falling=True, secondary_diagnosis=False, intravenous_access=False, gait=Gait.WEAK,
            ambulatory_aid=AmbulatoryAid.CRUTCHES_CANE_OR_WALKER, forgets_limitations=False,
        ),
        50,
        "high",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("found", "total", "band"), EXAMPLES)
def test_gives_what_the_published_example_gives(found: Tally, total: int, band: str) -> None:
    assert (found.total, found.band, found.missing) == (total, band, ())


@pytest.mark.parametrize(
    ("given", "points"),
    [
        ({"temperature_cel": 38}, 0),
        ({"temperature_cel": 38.1}, 1),
        ({"temperature_cel": 36}, 0),
        ({"temperature_cel": 35.9}, 1),
        ({"heart_rate_per_min": 90}, 0),
        ({"heart_rate_per_min": 91}, 1),
        ({"respiratory_rate_per_min": 20}, 0),
        ({"respiratory_rate_per_min": 21}, 1),
        ({"respiratory_rate_per_min": 12, "paco2_mmhg": 31}, 1),
        ({"paco2_mmhg": 32}, 0),
        ({"white_cells_per_nl": 12}, 0),
        ({"white_cells_per_nl": 12.1}, 1),
        ({"white_cells_per_nl": 4}, 0),
        ({"white_cells_per_nl": 3.9}, 1),
        ({"white_cells_per_nl": 8, "bands_percent": 11}, 1),
        ({"bands_percent": 10}, 0),
    ],
)
def test_sirs_limits(given: dict[str, Any], points: int) -> None:
    assert score_sirs(**given).total == points


@pytest.mark.parametrize(
    ("given", "points"),
    [
        ({"pao2_mmhg": 400, "fio2": 1, "respiratory_support": True}, 0),
        ({"pao2_mmhg": 399, "fio2": 1}, 1),
        ({"pao2_mmhg": 299, "fio2": 1}, 2),
        ({"pao2_mmhg": 99, "fio2": 1}, 2),
        ({"pao2_mmhg": 199, "fio2": 1, "respiratory_support": True}, 3),
        ({"pao2_mmhg": 99, "fio2": 1, "respiratory_support": True}, 4),
        ({"platelets_per_nl": 150}, 0),
        ({"platelets_per_nl": 149}, 1),
        ({"platelets_per_nl": 99}, 2),
        ({"platelets_per_nl": 49}, 3),
        ({"platelets_per_nl": 19}, 4),
        ({"bilirubin_mg_dl": 1.1}, 0),
        ({"bilirubin_mg_dl": 1.2}, 1),
        ({"bilirubin_mg_dl": 2}, 2),
        ({"bilirubin_mg_dl": 6}, 3),
        ({"bilirubin_mg_dl": 12}, 4),
        ({"mean_arterial_pressure_mmhg": 70}, 0),
        ({"mean_arterial_pressure_mmhg": 69}, 1),
        ({"mean_arterial_pressure_mmhg": 69, "catecholamines": Catecholamines(dopamine=5)}, 2),
        ({"catecholamines": Catecholamines(dobutamine=1)}, 2),
        ({"catecholamines": Catecholamines(dopamine=5.1)}, 3),
        ({"catecholamines": Catecholamines(epinephrine=0.1)}, 3),
        ({"catecholamines": Catecholamines(norepinephrine=0.11)}, 4),
        ({"catecholamines": Catecholamines(dopamine=15.1)}, 4),
        ({"catecholamines": Catecholamines()}, 0),
        ({"glasgow": 15}, 0),
        ({"glasgow": 14}, 1),
        ({"glasgow": 12}, 2),
        ({"glasgow": 9}, 3),
        ({"glasgow": 5}, 4),
        ({"creatinine_mg_dl": 1.19}, 0),
        ({"creatinine_mg_dl": 1.2}, 1),
        ({"creatinine_mg_dl": 2}, 2),
        ({"creatinine_mg_dl": 3.5}, 3),
        ({"creatinine_mg_dl": 5}, 4),
        ({"creatinine_mg_dl": 1, "urine_ml_per_day": 499}, 3),
        ({"urine_ml_per_day": 500}, 0),
        ({"urine_ml_per_day": 199}, 4),
    ],
)
def test_sofa_limits(given: dict[str, Any], points: int) -> None:
    assert score_sofa(**given).total == points


@pytest.mark.parametrize(
    ("days", "points"), [(0, 0), (1, 1), (3, 3), (4, 4), (6, 4), (7, 5), (13, 5), (14, 7)]
)
def test_lace_length_of_stay(days: int, points: int) -> None:
    assert score_lace(length_of_stay_days=days).total == points


@pytest.mark.parametrize(("charlson", "points"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 5), (9, 5)])
def test_lace_comorbidity(charlson: int, points: int) -> None:
    assert score_lace(charlson_index=charlson).total == points


@pytest.mark.parametrize(("visits", "points"), [(0, 0), (1, 1), (4, 4), (11, 4)])
def test_lace_emergency_visits(visits: int, points: int) -> None:
    assert score_lace(emergency_visits_6_months=visits).total == points


@pytest.mark.parametrize(
    ("given", "points"),
    [
        ({"haemoglobin_g_dl": 12}, 0),
        ({"haemoglobin_g_dl": 11.9}, 1),
        ({"oncology_service": True}, 2),
        ({"sodium_mmol_l": 135}, 0),
        ({"sodium_mmol_l": 134.9}, 1),
        ({"procedure": True}, 1),
        ({"urgent_admission": True}, 1),
        ({"admissions_last_year": 1}, 0),
        ({"admissions_last_year": 2}, 2),
        ({"admissions_last_year": 5}, 2),
        ({"admissions_last_year": 6}, 5),
        ({"length_of_stay_days": 4}, 0),
        ({"length_of_stay_days": 5}, 2),
    ],
)
def test_hospital_limits(given: dict[str, Any], points: int) -> None:
    assert score_hospital(**given).total == points


def test_the_highest_totals_are_the_published_ones() -> None:
    hospital = score_hospital(
        haemoglobin_g_dl=8, oncology_service=True, sodium_mmol_l=120, procedure=True,
        urgent_admission=True, admissions_last_year=9, length_of_stay_days=30,
    )  # fmt: skip
    lace = score_lace(
        length_of_stay_days=20, acute_admission=True, charlson_index=8, emergency_visits_6_months=7
    )
    morse = score_morse(
        history_of_falling=True, secondary_diagnosis=True, ambulatory_aid=AmbulatoryAid.FURNITURE,
        intravenous_access=True, gait=Gait.IMPAIRED, forgets_limitations=True,
    )  # fmt: skip
    assert (hospital.total, lace.total, morse.total) == (13, 19, 125)
    assert (hospital.band, lace.band, morse.band) == ("high", "high", "high")


# Donzé J et al. JAMA Intern Med 2016;176(4):496-502, table 1, https://pmc.ncbi.nlm.nih.gov/articles/PMC5070968: each row of
# the table with values on its limits, and its points.
HOSPITAL_TABLE: dict[str, list[tuple[Any, int]]] = {
    "haemoglobin_g_dl": [(12, 0), (11.9, 1)],
    "oncology_service": [(False, 0), (True, 2)],
    "sodium_mmol_l": [(135, 0), (134.9, 1)],
    "procedure": [(False, 0), (True, 1)],
    "urgent_admission": [(False, 0), (True, 1)],
    "admissions_last_year": [(1, 0), (2, 2), (5, 2), (6, 5)],
    "length_of_stay_days": [(4, 0), (5, 2)],
}
# The same paper: the highest total of each class of risk.
HOSPITAL_CLASSES = [(4, "low"), (6, "intermediate"), (13, "high")]


def test_hospital_is_the_sum_of_its_published_table_in_every_way_through_it() -> None:
    totals = Counter[int]()
    for ways in product(*HOSPITAL_TABLE.values()):
        found = score_hospital(**dict(zip(HOSPITAL_TABLE, (value for value, _ in ways), strict=True)))
        total = sum(points for _, points in ways)
        band = next(name for highest, name in HOSPITAL_CLASSES if total <= highest)
        assert (found.total, found.band, found.missing) == (total, band, ())
        totals[total] += 1
    assert sorted(totals) == list(range(14))
    assert totals.total() == 2**6 * 4


def test_a_fall_risk_in_the_high_band_raises_a_p2() -> None:
    moderate = score_morse(history_of_falling=True, secondary_diagnosis=True)
    high = score_morse(history_of_falling=True, intravenous_access=True)
    assert (moderate.total, moderate.band, severity(moderate)) == (40, "moderate", None)
    assert (high.total, high.band, severity(high)) == (45, "high", "P2")


def test_what_is_missing_is_named_and_the_rest_is_a_lower_bound() -> None:
    found = score_lace(length_of_stay_days=7, acute_admission=True)
    assert (found.total, found.partial) == (8, True)
    assert found.missing == ("comorbidity", "emergency visits")


@pytest.mark.parametrize("score", [score_sirs, score_sofa, score_lace, score_hospital, score_morse])
def test_nothing_known_is_no_score(score: Any) -> None:
    found = score()
    assert (found.total, found.band, found.points) == (None, None, {})
    assert found.missing


@pytest.mark.parametrize(
    ("score", "given"),
    [
        (score_sirs, {"temperature_cel": 99}),
        (score_sirs, {"heart_rate_per_min": 900}),
        (score_sirs, {"white_cells_per_nl": 12000}),
        (score_sirs, {"temperature_cel": float("nan")}),
        (score_sofa, {"fio2": 40, "pao2_mmhg": 90}),
        (score_sofa, {"glasgow": 2}),
        (score_lace, {"length_of_stay_days": -1}),
        (score_hospital, {"sodium_mmol_l": 13}),
    ],
)
def test_refuses_what_cannot_be(score: Any, given: dict[str, Any]) -> None:
    with pytest.raises(Implausible, match="check the value and its unit"):
        score(**given)
