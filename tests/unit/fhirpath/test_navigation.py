"""How expressions find their way through FHIR JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.json import decode

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "birthDate": "1974-12-25",
    "_birthDate": {
        "id": "b1",
        "extension": [{"url": "http://example.org/time", "valueDateTime": "1974-12-25T14:35:45Z"}],
    },
    "name": [
        {"given": [None, "James"], "_given": [{"extension": [{"url": "x", "valueString": "five"}]}, None]}
    ],
    "_gender": {"extension": [{"url": "http://example.org/absent", "valueCode": "unknown"}]},
    "contained": [{"resourceType": "Organization", "id": "o1", "name": "Ward"}],
    "managingOrganization": {"reference": "#o1"},
    "deceasedBoolean": False,
}
OBSERVATION: dict[str, Any] = decode(
    '{"resourceType": "Observation", "status": "final", "valueQuantity": {"value": 1.10, "code": "mg",'
    ' "system": "http://unitsofmeasure.org"}}'
)


def values(expression: str, focus: Any = PATIENT, **given: Any) -> list[Any]:
    return fhirpath.compile(expression).evaluate(focus, model=r4(), **given)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Patient.birthDate.extension('http://example.org/time').value", ["1974-12-25T14:35:45Z"]),
        ("birthDate.id", ["b1"]),
        ("name.given", ["James"]),
        ("name.given.count()", [2]),
        ("name.given[0].hasValue()", [False]),
        ("name.given[0].extension('x').value", ["five"]),
        ("name.given.select($this.hasValue())", [False, True]),
        ("gender.exists() and gender.hasValue().not()", [True]),
        ("deceased", [False]),
        ("deceased is boolean", [True]),
        ("deceasedBoolean", []),
        ("contained.name", ["Ward"]),
        ("contained.ofType(Organization).id", ["o1"]),
        ("contained is DomainResource", [True]),
        ("Resource.id", ["p1"]),
        ("managingOrganization.resolve().name", ["Ward"]),
        ("Observation.status", []),
    ],
)
def test_finds_what_an_expression_names(expression: str, expected: list[Any]) -> None:
    assert values(expression) == expected


def test_choices_are_found_by_their_name_without_the_type() -> None:
    assert values("value.value", OBSERVATION) == [Decimal("1.10")]
    assert values("value is Quantity and (value is string).not()", OBSERVATION) == [True]
    assert values("value = 1100 'ug'", OBSERVATION) == [True]


def test_decimals_keep_their_digits() -> None:
    assert values("value.value.toString()", OBSERVATION) == ["1.10"]


@pytest.mark.parametrize(
    "expression", ["value.value", "Observation.value.value", "children().value.toDecimal()"]
)
def test_data_without_a_model_tells_its_choices(expression: str) -> None:
    assert fhirpath.compile(expression).evaluate(OBSERVATION) == [Decimal("1.10")]


def test_floats_are_taken_for_the_decimals_they_were_written_as() -> None:
    assert values(
        "value.value + 0.2 = 0.3", {"resourceType": "Observation", "valueQuantity": {"value": 0.1}}
    ) == [True]


def test_descendants_are_all_elements_below() -> None:
    assert values("descendants().where($this is Extension).count()") == [3]
    assert values("children().count()") == [7]


def test_references_that_are_not_local_are_the_callers_to_resolve() -> None:
    asked: list[str] = []

    def resolve(reference: str) -> dict[str, Any] | None:
        asked.append(reference)
        return {"resourceType": "Patient", "id": "p9"} if reference == "Patient/p9" else None

    focus = {
        "resourceType": "Observation",
        "subject": {"reference": "Patient/p9"},
        "focus": [{"reference": "x/y"}],
    }
    assert values("(subject | focus).resolve().id", focus, resolve=resolve) == ["p9"]
    assert asked == ["Patient/p9", "x/y"]


def test_elements_tell_their_types() -> None:
    found = fhirpath.compile("Patient.name | Patient.birthDate").elements(PATIENT, model=r4())
    assert [element.type for element in found] == ["HumanName", "date"]


def test_a_part_of_a_resource_is_evaluated_with_its_type() -> None:
    contact = {"name": {"family": "Marché"}, "relationship": [{"text": "mother"}]}
    assert values("relationship.text", contact, type_name="Patient.contact", resource=PATIENT) == ["mother"]
    assert values("%resource.id", contact, type_name="Patient.contact", resource=PATIENT) == ["p1"]
