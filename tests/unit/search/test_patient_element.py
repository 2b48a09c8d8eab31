"""Whatever belongs to a patient is found with the patient, type by type, over the use cases that write and search."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.resource_types import HOME_ELEMENT, PATIENT_ELEMENT
from shared.domain.fhir.search_request import search_parameters
from shared.domain.fhir.search_values import parse_query
from tests.delivery.world import World, caller, entry, real_validator, transaction

CODE = {"text": "x"}
REF = {"reference": "Organization/o"}
DAY = "2026-03-29"
MEDICATION = {"medicationCodeableConcept": CODE}
COVERED = {"focal": True, "coverage": {"reference": "Coverage/c"}}
ALLERGY_STATUS = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
ELIGIBLE = {"status": "active", "purpose": ["benefits"], "created": DAY, "insurer": REF}
CLAIMED = {"status": "active", "type": CODE, "use": "claim", "created": DAY}
LEAST: dict[str, dict[str, Any]] = {
    "Account": {"status": "active"},
    "AdverseEvent": {"actuality": "actual"},
    "AllergyIntolerance": {"clinicalStatus": {"coding": [{"system": ALLERGY_STATUS, "code": "active"}]}},
    "Basic": {"code": CODE},
    "CarePlan": {"status": "active", "intent": "plan"},
    "ChargeItem": {"status": "billable", "code": CODE},
    "Claim": {
        **CLAIMED,
        "provider": REF,
        "priority": CODE,
        "insurance": [{"sequence": 1, **COVERED}],
    },
    "ClaimResponse": {**CLAIMED, "insurer": REF, "outcome": "complete"},
    "ClinicalImpression": {"status": "completed"},
    "Communication": {"status": "completed"},
    "CommunicationRequest": {"status": "active"},
    "Composition": {"status": "final", "type": CODE, "date": DAY, "author": [REF], "title": "x"},
    "Consent": {"status": "active", "scope": CODE, "category": [CODE], "policyRule": CODE},
    "Coverage": {"status": "active", "payor": [REF]},
    "CoverageEligibilityRequest": ELIGIBLE,
    "CoverageEligibilityResponse": {
        **ELIGIBLE,
        "request": {"reference": "CoverageEligibilityRequest/r"},
        "outcome": "complete",
    },
    "DetectedIssue": {"status": "final"},
    "DeviceRequest": {"intent": "order", "codeCodeableConcept": CODE},
    "DeviceUseStatement": {"status": "active", "device": {"reference": "Device/d"}},
    "DiagnosticReport": {"status": "final", "code": CODE},
    "DocumentManifest": {"status": "current", "content": [REF]},
    "DocumentReference": {"status": "current", "content": [{"attachment": {"title": "x"}}]},
    "Encounter": {"status": "finished", "class": {"code": "AMB"}},
    "EpisodeOfCare": {"status": "active"},
    "ExplanationOfBenefit": {
        **CLAIMED,
        "insurer": REF,
        "provider": REF,
        "outcome": "complete",
        "insurance": [COVERED],
    },
    "FamilyMemberHistory": {"status": "completed", "relationship": CODE},
    "Flag": {"status": "active", "code": CODE},
    "Goal": {"lifecycleStatus": "active", "description": CODE},
    "GuidanceResponse": {"moduleUri": "urn:x", "status": "success"},
    "ImagingStudy": {"status": "available"},
    "Immunization": {"status": "completed", "vaccineCode": CODE, "occurrenceDateTime": DAY},
    "ImmunizationEvaluation": {
        "status": "completed",
        "targetDisease": CODE,
        "immunizationEvent": {"reference": "Immunization/i"},
        "doseStatus": CODE,
    },
    "ImmunizationRecommendation": {
        "date": DAY,
        "recommendation": [{"vaccineCode": [CODE], "forecastStatus": CODE}],
    },
    "Invoice": {"status": "issued"},
    "List": {"status": "current", "mode": "working"},
    "MeasureReport": {
        "status": "complete",
        "type": "individual",
        "measure": "urn:x",
        "period": {"start": DAY},
    },
    "Media": {"status": "completed", "content": {"title": "x"}},
    "MedicationAdministration": {"status": "completed", **MEDICATION, "effectiveDateTime": DAY},
    "MedicationDispense": {"status": "completed", **MEDICATION},
    "MedicationRequest": {"status": "active", "intent": "order", **MEDICATION},
    "MedicationStatement": {"status": "active", **MEDICATION},
    "MolecularSequence": {"coordinateSystem": 0},
    "NutritionOrder": {"status": "active", "intent": "order", "dateTime": DAY},
    "Observation": {"status": "final", "code": CODE},
    "Procedure": {"status": "completed"},
    "QuestionnaireResponse": {"status": "completed"},
    "RequestGroup": {"status": "active", "intent": "plan"},
    "ResearchSubject": {"status": "candidate", "study": {"reference": "ResearchStudy/s"}},
    "RiskAssessment": {"status": "final"},
    "ServiceRequest": {"status": "active", "intent": "order"},
    "SupplyRequest": {"itemCodeableConcept": CODE, "quantity": {"value": 1}},
    "Task": {"status": "requested", "intent": "order"},
    "VisionPrescription": {
        "status": "active",
        "created": DAY,
        "dateWritten": DAY,
        "prescriber": {"reference": "Practitioner/p"},
        "lensSpecification": [{"product": CODE, "eye": "right"}],
    },
}


def belonging(type_: str, *patients: str) -> dict[str, Any]:
    """The smallest valid resource of a type that belongs to a patient, or to several where it can."""
    named = [{"reference": patient} for patient in patients]
    element = PATIENT_ELEMENT[type_]
    return {
        "resourceType": type_,
        **LEAST.get(type_, {}),
        element: named[0] if type_ in HOME_ELEMENT else named,
    }


def found(world: World, type_: str, query: str) -> list[str]:
    text = world.search.run(caller(), type_, parse_query(query), base_url="").text()
    return [each["resource"]["id"] for each in json.decode_object(text).get("entry", ())]


@pytest.mark.parametrize("type_", sorted(PATIENT_ELEMENT))
@pytest.mark.parametrize("patient", ["Patient/p", "Patient/0123456789ab-0123456789abcdef0123"])
def test_what_is_created_is_found_with_its_patient(type_: str, patient: str) -> None:
    world = World(validator=real_validator())
    made = world.interactions.create(caller(), belonging(type_, patient)).stored.key
    world.interactions.update(
        caller(), ResourceKey(type_, "mine"), {**belonging(type_, patient), "id": "mine"}
    )
    world.interactions.create(caller(), belonging(type_, "Patient/another"))
    expected = sorted([made.id, "mine"])
    for parameter in ("patient", "subject"):
        if parameter in search_parameters(type_):
            assert sorted(found(world, type_, f"{parameter}={patient}")) == expected
    assert found(world, type_, f"_id={made.id}") == [made.id]
    assert world.interactions.read("ward", made).key == made


def test_an_account_of_several_patients_is_found_with_each() -> None:
    world = World(validator=real_validator())
    made = world.interactions.create(caller(), belonging("Account", "Patient/p", "Patient/q")).stored.key
    assert found(world, "Account", "patient=p") == found(world, "Account", "subject=Patient/q") == [made.id]
    assert found(world, "Account", f"patient=q&_id={made.id}") == [made.id]
    assert found(world, "Account", "patient=r") == []


def test_an_account_by_stream_is_found_and_is_what_an_encounter_refers_to() -> None:
    world = World(validator=real_validator())
    encounter = {**belonging("Encounter", "Patient/p"), "id": "e", "account": [{"reference": "Account/a"}]}
    world.send(
        transaction(
            entry("PUT", "Account/a", {**belonging("Account", "Patient/p"), "id": "a"}),
            entry("PUT", "Encounter/e", encounter),
        )
    )
    world.send(encounter, first=1)
    (account,) = world.current("Account")
    for item in world.current("Encounter"):
        resource = world.bodies.stored(item).resource
        assert resource["account"][0]["reference"] == f"Account/{account['rid']}"
        patient = resource["subject"]["reference"]
        assert found(world, "Account", f"patient={patient}") == [account["rid"]]
