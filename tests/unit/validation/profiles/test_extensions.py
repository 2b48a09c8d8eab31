"""Extensions that the specification defines are held to their definitions; others are anyone's."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.validation.explain import explain
from shared.domain.fhir.validation.profiles.apply import extension_issues
from shared.domain.fhir.validation.validator import R4Validator
from tests.unit.validation.profiles.observations import holds

BASE = "http://hl7.org/fhir/StructureDefinition/"
BIRTH_PLACE = f"{BASE}patient-birthPlace"


def rules(extension: dict[str, Any]) -> set[tuple[str, str]]:
    issues = extension_issues(extension, "Patient.extension[0]", r4(), holds)
    return {(issue.rule.removeprefix("profile:"), issue.expression) for issue in issues}


def test_an_extension_of_the_specification_is_held_to_its_definition() -> None:
    assert rules({"url": BIRTH_PLACE, "valueAddress": {"city": "Boston"}}) == set()
    assert rules({"url": BIRTH_PLACE, "valueString": "Boston"}) == {
        ("patient-birthPlace:type", "Patient.extension[0].value.ofType(string)")
    }
    assert rules({"url": BIRTH_PLACE}) == {("patient-birthPlace:min", "Patient.extension[0].value")}


def test_an_extension_of_parts_is_held_to_its_parts() -> None:
    nationality = {"url": f"{BASE}patient-nationality", "extension": [{"url": "period", "valuePeriod": {}}]}
    assert rules(nationality) == set()
    nationality["extension"] *= 2
    assert ("patient-nationality:slice-max", "Patient.extension[0].extension") in rules(nationality)


@pytest.mark.parametrize(
    ("holder", "place"),
    [
        ({"extension": [{"url": f"{BASE}patient-nope", "valueString": "x"}]}, "Patient.extension[0].url"),
        (
            {"_gender": {"extension": [{"url": f"{BASE}x", "valueCode": "x"}]}},
            "Patient.gender.extension[0].url",
        ),
        ({"modifierExtension": [{"url": f"{BASE}x", "valueCode": "x"}]}, "Patient.modifierExtension[0].url"),
        ({"extension": [{"url": BIRTH_PLACE, "valueAddress": {"city": "Boston"}}]}, None),
        (
            {"extension": [{"url": "http://hl7.org/fhir/us/core/StructureDefinition/x", "valueCode": "x"}]},
            None,
        ),
        ({"extension": [{"url": "urn:other", "extension": [{"url": "part", "valueCode": "x"}]}]}, None),
    ],
)
def test_a_url_of_the_specification_that_it_does_not_define_is_a_warning(
    holder: dict[str, Any], place: str | None
) -> None:
    resource = {"resourceType": "Patient", **holder}
    found = explain(resource, r4())
    told = [
        (issue.severity, issue.code, issue.expression) for issue in found if issue.rule == "extension-unknown"
    ]
    assert told == ([("warning", "extension", place)] if place else [])
    assert R4Validator().validate(resource) == found


@pytest.mark.parametrize("url", ["urn:other", "latitude", f"{BASE}bodyweight", 1, None])
def test_an_extension_without_a_definition_is_not_judged(url: Any) -> None:
    assert rules({"url": url, "valueString": "x"}) == set()
