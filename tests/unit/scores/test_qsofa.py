"""The three criteria of qSOFA (JAMA 2016;315(8):801-810, box 4) at their boundaries."""

from __future__ import annotations

from datetime import date

import pytest

from shared.domain.scores import PatientContext, score_qsofa
from tests.unit.scores.readings import NOON, inputs

ADULT = PatientContext(date(1960, 1, 1), pregnant=False)


@pytest.mark.parametrize(
    ("rate", "pressure", "mentation", "total"),
    [
        ("21", "101", "A", 0), ("22", "101", "A", 1), ("21", "100", "A", 1), ("21", "101", "C", 1),
        ("21", "101", "V", 1), ("21", "101", "15", 0), ("21", "101", "14", 1), ("22", "100", "A", 2),
        ("22", "100", "13", 3), ("21.5", "100.4", "A", 2),
    ],
)  # fmt: skip
def test_gives_a_point_for_each_criterion(rate: str, pressure: str, mentation: str, total: int) -> None:
    assert score_qsofa(inputs(rr=rate, sbp=pressure, acvpu=mentation), ADULT, NOON).total == total


# openEHR, https://github.com/gdl-lang/common-clinical-models, fixtures/Guidelines/qSOFA.v1.1.0.test.yml, cases 1 to 3
# https://rdrr.io/cran/cliot/man/qsofa_sepsis_score.html, examples 1 and 2
@pytest.mark.parametrize(
    ("rate", "pressure", "glasgow", "total"),
    [
        ("30", "80", "13", 3), ("23", "60", "15", 2), ("20", "90", "15", 1),
        ("24", "95", "14", 3), ("18", "120", "15", 0),
    ],
)  # fmt: skip
def test_gives_what_the_published_example_gives(rate: str, pressure: str, glasgow: str, total: int) -> None:
    assert score_qsofa(inputs(rr=rate, sbp=pressure, acvpu=glasgow), ADULT, NOON).total == total


def test_partial_score_names_what_is_missing() -> None:
    score = score_qsofa(inputs(rr="30", sbp="80"), ADULT, NOON)
    assert (score.total, [name.value for name in score.missing]) == (2, ["consciousness"])


def test_does_not_apply_below_eighteen() -> None:
    score = score_qsofa(inputs(rr="30"), PatientContext(date(2006, 5, 2)), NOON)
    assert score.not_applicable == "under-age"
