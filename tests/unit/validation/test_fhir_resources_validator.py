"""Validation by fhir.resources: each rule with the code, the place and never the value."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from shared.adapters.fhir_resources.validator import FhirResourcesValidator
from shared.domain.fhir import json

VALIDATE = FhirResourcesValidator().validate
GOOD: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    "subject": {"reference": "Patient/1"},
    "effectiveDateTime": "2024-05-01T10:00:00+02:00",
    "valueQuantity": {"value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
}
SECRET = "canary-value"


def with_(path: str, value: Any) -> dict[str, Any]:
    """The good Observation with one element set; `None` removes it."""
    changed = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    node = changed
    for parent in parents:
        node = node.setdefault(parent, {})
    if value is None:
        node.pop(last)
    else:
        node[last] = value
    return changed


@pytest.mark.parametrize(
    ("resource", "code", "expression"),
    [
        ({"resourceType": "Foo"}, "structure", "resourceType"),
        ({"status": "final"}, "structure", "resourceType"),
        ({"resourceType": ["Observation"]}, "structure", "resourceType"),
        ({"resourceType": "SubstanceSpecification"}, "not-supported", "SubstanceSpecification"),
        (with_("status", None), "required", "Observation.status"),
        (with_("code", None), "required", "Observation.code"),
        (with_("unknown", SECRET), "structure", "Observation.unknown"),
        (with_("category", {"text": SECRET}), "structure", "Observation.category"),
        (with_("code", SECRET), "value", "Observation.code"),
        (with_("subject.reference", 5), "value", "Observation.subject.reference"),
        (with_("effectiveDateTime", "2024-02-30"), "value", "Observation.effectiveDateTime"),
        (with_("valueQuantity.value", SECRET), "value", "Observation.valueQuantity.value"),
        (with_("valueQuantity.value", "72"), "value", "Observation.valueQuantity.value"),
        (with_("valueString", SECRET), "structure", "Observation"),
        (with_("note", []), "structure", "Observation.note"),
        (with_("method", {}), "structure", "Observation.method"),
        (with_("method", {"text": ""}), "value", "Observation.method.text"),
        (
            with_("text", {"status": "generated", "div": "<div><script>x</script></div>"}),
            "invalid",
            "Observation.text.div",
        ),
        ({"resourceType": "Patient", "active": "true"}, "value", "Patient.active"),
        ({"resourceType": "Patient", "active": 1}, "value", "Patient.active"),
        ({"resourceType": "Patient", "id": "../x"}, "value", "Patient.id"),
        ({"resourceType": "Patient", "name": {"family": SECRET}}, "structure", "Patient.name"),
        (
            {"resourceType": "Patient", "contained": [{"resourceType": "Foo"}]},
            "structure",
            "Patient.contained",
        ),
        (
            {"resourceType": "Encounter", "status": "finished", "class_fhir": {"code": "AMB"}},
            "structure",
            "Encounter",
        ),
    ],
)
def test_names_what_is_wrong_and_where(resource: dict[str, Any], code: str, expression: str) -> None:
    issues = VALIDATE(resource)
    assert (code, expression) in {(issue.code, issue.expression) for issue in issues}
    assert all(issue.severity == "error" and SECRET not in issue.text for issue in issues)


def test_accepts_a_good_resource_with_decimals_as_they_were_read() -> None:
    resource = json.decode_object(
        json.encode({**GOOD, "valueQuantity": {"value": 1}}).replace('"value":1', '"value":1.10')
    )
    assert VALIDATE(GOOD) == []
    assert VALIDATE(resource) == []


@pytest.mark.parametrize("code", ["38341003", "true", "1"])
def test_a_code_that_looks_like_a_number_or_a_boolean_stays_a_code(code: str) -> None:
    assert VALIDATE(with_("code", {"coding": [{"code": code}]})) == []
    assert VALIDATE({"resourceType": "Patient", "identifier": [{"value": code}]}) == []


def test_tells_all_findings_at_once() -> None:
    resource = {"resourceType": "Observation", "foo": 1, "valueQuantity": {"value": "x"}}
    places = {issue.expression for issue in VALIDATE(resource)}
    assert places >= {
        "Observation.foo",
        "Observation.valueQuantity.value",
        "Observation.status",
        "Observation.code",
    }
