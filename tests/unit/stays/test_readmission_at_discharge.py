"""A finished hospital stay of a patient with diabetes is scored for readmission, once, with what is not known named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.features.readmission import COLUMNS, columns_of
from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.stays.discharge import Chart, row_of
from shared.domain.stays.evidence import evidence
from shared.domain.vitals.parameters import LOINC
from shared.errors import InputError
from shared.services.charts import ChartReader
from tests.delivery.world import TENANT
from tests.unit.scores.ward import CALLER
from tests.unit.stays.icu import PATIENT, Icu, encounter, observed

DIABETES = {"system": "http://snomed.info/sct", "code": "44054006", "display": "Type 2 diabetes"}
HEART_FAILURE = {"system": "http://hl7.org/fhir/sid/icd-9-cm", "code": "428.0"}


class Ward(Icu):
    """A patient with diabetes, five days in hospital, who goes home now."""

    def __init__(self, *codes: dict[str, Any]) -> None:
        super().__init__(hours=120)
        self.conditions = [self.condition(code) for code in codes]

    def condition(self, code: dict[str, Any]) -> ResourceKey:
        return self.post(
            {"resourceType": "Condition", "subject": {"reference": str(PATIENT)}, "code": {"coding": [code]}}
        )

    def discharge(self, ago_h: float = 0.5, length_h: float = 119.0, **more: Any) -> ResourceKey:
        end = self.world.clock.now() - timedelta(hours=ago_h)
        start = end - timedelta(hours=length_h)
        period = {"start": start.isoformat(), "end": end.isoformat()}
        diagnosis = [
            {"condition": {"reference": str(key)}, "rank": n} for n, key in enumerate(self.conditions, 1)
        ]
        stay = encounter(self.begun, status="finished", period=period, diagnosis=diagnosis, **more)
        return self.post({**stay, "class": {"code": "IMP"}})

    def told(self) -> int:
        changes = self.world.stores.records.changes
        start, self.seen = self.seen, len(changes)
        return self.world.score_readmission.react(changes[start:])


def test_a_discharge_is_scored_once() -> None:
    ward = Ward(HEART_FAILURE, DIABETES)
    key = ward.discharge()
    assert ward.told() == 1
    ward.seen = 0
    assert ward.told() == 0
    [risk] = ward.risks()
    assert risk["encounter"] == {"reference": str(key)}
    assert 0 < risk["prediction"][0]["probabilityDecimal"] < 1
    assert risk["prediction"][0]["outcome"]["text"] == "Readmission within 30 days of discharge"
    assert len(risk["basis"]) == 3
    assert all(not each["reference"].endswith("/") for each in risk["basis"])
    missing = [part["valueCode"] for part in risk["extension"][0]["extension"] if part["url"] == "missing"]
    assert "payer_code" in missing
    assert "diag_1" not in missing


def test_what_moved_it_is_dated_by_the_newest_of_what_it_was_read_from() -> None:
    ward = Ward(HEART_FAILURE, DIABETES)
    visit = encounter(ward.begun, status="finished", period={"start": ward.at(-400).isoformat()})
    ward.post({**visit, "class": {"code": "EMER"}})
    for hour in (20, 60, 40):
        ward.measure(hour, Glucose=140.0 + hour)
    ward.post(observed("Glucose", 100.0, ward.at(-30)))
    drug = {"coding": [{"code": "1", "display": "Insulin"}]}
    for hour in (30, 90, 10):
        ward.post(
            {
                "resourceType": "MedicationRequest", "status": "active", "intent": "order",
                "subject": {"reference": str(PATIENT)}, "authoredOn": ward.at(hour).isoformat(),
                "medicationCodeableConcept": drug,
            }
        )  # fmt: skip
    key = ward.discharge()
    ward.told()
    reader = ChartReader(ward.world.records, ward.world.intents.writer, ward.world.bodies)
    chart = reader.chart(TENANT, PATIENT.address, PATIENT, ward.world.clock.now())
    [stay] = [each for each in chart.encounters if each["id"] == key.id]
    dated = {name: at for name, (at, _) in evidence(chart, stay).items()}
    end = ward.world.clock.now() - timedelta(hours=0.5)
    assert dated == {
        **dict.fromkeys(("age", "gender", "time_in_hospital", "discharge_disposition_id"), end),
        **dict.fromkeys(("admission_type_id", "admission_source_id"), end - timedelta(hours=119)),
        **dict.fromkeys(("number_diagnoses", "diag_1", "diag_2"), end),
        "number_emergency": ward.at(-400), "num_lab_procedures": ward.at(60),
        **dict.fromkeys(("num_medications", "insulin", "diabetesMed"), ward.at(90)),
    }  # fmt: skip
    [risk] = ward.risks()
    parts = risk["extension"][0]["extension"]
    told = [_reason(part) for part in parts if part["url"] == "contribution"]
    unknown = {part["valueCode"] for part in parts if part["url"] == "missing"}
    assert len(told) == 5
    for feature, measured, reference in told:
        known = [name for name in columns_of(feature) if name in dated and name not in unknown]
        assert measured == (instant_text(max(dated[name] for name in known)) if known else None)
        assert (reference is None) == (measured is None)
    assert any(measured for _, measured, _ in told)


AFTER: dict[str, dict[str, Any]] = {
    "recorded then": {"recordedDate": 1},
    "begun and recorded then": {"onsetDateTime": 1, "recordedDate": 30},
    "begun then, recorded before": {"onsetDateTime": 1, "recordedDate": -50},
}


@pytest.mark.parametrize("dates", AFTER.values(), ids=AFTER)
def test_no_diagnosis_is_dated_after_the_end_of_the_stay_that_lists_it(dates: dict[str, int]) -> None:
    end = datetime(2026, 3, 20, 10, tzinfo=UTC)
    period = {"start": (end - timedelta(days=4)).isoformat(), "end": end.isoformat()}
    stated = {name: (end + timedelta(hours=hours)).isoformat() for name, hours in dates.items()}
    condition = {"resourceType": "Condition", "id": "c", "code": {"coding": [DIABETES]}, **stated}
    stay = {
        "resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "IMP"}, "period": period,
        "diagnosis": [{"condition": {"reference": "Condition/c"}}],
    }  # fmt: skip
    chart = Chart({"resourceType": "Patient", "id": "p"}, [stay], [condition])
    found = evidence(chart, stay)
    before = [hours for hours in dates.values() if hours < 0]
    expected = end + timedelta(hours=before[0]) if before else end
    assert [found[name][0] for name in ("number_diagnoses", "diag_1")] == [expected, expected]
    assert max(at for at, _ in found.values()) <= end


def _reason(part: dict[str, Any]) -> tuple[str, str | None, str | None]:
    found = {each["url"]: each for each in part["extension"]}
    source = found.get("observation") or found.get("resource") or {"valueReference": {"reference": None}}
    measured = found.get("measured", {}).get("valueDateTime")
    return found["feature"]["valueString"], measured, source["valueReference"]["reference"]


def test_on_request_it_is_the_same() -> None:
    ward = Ward(DIABETES)
    ward.discharge()
    ward.told()
    [stored] = ward.risks()
    asked = json.decode_object(json.encode(ward.world.risk.assess(CALLER, PATIENT.id, "readmission")))
    assert asked["prediction"] == stored["prediction"]
    assert asked["basis"] == stored["basis"]


def test_earlier_stays_raise_the_risk() -> None:
    once, often = Ward(DIABETES), Ward(DIABETES)
    for days in (20, 50, 80, 110, 140):
        often.discharge(ago_h=24 * days)
    for ward in (once, often):
        ward.discharge()
        ward.told()
    [few], [*_, many] = once.risks(), often.risks()
    assert many["prediction"][0]["probabilityDecimal"] > few["prediction"][0]["probabilityDecimal"]


@pytest.mark.parametrize(
    "more", [{"class": {"code": "AMB"}}, {"status": "in-progress"}, {"partOf": {"reference": "Encounter/x"}}]
)
def test_what_is_no_discharge_is_not_scored(more: dict[str, Any]) -> None:
    ward = Ward(DIABETES)
    end = ward.world.clock.now()
    period = {"start": (end - timedelta(hours=30)).isoformat(), "end": end.isoformat()}
    ward.post({**encounter(ward.begun, status="finished", period=period), "class": {"code": "IMP"}, **more})
    assert ward.told() == 0


def test_a_stay_of_long_ago_is_history() -> None:
    ward = Ward(DIABETES)
    ward.discharge(ago_h=49)
    assert ward.told() == 0


def test_a_patient_without_diabetes_is_not_scored_and_a_request_says_why() -> None:
    ward = Ward(HEART_FAILURE)
    ward.discharge()
    assert ward.told() == 0
    with pytest.raises(InputError, match="diabetes") as refused:
        ward.world.risk.assess(CALLER, PATIENT.id, "readmission")
    assert refused.value.status == 422


BACKWARDS = {"start": "2026-02-02T08:00:00Z", "end": "2026-02-01T08:00:00Z"}


def a1c(ward: Ward, value: float, unit: str = "%", **more: Any) -> dict[str, Any]:
    seen = {
        **observed("Glucose", value, ward.at(60)),
        "code": {"coding": [{"system": LOINC, "code": "4548-4"}]},
    }
    quantity = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    return {**seen, "valueQuantity": quantity, **more}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (lambda ward: [a1c(ward, 900)], "impossible-value"),
        (lambda ward: [a1c(ward, 7, "mg")], "unknown-unit"),
        (lambda ward: [a1c(ward, 9, status="entered-in-error")], "withdrawn"),
        (lambda ward: [a1c(ward, 7), a1c(ward, 7)], "duplicate"),
        (lambda ward: [encounter(ward.begun, status="finished", period=BACKWARDS)], "end-before-start"),
    ],
)  # fmt: skip
def test_what_does_not_count_is_named_in_the_answer_and_changes_no_score(bad: Any, reason: str) -> None:
    ward, clean = Ward(DIABETES), Ward(DIABETES)
    for each in (ward, clean):
        each.discharge()
    if reason == "duplicate":
        clean.post(bad(clean)[0])
    for resource in bad(ward):
        ward.post(resource)
    found, expected = (each.world.risk.assess(CALLER, PATIENT.id, "readmission") for each in (ward, clean))
    assert found["prediction"] == expected["prediction"]
    [part] = [part for part in found["extension"][0]["extension"] if part["url"] == "notCounted"]
    type_ = bad(ward)[-1]["resourceType"]
    assert part["extension"] == [
        {"url": "reason", "valueCode": reason}, {"url": "values", "valueInteger": 1},
        {"url": "variable", "valueCode": "4548-4" if type_ == "Observation" else type_},
    ]  # fmt: skip


def test_a_patient_without_data_is_refused_with_everything_that_is_missing() -> None:
    icu = Icu()
    with pytest.raises(InputError, match=r"finished inpatient Encounter.*diabetes") as refused:
        icu.world.risk.assess(CALLER, PATIENT.id, "readmission")
    assert refused.value.status == 422


def test_the_columns_of_a_stay() -> None:
    ward = Ward(HEART_FAILURE, DIABETES)
    start, end = "2026-01-10T08:00:00Z", "2026-01-13T09:00:00Z"
    stay = {
        **encounter(ward.begun, status="finished", period={"start": start, "end": end}),
        "id": "e",
        "priority": {"coding": [{"code": "EM"}]},
        "hospitalization": {
            "admitSource": {"coding": [{"code": "emd"}]},
            "dischargeDisposition": {"coding": [{"code": "snf"}]},
        },
        "diagnosis": [
            {"condition": {"reference": "Condition/d"}, "rank": 2},
            {"condition": {"reference": "Condition/h"}, "rank": 1},
        ],
    }  # fmt: skip
    before = {**stay, "id": "b", "class": {"code": "EMER"}, "period": {"start": "2025-09-01T00:00:00Z"}}
    sugar = {**observed("Glucose", 140, ward.begun), "effectiveDateTime": "2026-01-11T00:00:00Z"}
    a1c = {
        **sugar,
        "code": {"coding": [{"code": "4548-4"}]},
        "valueQuantity": {"value": 68, "unit": "mmol/mol"},
    }
    drug = {
        "authoredOn": "2026-01-10",
        "medicationCodeableConcept": {"coding": [{"code": "1", "display": "Metformin 500 MG"}]},
    }
    conditions = [
        {"id": "d", "code": {"coding": [DIABETES]}},
        {"id": "h", "code": {"coding": [HEART_FAILURE]}},
    ]
    patient = {"birthDate": "1950-01-01", "gender": "male"}
    row, unknown = row_of(Chart(patient, [before, stay], conditions, [sugar, a1c], [drug]), stay)
    expected = {
        "age": "[70-80)", "gender": "Male", "time_in_hospital": "4", "number_emergency": "1", "number_inpatient": "0",
        "num_lab_procedures": "2", "num_medications": "1", "number_diagnoses": "2", "diag_1": "428.0", "diag_2": "?",
        "A1Cresult": ">8", "metformin": "Steady", "insulin": "No", "diabetesMed": "Yes", "admission_type_id": "1",
        "admission_source_id": "7", "discharge_disposition_id": "3",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert set(COLUMNS) - set(row) == {"patient_nbr"}
    assert {"diag_2", "diag_3", "race"} <= set(unknown)
