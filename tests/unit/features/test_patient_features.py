"""Features of a patient: each by hand, in any order of arrival, from what was known and from nothing later."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.features.patient.facts import facts_of, patient_of
from shared.domain.features.patient.features import FEATURES, missing, vector
from shared.domain.features.patient.known import Clock, Reason, known
from tests.unit.features.patients import (
    AT,
    condition,
    encounter,
    facts,
    observation,
    patient,
    request,
    seen,
)

A_PATIENT = (
    encounter("e1", "AMB", "2025-06-01T09:00:00Z", "2025-06-01T10:00:00Z"),
    encounter("e2", "EMER", "2026-01-10T09:00:00Z", "2026-01-10T15:00:00Z"),
    encounter("e3", "IMP", "2026-01-10T15:00:00Z", "2026-01-13T15:00:00Z"),
    encounter("e4", "AMB", "2020-06-01T09:00:00Z", "2020-06-01T10:00:00Z"),
    condition("c1", "15777000", "2025-06-01T09:00:00Z", recordedDate="2025-06-01T09:00:00Z"),
    condition("c2", "38341003", "2019-01-01"),
    condition("c3", "444814009", "2025-12-01", abatementDateTime="2025-12-20"),
    observation("o1", 110, at="2024-06-01T09:00:00Z"),
    observation("o2", 6.5, unit="mmol/L", at="2026-01-10T10:00:00Z"),
    observation("o3", 29.0, code="39156-5", unit="kg/m2", at="2024-06-01T09:00:00Z"),
    observation("o4", 31.5, code="39156-5", unit="kg/m2", at="2026-01-10T10:00:00Z"),
    request("m1", "Lisinopril 10 MG Oral Tablet", "2025-06-01T09:30:00Z"),
    request("m2", "Lisinopril 10 MG Oral Tablet", "2026-01-13T09:30:00Z"),
    request("m3", "Simvastatin 20 MG Oral Tablet", "2020-06-01T09:30:00Z"),
)


def values(*resources: dict[str, Any]) -> dict[str, float]:
    return vector(seen(*resources))


def test_the_features_of_a_patient_counted_by_hand() -> None:
    found = values(*A_PATIENT)
    expected = {
        "female": 1, "encounters_365d": 3, "emergency_encounters_365d": 1, "inpatient_encounters_365d": 1,
        "inpatient_days_365d": 3, "days_since_encounter": 49 + 17 / 24,
        "conditions": 3, "conditions_active": 2,
        "conditions_365d": 2, "has_prediabetes": 1, "has_hypertension": 1, "has_diabetes": 0,
        "days_since_prediabetes": 272 + 23 / 24, "glucose_latest": 6.5 * 18.016, "bmi_latest": 31.5,
        "bmi_change_730d": 2.5, "glucose_highest_730d": 6.5 * 18.016, "medication_requests_365d": 2,
        "medications_365d": 1, "antihypertensive_365d": 1, "statin_365d": 0,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    assert found["age_years"] == pytest.approx(66, abs=0.01)
    assert math.isnan(found["hba1c_latest"])
    assert "hba1c_latest" in missing(found)


def test_the_events_that_a_feature_looks_at_are_all_that_its_value_follows_from() -> None:
    known_then = seen(*A_PATIENT)
    for feature in FEATURES:
        looked_at = tuple(feature.of.events(known_then))
        assert str(feature.of(replace(known_then, events=looked_at))) == str(feature.of(known_then))
        assert list(looked_at) == [each for each in known_then.events if each in looked_at]
    newest = {each.name: [event.id for event in each.of.events(known_then)][-1:] for each in FEATURES}
    expected = {
        "age_years": [], "years_on_record": ["c2"], "encounters_365d": ["e3"], "emergency_encounters_365d": ["e2"],
        "inpatient_days_365d": ["e3"], "conditions_active": ["c1"], "has_hypertension": ["c2"], "has_diabetes": [],
        "glucose_highest_730d": ["o2"], "bmi_change_730d": ["o4"], "antihypertensive_365d": ["m2"], "statin_365d": [],
        "hba1c_latest": [],
    }  # fmt: skip
    assert {name: newest[name] for name in expected} == expected


def test_names_are_unique_and_every_feature_says_what_it_is() -> None:
    assert len({each.name for each in FEATURES}) == len(FEATURES)
    assert all(each.unit and each.meaning and each.source and each.missing for each in FEATURES)


def test_the_order_of_arrival_changes_nothing() -> None:
    shuffled = list(A_PATIENT)
    random.Random(3).shuffle(shuffled)
    assert str(values(*shuffled)) == str(values(*A_PATIENT))


def test_the_future_of_a_patient_changes_no_feature() -> None:
    later = (
        condition("x1", "44054006", "2026-03-02T09:00:00Z"),
        observation("x2", 300, at="2026-03-01T08:00:01Z"),
        encounter("x3", "IMP", "2026-03-05T00:00:00Z"),
        request("x4", "Metformin", "2026-03-02"),
    )
    found = seen(*A_PATIENT, *later)
    assert str(vector(found)) == str(values(*A_PATIENT))
    assert dict(found.not_counted) == {Reason.AHEAD: 4}


def test_what_was_not_yet_known_is_no_feature() -> None:
    late = facts(observation("x", 300), landed="2026-03-01T08:00:00.000001Z")
    found = known([*facts(patient(), *A_PATIENT), *late], AT)
    assert found is not None
    assert str(vector(found)) == str(values(*A_PATIENT))
    assert found.not_counted == ()


def test_the_clock_of_the_source_counts_from_the_date_of_recording() -> None:
    years_ago = AT - timedelta(days=365)
    resources = (
        observation("o", 120, at="2025-02-01", issued="2025-02-01T10:00:00Z"),
        observation("late", 250, at="2025-02-02", issued="2025-06-01T10:00:00Z"),
        encounter("e", "IMP", "2025-02-20T00:00:00Z", "2025-03-09T00:00:00Z"),
        condition("c", "44054006", "2025-01-01", recordedDate="2025-06-01"),
        condition("undated", "38341003", "2025-01-01"),
    )
    found = vector(seen(*resources, at=years_ago, by=Clock.SOURCE))
    assert found["glucose_latest"] == 120
    assert (found["has_diabetes"], found["has_hypertension"]) == (0, 0)
    assert found["inpatient_days_365d"] == pytest.approx(9 + 8 / 24)
    assert known(facts(patient(), *resources), years_ago) is None


def test_an_end_after_the_instant_was_not_known() -> None:
    chronic = condition("c", "38341003", "2025-01-01", abatementDateTime="2026-03-02")
    assert values(chronic)["conditions_active"] == 1


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (observation("o", 9000), Reason.IMPOSSIBLE),
        (observation("o", -1), Reason.IMPOSSIBLE),
        (observation("o", float("inf")), Reason.IMPOSSIBLE),
        (observation("o", 120, unit="mg"), Reason.UNKNOWN_UNIT),
        (observation("o", 120, unit=""), Reason.UNKNOWN_UNIT),
        (observation("o", None), Reason.NO_VALUE),
        (observation("o", 120, at="2026-02-03T00:00:00Z"), Reason.AHEAD),
        (observation("o", 120, at="yesterday"), Reason.NO_INSTANT),
        ({**observation("o", 120), "effectiveDateTime": None}, Reason.NO_INSTANT),
        ({**observation("o", 120), "status": "entered-in-error"}, Reason.WITHDRAWN),
        (encounter("e", "IMP", "2026-01-10", "2026-01-08"), Reason.ENDED_BEFORE),
        (encounter("e", "IMP", "2026-01-10T10:00:00Z", "2026-01-10T09:00:00Z"), Reason.ENDED_BEFORE),
        (encounter("e", "IMP", "2026-01-10", status="planned"), Reason.WITHDRAWN),
        (condition("c", "44054006", "2024", abatementDateTime="2023-12"), Reason.ENDED_BEFORE),
        (request("m", "Metformin", "2026-01-10", intent="proposal"), Reason.WITHDRAWN),
        (request("m", "Metformin", "2026-01-10", doNotPerform=True), Reason.WITHDRAWN),
    ],
)  # fmt: skip
def test_bad_input_does_not_count_and_is_named(resource: dict[str, Any], reason: Reason) -> None:
    found = seen(resource)
    assert (found.events, dict(found.not_counted)) == ((), {reason: 1})


def test_what_is_dated_after_the_instant_asked_for_does_not_count_yet() -> None:
    soon = facts(observation("o", 120, at="2026-02-01T09:00:00Z"), patient())
    at = AT.replace(month=2, day=1)
    for hours, reasons in ((0, {Reason.FUTURE: 1}), (2, {})):
        found = known(soon, at + timedelta(hours=hours))
        assert found is not None
        assert dict(found.not_counted) == reasons


def test_the_same_said_twice_counts_once() -> None:
    found = seen(observation("o2", 120), observation("o1", 120), observation("o3", 121))
    assert [event.id for event in found.events] == ["o1", "o3"]
    assert dict(found.not_counted) == {Reason.DUPLICATE: 1}


def test_a_patient_without_data_has_no_values_but_who_it_is() -> None:
    found = values()
    assert found["female"] == 1
    assert found["encounters_365d"] == found["has_diabetes"] == 0
    assert {"glucose_latest", "days_since_encounter", "smokes", "years_on_record"} <= set(missing(found))
    assert known([], AT) is None


def test_components_are_facts_of_their_own() -> None:
    panel = observation("o", None, code="85354-9")
    panel["component"] = [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": value, "code": "mm[Hg]"},
        }
        for code, value in (("8480-6", 131), ("8462-4", 84))
    ]
    found = vector(seen(panel))
    assert (found["systolic_latest"], found["diastolic_latest"]) == (131, 84)
    assert [fact.id for fact in facts_of(panel, "2026-02-01T00:00:00Z")] == ["o", "o#1", "o#2"]


@pytest.mark.parametrize(
    "reference", ["Patient/p", "Patient/p/_history/3", "http://elsewhere.example/fhir/Patient/p"]
)
def test_a_subject_is_read_from_each_form_of_reference(reference: str) -> None:
    assert patient_of({"subject": {"reference": reference}}) == "p"
    assert patient_of({"subject": {"reference": "Group/p"}}) is None


def test_a_person_recorded_as_neither_sex_without_a_birth_date() -> None:
    person = replace(facts(patient())[0], status="other", begun=None)
    found = known([person], AT)
    assert found is not None
    assert {"female", "age_years"} <= set(missing(vector(found)))
