"""Resources that are valid and that a test spoils in one place."""

from __future__ import annotations

import copy
from typing import Any

from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.outcome import FAILURES, Issue
from shared.domain.fhir.validation.explain import explain

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'

_PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "text": {"status": "generated", "div": f"<div {XHTML}>A patient</div>"},
    "identifier": [{"system": "urn:oid:1.2.3", "value": "7"}],
    "active": True,
    "name": [{"family": "Doe", "given": ["Jo", "Ann"]}],
    "gender": "female",
    "birthDate": "1980-02-29",
}
_OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "text": {"status": "generated", "div": f"<div {XHTML}>Glucose</div>"},
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2339-0"}]},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2024-01-31T10:00:00Z",
    "valueQuantity": {
        "value": 6.3,
        "unit": "mmol/l",
        "system": "http://unitsofmeasure.org",
        "code": "mmol/L",
    },
}


def patient(**changes: Any) -> dict[str, Any]:
    """A valid Patient with `changes`; None takes an element away."""
    return _changed(_PATIENT, changes)


def observation(**changes: Any) -> dict[str, Any]:
    """A valid Observation with `changes`; None takes an element away."""
    return _changed(_OBSERVATION, changes)


def bundle(type_: str, *entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A Bundle of a type with entries."""
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries), **changes}


def entry(resource: dict[str, Any], full_url: str | None = None, **more: Any) -> dict[str, Any]:
    """A Bundle's entry."""
    return {**({"fullUrl": full_url} if full_url else {}), "resource": resource, **more}


def findings(resource: Any) -> list[Issue]:
    """All that is found."""
    return explain(resource, r4())


def errors(resource: Any) -> list[tuple[str, str]]:
    """Rule and expression of each error."""
    return [(issue.rule, issue.expression) for issue in findings(resource) if issue.severity in FAILURES]


def remarks(resource: Any) -> list[tuple[str, str, str]]:
    """Severity, rule and expression of what is no error."""
    return [
        (issue.severity, issue.rule, issue.expression)
        for issue in findings(resource)
        if issue.severity not in FAILURES
    ]


def _changed(resource: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(resource) | changes
    return {name: value for name, value in changed.items() if value is not None or name not in changes}
