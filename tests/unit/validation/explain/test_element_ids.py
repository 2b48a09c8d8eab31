"""Ids of elements are unique within their resource."""

from __future__ import annotations

from shared.domain.fhir.validation.validator import R4Validator
from tests.unit.validation.explain.resources import errors, patient

VALIDATOR = R4Validator(best_practice=False)
RULE = "element-id-unique"


def test_an_id_stands_on_one_element() -> None:
    assert errors(patient(name=[{"id": "a", "family": "Doe"}, {"id": "b", "family": "Roe"}])) == []
    assert errors(patient(name=[{"id": "a", "family": "Doe"}, {"id": "a", "family": "Roe"}])) == [
        (RULE, "Patient.name[1].id")
    ]


def test_primitives_and_choices_have_ids_too() -> None:
    twice = patient(
        birthDate="2000-01-01",
        _birthDate={"id": "a"},
        multipleBirthInteger=2,
        _multipleBirthInteger={"id": "a"},
    )
    assert errors(twice) == [(RULE, "Patient.multipleBirth.ofType(integer).id")]


def test_resources_within_have_ids_of_their_own() -> None:
    doctor = {"resourceType": "Practitioner", "id": "d", "name": [{"id": "a", "family": "Doe"}]}
    resource = patient(
        contained=[doctor], generalPractitioner=[{"reference": "#d"}], name=[{"id": "a", "family": "Doe"}]
    )
    assert errors(resource) == []
    doctor["name"] = [{"id": "a", "family": "Doe"}, {"id": "a", "family": "Roe"}]
    assert errors(resource) == [(RULE, "Patient.contained[0].name[1].id")]


def test_the_validator_of_the_doors_finds_them_as_well() -> None:
    twice = patient(name=[{"id": "a", "family": "Doe"}, {"id": "a", "family": "Roe"}])
    assert [issue.rule for issue in VALIDATOR.validate(twice)] == [RULE]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": twice, "request": {}}]}
    bundle["entry"][0]["request"] = {"method": "POST", "url": "Patient"}  # type: ignore[index]
    assert [(issue.rule, issue.expression) for issue in VALIDATOR.validate(bundle)] == [
        (RULE, "Bundle.entry[0].resource.name[1].id")
    ]
