"""The vital-signs profiles of the base specification, chosen by LOINC code.

https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.validation.profiles.apply import concerns
from tests.unit.validation.profiles.observations import (
    BLOOD_PRESSURE,
    BODY_WEIGHT,
    CATEGORY,
    LOINC,
    UCUM,
    changed,
    found,
    issues_of,
    pressure,
)

SYNTHEA = Path(__file__).with_name("synthea_vital_signs.json")
"""One Observation of each of the three vital signs in smart-on-fhir/generated-sample-data, Apache-2.0, as they are."""


def test_each_of_the_specifications_codes_chooses_its_profile() -> None:
    chosen = {code: url.rpartition("/")[2] for code, url in r4().vital_sign_profiles.items()}
    assert chosen == {
        "85353-1": "vitalspanel",
        "9279-1": "resprate",
        "8867-4": "heartrate",
        "2708-6": "oxygensat",
        "8310-5": "bodytemp",
        "8302-2": "bodyheight",
        "9843-4": "headcircum",
        "29463-7": "bodyweight",
        "39156-5": "bmi",
        "85354-9": "bp",
    }


@pytest.mark.parametrize("resource", [BODY_WEIGHT, BLOOD_PRESSURE])
def test_accepts_a_vital_sign_as_the_specification_describes_it(resource: dict[str, Any]) -> None:
    assert concerns(resource)
    assert issues_of(resource) == []


def test_accepts_what_synthea_writes() -> None:
    resources = json.loads(SYNTHEA.read_text("utf-8"))
    assert len(resources) == 3
    for resource in resources:
        assert concerns(resource)
        assert issues_of(resource) == [], resource["code"]


def test_another_observation_is_not_concerned() -> None:
    glucose = changed(BODY_WEIGHT, code={"coding": [{"system": LOINC, "code": "2339-0"}]}, category=None)
    assert not concerns(glucose)
    assert issues_of(glucose) == []
    other_system = changed(BODY_WEIGHT, code={"coding": [{"system": "urn:x", "code": "29463-7"}]})
    assert not concerns(other_system)


QUANTITY = BODY_WEIGHT["valueQuantity"]
SURVEY = [{"coding": [{"system": CATEGORY, "code": "survey"}]}]


@pytest.mark.parametrize(
    ("changes", "rule", "place"),
    [
        ({"category": None}, "min", "Observation.category"),
        ({"category": None}, "slice-min", "Observation.category"),
        ({"category": SURVEY}, "slice-min", "Observation.category"),
        ({"category": BODY_WEIGHT["category"] * 2}, "slice-max", "Observation.category"),
        ({"subject": None}, "min", "Observation.subject"),
        ({"subject": {"reference": "Group/1"}}, "target", "Observation.subject"),
        ({"subject": {"reference": "https://other.example/Device/1"}}, "target", "Observation.subject"),
        ({"effectiveDateTime": None}, "min", "Observation.effective"),
        ({"effectiveDateTime": "2024"}, "vs-1", "Observation.effective.ofType(dateTime)"),
        ({"valueQuantity": None}, "vs-2", "Observation"),
        ({"valueQuantity": None, "valueString": "70 kg"}, "type", "Observation.value.ofType(string)"),
        ({"valueQuantity": None, "valueString": "70 kg"}, "closed", "Observation.value.ofType(string)"),
        (
            {"valueQuantity": {**QUANTITY, "code": "stone"}},
            "binding",
            "Observation.value.ofType(Quantity).code",
        ),
        (
            {"valueQuantity": {**QUANTITY, "system": "urn:x"}},
            "fixed",
            "Observation.value.ofType(Quantity).system",
        ),
        ({"valueQuantity": {"value": 70, "unit": "kg"}}, "min", "Observation.value.ofType(Quantity).code"),
        (
            {"valueQuantity": {"unit": "kg", "system": UCUM, "code": "kg"}},
            "min",
            "Observation.value.ofType(Quantity).value",
        ),
    ],
)
def test_refuses_a_body_weight_with(changes: dict[str, Any], rule: str, place: str) -> None:
    assert (f"profile:bodyweight:{rule}", place) in found(changed(BODY_WEIGHT, **changes))


def test_a_period_has_no_precision_to_ask_for() -> None:
    period = changed(BODY_WEIGHT, effectiveDateTime=None, effectivePeriod={"start": "2024"})
    assert issues_of(period) == []


def test_a_value_that_is_absent_with_a_reason_is_accepted() -> None:
    assert issues_of(changed(BODY_WEIGHT, valueQuantity=None, dataAbsentReason={"text": "refused"})) == []


def test_a_patient_that_is_contained_is_a_patient_and_a_contained_device_is_none() -> None:
    held = changed(
        BODY_WEIGHT, contained=[{"resourceType": "Patient", "id": "p"}], subject={"reference": "#p"}
    )
    assert issues_of(held) == []
    held["contained"][0]["resourceType"] = "Device"
    assert found(held) == {("profile:bodyweight:target", "Observation.subject")}


@pytest.mark.parametrize(
    "subject", [{"reference": "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"}, {"display": "x"}]
)
def test_a_reference_that_does_not_tell_its_type_is_accepted(subject: dict[str, Any]) -> None:
    assert issues_of(changed(BODY_WEIGHT, subject=subject)) == []


def test_refuses_a_blood_pressure_without_its_diastolic_component() -> None:
    alone = changed(BLOOD_PRESSURE, component=[pressure("8480-6", 120)])
    assert found(alone) == {
        ("profile:bp:min", "Observation.component"),
        ("profile:bp:slice-min", "Observation.component"),
    }
    assert any("DiastolicBP" in issue.text for issue in issues_of(alone))


def test_refuses_two_systolic_components() -> None:
    twice = changed(BLOOD_PRESSURE, component=[*BLOOD_PRESSURE["component"], pressure("8480-6", 121)])
    assert found(twice) == {("profile:bp:slice-max", "Observation.component")}


def test_accepts_a_further_component_of_another_kind() -> None:
    mean = changed(BLOOD_PRESSURE, component=[*BLOOD_PRESSURE["component"], pressure("8478-0", 93)])
    assert {issue.severity for issue in issues_of(mean)} <= {"warning"}


def test_refuses_a_blood_pressure_in_another_unit_at_its_index() -> None:
    other = changed(BLOOD_PRESSURE)
    other["component"][1]["valueQuantity"]["code"] = "kPa"
    assert ("profile:bp:fixed", "Observation.component[1].value.ofType(Quantity).code") in found(other)


def test_refuses_a_value_beside_the_components() -> None:
    both = changed(BLOOD_PRESSURE, valueQuantity=QUANTITY)
    assert ("profile:bp:slice-max", "Observation.value") in found(both)


def test_says_everything_at_once_and_nothing_twice() -> None:
    issues = issues_of(changed(BODY_WEIGHT, category=None, subject=None, effectiveDateTime=None))
    assert len(issues) == len(set(issues)) == 4


def test_no_text_repeats_a_value() -> None:
    secret = "SECRET"
    bad = changed(
        BODY_WEIGHT,
        category=[{"coding": [{"system": secret, "code": secret}], "text": secret}],
        subject={"reference": f"Group/{secret}", "display": secret},
        effectiveDateTime=secret,
        valueQuantity={"value": 1, "unit": secret, "system": secret, "code": secret},
        meta={"profile": [f"http://{secret}.example/x"]},
    )
    issues = issues_of(bad)
    assert len(issues) > 5
    assert secret not in repr(issues)


def test_what_is_not_fhir_at_all_is_left_to_the_base_definitions() -> None:
    odd: list[dict[str, Any]] = [
        {},
        {"resourceType": 1},
        {"resourceType": "Nothing", "meta": {"profile": ["x"]}},
        {**BODY_WEIGHT, "category": "vital-signs", "subject": [], "meta": []},
        {**BODY_WEIGHT, "code": {"coding": {"system": LOINC}}, "meta": {"profile": "text"}},
        {**BODY_WEIGHT, "category": [None, 1, {"coding": 1}], "meta": {"profile": [1, None]}},
        {**BLOOD_PRESSURE, "component": [None, [], {"code": []}], "contained": [1], "valueQuantity": "x"},
    ]
    for resource in odd:
        issues_of(resource)
