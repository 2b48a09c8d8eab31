"""Vital signs as they should be, and how their invariants are evaluated in these tests."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.model import Constraint
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.profiles.apply import profile_issues
from shared.domain.fhir.validation.profiles.instance import Item
from shared.domain.fhir.validation.profiles.registry import Profiles

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"

BODY_WEIGHT: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "category": [{"coding": [{"system": CATEGORY, "code": "vital-signs"}]}],
    "code": {"coding": [{"system": LOINC, "code": "29463-7"}]},
    "subject": {"reference": "Patient/1"},
    "effectiveDateTime": "2024-03-01",
    "valueQuantity": {"value": 70, "unit": "kg", "system": UCUM, "code": "kg"},
}


def pressure(code: str, value: int) -> dict[str, Any]:
    quantity = {"value": value, "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"}
    return {"code": {"coding": [{"system": LOINC, "code": code}]}, "valueQuantity": quantity}


BLOOD_PRESSURE: dict[str, Any] = {
    **{key: value for key, value in BODY_WEIGHT.items() if key != "valueQuantity"},
    "code": {"coding": [{"system": LOINC, "code": "85354-9"}]},
    "component": [pressure("8480-6", 120), pressure("8462-4", 80)],
}


def changed(resource: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy with other elements; None removes one."""
    copy = deepcopy(resource)
    for name, value in changes.items():
        if value is None:
            del copy[name]
        else:
            copy[name] = value
    return copy


def holds(constraint: Constraint, item: Item) -> bool:
    focus = fhirpath.Element(item.value, item.type_name, item.sibling)
    return fhirpath.compile(constraint.expression).evaluate(focus, model=r4()) == [True]


def issues_of(resource: dict[str, Any], profiles: Profiles | None = None) -> list[Issue]:
    return profile_issues(resource, r4(), holds, profiles)


def found(resource: dict[str, Any], profiles: Profiles | None = None) -> set[tuple[str, str]]:
    """Rule and place of every issue."""
    return {(issue.rule, issue.expression) for issue in issues_of(resource, profiles)}
