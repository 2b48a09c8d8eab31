"""A patient in intensive care whose hours come as Observations, through the same doors as everybody's."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from shared.domain.features.sepsis import MEASURED, VITALS, Hour
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Item
from shared.domain.stays.variables import variables
from tests.delivery.world import World
from tests.unit.scores.ward import CALLER, loinc

PATIENT = ResourceKey("Patient", "p")
TABLE = {each.name: each for each in variables()}
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
CALM = {"HR": 80.0, "O2Sat": 98.0, "Temp": 36.8, "SBP": 120.0, "Resp": 14.0}


def encounter(begun: datetime, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "ACUTE"},
        "subject": {"reference": str(PATIENT)},
        "period": {"start": begun.isoformat()},
        **more,
    }


def observed(variable: str, value: float, at: datetime, unit: str | None = None) -> dict[str, Any]:
    row = TABLE[variable]
    code = unit or row.unit
    category = "vital-signs" if variable in VITALS else "laboratory"
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORY, "code": category}]}],
        "code": loinc(row.codes[0]),
        "subject": {"reference": str(PATIENT)},
        "effectiveDateTime": at.isoformat(),
        "valueQuantity": {
            "value": value,
            "unit": code,
            "system": "http://unitsofmeasure.org",
            "code": code,
        },
    }


class Icu:
    """The world with one patient, admitted to intensive care so many hours ago. `caller`: whose patient."""

    caller = CALLER

    def __init__(self, hours: float = 10.0, **patient: Any) -> None:
        self.world = World()
        self.begun = self.world.clock.now() - timedelta(hours=hours)
        self.person = {"resourceType": "Patient", "birthDate": "1950-01-01", "gender": "male", **patient}
        self.put(PATIENT, self.person)
        self.seen = 0

    def admit(self, **more: Any) -> ResourceKey:
        return self.post(encounter(self.begun, **more))

    def at(self, hour: float) -> datetime:
        return self.begun + timedelta(hours=hour)

    def post(self, resource: dict[str, Any]) -> ResourceKey:
        return self.world.interactions.create(self.caller, resource).stored.key

    def put(self, key: ResourceKey, resource: dict[str, Any]) -> None:
        self.world.interactions.update(self.caller, key, {**resource, "id": key.id})

    def measure(self, hour: float, **values: float) -> list[ResourceKey]:
        return [self.post(observed(name, value, self.at(hour))) for name, value in values.items()]

    def replay(self, hours: list[Hour], start: int = 0) -> None:
        """The values of a stay, half past each hour."""
        for number, hour in enumerate(hours, start):
            for name, value in zip(MEASURED, hour, strict=False):
                if not math.isnan(value):
                    self.measure(number + 0.5, **{name: value})

    def react(self) -> int:
        changes = self.world.stores.records.changes
        start, self.seen = self.seen, len(changes)
        return self.world.score_sepsis.react(changes[start:])

    def risks(self) -> list[dict[str, Any]]:
        bodies = [self.world.bodies.stored(item).resource for item in self.world.current("RiskAssessment")]
        return sorted(bodies, key=lambda each: str(each["occurrenceDateTime"]))

    def alerts(self) -> list[Item]:
        return [item["alert"] for item in self.world.kinds("alert")]


def index_of(risk: dict[str, Any]) -> float:
    [found] = [each for each in risk["extension"][0]["extension"] if each["url"] == "riskIndex"]
    return float(found["valueDecimal"])
