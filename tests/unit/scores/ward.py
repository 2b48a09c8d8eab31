"""A ward in memory: a patient whose vitals are posted, and a change feed that is read on where it was left."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.domain.access.caller import Caller
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Item
from tests.delivery.world import TENANT, World

CALLER = Caller("gateway", TENANT, ())
PATIENT = ResourceKey("Patient", "p")
HOME = PATIENT.address
UNITS = {"9279-1": "/min", "8867-4": "/min", "2708-6": "%", "8480-6": "mm[Hg]", "3151-8": "L/min"}
HYPERCAPNIC = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "J96.12"}]}


def loinc(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://loinc.org", "code": code}]}


def quantity(value: float, code: str) -> dict[str, Any]:
    unit = UNITS[code]
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def vital(at: datetime, code: str, value: float, patient: str = "p", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": loinc(code),
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": at.isoformat(),
        "valueQuantity": quantity(value, code),
        **more,
    }


def panel(at: datetime, code: str, systolic: float) -> dict[str, Any]:
    plain = vital(at, "8480-6", systolic)
    value = {"code": loinc("8480-6"), "valueQuantity": plain.pop("valueQuantity")}
    return {**plain, "code": loinc(code), "component": [value]}


class Ward:
    """The world with one patient."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self.seen = 0
        self.put({"resourceType": "Patient", "birthDate": "1950-01-01"}, PATIENT)

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def ago(self, **time: float) -> datetime:
        return self.now - timedelta(**time)

    def post(self, resource: dict[str, Any]) -> ResourceKey:
        """The id it was given."""
        return self.world.interactions.create(CALLER, resource).stored.key

    def put(self, resource: dict[str, Any], key: ResourceKey) -> None:
        self.world.interactions.update(CALLER, key, {**resource, "id": key.id})

    def delete(self, key: ResourceKey) -> None:
        self.world.interactions.delete(CALLER, key)

    def react(self) -> int:
        """Observations that the scores were told of."""
        changes = self.world.stores.records.changes
        start, self.seen = self.seen, len(changes)
        return self.world.score_vitals.react(changes[start:])

    def standing(self) -> list[str]:
        """What the NEWS2 scores that stand say."""
        bodies = [self.world.bodies.stored(item).resource for item in self.world.current("RiskAssessment")]
        texts = [body["prediction"][0]["rationale"] for body in bodies if body["status"] == "final"]
        return sorted(text for text in texts if text.startswith("National"))

    def states(self) -> list[Item]:
        return self.world.kinds("state")

    def counted(self, name: str, **labels: str) -> float:
        counters = self.world.meter.export()["counters"]
        return sum(float(value) for each, those, value in counters if each == name and those == labels)
