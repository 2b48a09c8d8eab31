"""Resources of a patient for tests of features."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.domain.features.patient.facts import Fact, facts_of
from shared.domain.features.patient.known import Clock, Known, known

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
LANDED = "2026-02-01T00:00:00.000000Z"
SNOMED = "http://snomed.info/sct"


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p", "birthDate": "1960-03-01", "gender": "female", **more}


def of_patient(type_: str, id_: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": type_, "id": id_, "subject": {"reference": "Patient/p"}, **more}


def observation(
    id_: str, value: float | None, *, code: str = "2339-0", unit: str = "mg/dL", at: str = "2026-01-10", **more: Any
) -> dict[str, Any]:  # fmt: skip
    quantity = {} if value is None else {"valueQuantity": {"value": value, "unit": unit, "code": unit}}
    coding = {"system": "http://loinc.org", "code": code}
    said = {"status": "final", "code": {"coding": [coding]}, "effectiveDateTime": at, **quantity, **more}
    return of_patient("Observation", id_, **said)


def condition(id_: str, code: str, onset: str, **more: Any) -> dict[str, Any]:
    return of_patient(
        "Condition", id_, code={"coding": [{"system": SNOMED, "code": code}]}, onsetDateTime=onset, **more
    )


def encounter(id_: str, class_: str, start: str, end: str | None = None, **more: Any) -> dict[str, Any]:
    period = {"start": start} | ({"end": end} if end else {})
    said = {"status": "finished", "class": {"code": class_}, "period": period, **more}
    return of_patient("Encounter", id_, **said)


def request(id_: str, words: str, authored: str, **more: Any) -> dict[str, Any]:
    coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1", "display": words}
    said = {"status": "active", "intent": "order", "authoredOn": authored, **more}
    return of_patient("MedicationRequest", id_, medicationCodeableConcept={"coding": [coding]}, **said)


def facts(*resources: dict[str, Any], landed: str = LANDED) -> list[Fact]:
    return [fact for resource in resources for fact in facts_of(resource, landed)]


def seen(*resources: dict[str, Any], at: datetime = AT, by: Clock = Clock.PLATFORM) -> Known:
    found = known(facts(patient(), *resources), at, by)
    assert found is not None
    return found
