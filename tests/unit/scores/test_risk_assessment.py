"""The RiskAssessment of a score, judged by fhir.resources."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from fhir.resources.R4B.riskassessment import RiskAssessment

from shared.domain.scores import NEWS2, PatientContext, score_news2, score_qsofa
from shared.domain.scores.risk_assessment import risk_assessment
from tests.unit.scores.readings import NOON, WELL, inputs

ADULT = PatientContext(date(1960, 1, 1), pregnant=False)


def _parts(resource: dict[str, Any], url: str) -> list[dict[str, Any]]:
    (extension,) = resource["extension"]
    return [part for part in extension["extension"] if part["url"] == url]


@pytest.mark.parametrize("charted", [WELL, {"rr": "25"}, WELL | {"rr": "25", "sbp": "85", "acvpu": "V"}])
def test_is_a_valid_resource(charted: dict[str, str]) -> None:
    for score_of in (score_news2, score_qsofa):
        resource = risk_assessment(score_of(inputs(**charted), ADULT, NOON), id="a-1", patient="Patient/p-1")
        RiskAssessment.model_validate(resource)


def test_carries_total_points_missing_inputs_and_scale() -> None:
    score = score_news2(inputs(rr="25", hr="70"), PatientContext(date(1960, 1, 1), hypercapnic=True), NOON)
    resource = risk_assessment(score, id="a-1", patient="Patient/p-1")
    assert _parts(resource, "total") == [{"url": "total", "valueInteger": 3}]
    assert _parts(resource, "scale") == [{"url": "scale", "valueInteger": 2}]
    assert [part["valueCode"] for part in _parts(resource, "missing")] == [
        name.value for name in score.missing
    ]
    assert _parts(resource, "assumption") == [{"url": "assumption", "valueCode": "pregnancy-unknown"}]
    assert len(_parts(resource, "parameter")) == 2
    assert resource["basis"] == [
        {"reference": "Observation/rr/_history/1"},
        {"reference": "Observation/hr/_history/1"},
    ]
    assert resource["method"]["coding"][0]["version"] == NEWS2.version
    assert (
        "at least 3 (respiratory rate 3); missing: oxygen saturation"
        in resource["prediction"][0]["rationale"]
    )


@pytest.mark.parametrize(
    ("charted", "code", "text"),
    [
        ({}, "low", "Low"), ({"rr": "25"}, "low", "Low-medium"), ({"rr": "25", "o2": "oxygen"}, "moderate", "Medium"),
        ({"rr": "25", "o2": "oxygen", "sbp": "95"}, "high", "High"),
    ],
)  # fmt: skip
def test_names_the_clinical_risk_of_the_guideline(charted: dict[str, str], code: str, text: str) -> None:
    score = score_news2(inputs(**WELL | charted), ADULT, NOON)
    risk = risk_assessment(score, id="a-1", patient="Patient/p-1")["prediction"][0]["qualitativeRisk"]
    assert (risk["coding"][0]["code"], risk["text"]) == (code, text)


def test_keeps_the_fraction_of_the_instant() -> None:
    at = NOON + timedelta(milliseconds=250)
    resource = risk_assessment(score_news2(inputs(rr="25"), ADULT, at), id="a-1", patient="Patient/p-1")
    assert resource["occurrenceDateTime"] == "2024-05-01T12:00:00.250000Z"


def test_marks_a_superseded_one_as_entered_in_error() -> None:
    score = score_news2(inputs(rr="25"), ADULT, NOON)
    assert (
        risk_assessment(score, id="a-1", patient="Patient/p-1", superseded=True)["status"]
        == "entered-in-error"
    )


def test_makes_none_of_a_score_without_a_total() -> None:
    with pytest.raises(ValueError, match="without a total"):
        risk_assessment(score_news2({}, ADULT, NOON), id="a-1", patient="Patient/p-1")
