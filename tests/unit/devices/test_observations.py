"""Device readings become FHIR Observations that fhir.resources accepts and the scores can read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from fhir.resources.R4B.observation import Observation

from shared.domain.devices import DeviceReadingError, to_observations
from shared.domain.fhir.validation.validator import R4Validator
from shared.domain.vitals import Parameter, readings_of, vitals_of

EVENT = {"device": "mon-7", "patient": "p-12", "effective": "2024-05-01T10:00:00+02:00"}
SET: list[dict[str, Any]] = [
    {"metric": "heart_rate", "value": 72, "unit": "/min"},
    {"metric": "respiratory_rate", "value": 16, "unit": "/min"},
    {"metric": "oxygen_saturation", "value": Decimal("97.50"), "unit": "%"},
    {"metric": "systolic_blood_pressure", "value": 118, "unit": "mm[Hg]"},
    {"metric": "diastolic_blood_pressure", "value": 76, "unit": "mm[Hg]"},
    {"metric": "body_temperature", "value": Decimal("98.60"), "unit": "[degF]"},
    {"metric": "consciousness", "value": "A"},
    {"metric": "supplemental_oxygen", "value": "air"},
]


def _one(**reading: object) -> dict[str, Any]:
    (made,) = to_observations(EVENT | reading)
    return made.resource


def test_maps_a_reading_to_the_vital_signs_profile() -> None:
    (made,) = to_observations(EVENT | {"metric": "heart_rate", "value": 72, "unit": "/min"})
    assert made.identity == "mon-7|heart_rate|2024-05-01T08:00:00Z"
    assert made.patient == "p-12"
    assert made.resource == {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "vital-signs", "display": "Vital Signs",
        }]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
        "valueQuantity": {
            "value": 72, "unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min",
        },
        "subject": {"reference": "Patient/p-12"},
        "effectiveDateTime": "2024-05-01T10:00:00+02:00",
        "device": {"identifier": {"value": "mon-7"}},
    }  # fmt: skip


def test_maps_a_set_to_valid_resources_that_the_scores_can_read() -> None:
    made = to_observations(EVENT | {"readings": SET})
    for each in made:
        Observation.model_validate(each.resource)
        assert R4Validator(best_practice=False).validate(each.resource) == []
    read = {
        item.parameter.value: item.value
        for each in made
        for item in readings_of(each.resource, id="x", version="1")
    }
    assert read == {
        "heart_rate": 72, "respiratory_rate": 16, "oxygen_saturation": Decimal("97.50"), "consciousness": "A",
        "systolic_blood_pressure": 118, "diastolic_blood_pressure": 76, "body_temperature": 37,
        "supplemental_oxygen": "air",
    }  # fmt: skip
    assert len({each.identity for each in made}) == len(made) == 7


def test_keeps_digits_and_unit_as_sent() -> None:
    quantity = _one(metric="body_temperature", value=Decimal("98.60"), unit="[degF]")["valueQuantity"]
    assert (str(quantity["value"]), quantity["code"]) == ("98.60", "[degF]")


def test_joins_both_pressures_in_a_panel_and_leaves_one_alone() -> None:
    made = to_observations(EVENT | {"readings": SET[3:5]})
    assert [each.identity.split("|")[1] for each in made] == ["blood_pressure"]
    parts = made[0].resource["component"]
    assert [part["code"]["coding"][0]["code"] for part in parts] == ["8480-6", "8462-4"]
    assert _one(**SET[3])["code"]["coding"][0]["code"] == "8480-6"


@pytest.mark.parametrize(
    ("metric", "value", "unit", "parameter"),
    [
        ("heart_rate", 0, "/min", Parameter.HEART_RATE),
        ("heart_rate", 650, "/min", Parameter.HEART_RATE),
        ("respiratory_rate", -1, "/min", Parameter.RESPIRATORY_RATE),
        ("diastolic_blood_pressure", 1200, "mm[Hg]", Parameter.DIASTOLIC_BLOOD_PRESSURE),
        ("body_temperature", Decimal("98.6"), "Cel", Parameter.BODY_TEMPERATURE),
        ("body_temperature", 451, "[degF]", Parameter.BODY_TEMPERATURE),
        ("glasgow_coma_score", 2, "{score}", Parameter.CONSCIOUSNESS),
    ],
)
def test_an_artefact_is_recorded_as_sent_not_counted_and_hides_nothing_of_its_event(
    metric: str, value: Decimal | int, unit: str, parameter: Parameter
) -> None:
    low = [SET[2] | {"value": 62}, SET[3] | {"value": 58}]
    artefact = {"metric": metric, "value": value, "unit": unit}
    made = [each.resource for each in to_observations(EVENT | {"readings": [artefact, *low]})]
    parts = [part for each in made for part in (each, *each.get("component", ()))]
    assert value in [part["valueQuantity"]["value"] for part in parts if "valueQuantity" in part]
    read = {item.parameter: item.value for each in made for item in readings_of(each, id="x", version="1")}
    assert read == {Parameter.OXYGEN_SATURATION: 62, Parameter.SYSTOLIC_BLOOD_PRESSURE: 58}
    told = [told for each in made for told in vitals_of(each, id="x", version="1").not_counted.items()]
    assert told == [(parameter, "impossible-value")]


@pytest.mark.parametrize(
    ("value", "unit", "code"), [("air", None, "3151-8"), (2, "L/min", "3151-8"), (28, "%", "3150-6")]
)
def test_maps_supplemental_oxygen_by_its_unit(value: object, unit: object, code: str) -> None:
    assert _one(metric="supplemental_oxygen", value=value, unit=unit)["code"]["coding"][0]["code"] == code


@pytest.mark.parametrize(
    "effective", ["2024-05-01T08:00:00Z", "2024-05-01T08:00:00.000Z", "2024-05-01T04:00:00-04:00"]
)
def test_one_instant_has_one_identity_in_every_zone(effective: str) -> None:
    (made,) = to_observations(EVENT | SET[0] | {"effective": effective})
    assert made.identity == "mon-7|heart_rate|2024-05-01T08:00:00Z"
    assert made.resource["effectiveDateTime"] == effective


def test_instants_that_differ_in_the_last_digit_have_identities_of_their_own() -> None:
    made = [
        to_observations(EVENT | SET[0] | {"effective": f"2024-05-01T08:00:00.00000000{n}Z"}) for n in (1, 2)
    ]
    assert made[0][0].identity != made[1][0].identity


def test_a_bar_in_a_device_name_cannot_forge_an_identity() -> None:
    (made,) = to_observations(EVENT | SET[0] | {"device": "a|heart_rate"})
    assert made.identity.startswith("a%7Cheart_rate|")


@pytest.mark.parametrize(
    ("patient", "reference"),
    [("p-12", "Patient/p-12"), ("Patient/p-12", "Patient/p-12"), ("urn:uuid:0c3c", "urn:uuid:0c3c")],
)
def test_refers_to_the_patient(patient: str, reference: str) -> None:
    assert _one(**SET[0], patient=patient)["subject"] == {"reference": reference}


@pytest.mark.parametrize(
    ("change", "code", "expression"),
    [
        ({"device": None}, "required", "device"),
        ({"device": " "}, "value", "device"),
        ({"patient": 12}, "value", "patient"),
        ({"patient": "a\nb"}, "value", "patient"),
        ({"effective": None}, "required", "effective"),
        ({"effective": "2024-05-01T10:00:00"}, "value", "effective"),
        ({"effective": "2024-02-30T10:00:00Z"}, "value", "effective"),
        ({"metric": "blood_sugar"}, "value", "metric"),
        ({"metric": ["heart_rate"]}, "value", "metric"),
        ({"value": None}, "required", "value"),
        ({"value": "72"}, "value", "value"),
        ({"value": True}, "value", "value"),
        ({"value": Decimal("Infinity")}, "value", "value"),
        ({"unit": None}, "required", "unit"),
        ({"unit": "bpm"}, "value", "unit"),
        ({"readings": []}, "structure", "readings"),
        ({"metric": "consciousness", "value": "X"}, "value", "value"),
        ({"metric": "supplemental_oxygen", "value": 2}, "value", "unit"),
    ],
)
def test_refuses_with_where_and_why(change: dict[str, object], code: str, expression: str) -> None:
    with pytest.raises(DeviceReadingError) as refused:
        to_observations(EVENT | SET[0] | change)
    assert [(issue.code, issue.expression) for issue in refused.value.issues] == [(code, expression)]


@pytest.mark.parametrize(
    ("readings", "code", "expression"),
    [
        ([], "value", "readings"),
        ("none", "value", "readings"),
        ([SET[0]] * 65, "too-long", "readings"),
        ([SET[1], 7], "structure", "readings[1]"),
        ([SET[0], SET[0]], "duplicate", "readings[1].metric"),
        ([SET[0], SET[1] | {"value": "-5"}], "value", "readings[1].value"),
    ],
)
def test_refuses_a_set_as_a_whole_and_names_the_entry(readings: object, code: str, expression: str) -> None:
    with pytest.raises(DeviceReadingError) as refused:
        to_observations(EVENT | {"readings": readings})
    assert [(issue.code, issue.expression) for issue in refused.value.issues] == [(code, expression)]


def test_names_everything_that_is_wrong_at_once_and_repeats_no_value() -> None:
    marked = {
        "device": "SECRET\x00",
        "patient": "SECRET\n",
        "effective": "SECRET",
        "metric": "SECRET",
        "value": "SECRET",
    }
    with pytest.raises(DeviceReadingError) as refused:
        to_observations(marked)
    assert len(refused.value.issues) == 4
    assert "SECRET" not in str(refused.value) + repr(refused.value.issues)
