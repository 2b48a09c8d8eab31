"""Names, cardinality, JSON kinds and what is empty."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir.json import ExactDecimal, decode_object
from shared.domain.fhir.outcome import UNKNOWN_ELEMENT
from shared.domain.fhir.validation.validator import R4Validator
from tests.unit.validation.explain.resources import errors, findings, observation, patient


def test_says_nothing_about_valid_resources() -> None:
    assert findings(patient()) == []
    assert findings(observation()) == []


def test_takes_exact_decimals_floats_and_integers_for_a_decimal() -> None:
    exact = decode_object(b'{"v": 1.10}')["v"]
    assert isinstance(exact, ExactDecimal)
    for value in (exact, 6.3, 6):
        quantity = {"value": value, "unit": "x"}
        assert errors(observation(valueQuantity=quantity)) == []


def test_finds_everything_independent_at_once() -> None:
    spoiled = observation(status=None, issued="yesterday", colour="red", subject={"reference": "nowhere"})
    assert {rule for rule, _ in errors(spoiled)} == {"required", "instant", UNKNOWN_ELEMENT, "reference-form"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": None}, ("required", "Observation.status")),
        ({"status": ["final"]}, ("json-array", "Observation.status")),
        ({"category": {"text": "x"}}, ("json-array", "Observation.category")),
        ({"category": ["x"]}, ("json-object", "Observation.category[0]")),
        ({"category": [None]}, ("json-null", "Observation.category[0]")),
        ({"category": []}, ("json-empty", "Observation.category")),
        ({"category": [{}]}, ("json-empty", "Observation.category[0]")),
        ({"category": [{"text": ""}]}, ("json-empty", "Observation.category[0].text")),
        ({"category": [{"id": "a"}]}, ("ele-1", "Observation.category[0]")),
        ({"valueString": "and a string"}, ("choice-once", "Observation.value")),
        ({"valueCode": "a"}, (UNKNOWN_ELEMENT, "Observation.valueCode")),
        ({"issued": None, "_issued": {}}, ("json-sibling", "Observation.issued")),
        ({"subject": {"resourceType": "Patient", "display": "x"}}, (UNKNOWN_ELEMENT, "Observation.subject.resourceType")),
        ({"component": [{"code": {"text": "x"}, "referenceRange": [{}]}]},
         ("json-empty", "Observation.component[0].referenceRange[0]")),
    ],
)  # fmt: skip
def test_finds_one_fault_of_structure(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in errors(observation(**changes))


def test_a_content_reference_is_read_as_what_it_refers_to() -> None:
    component = {"code": {"text": "x"}, "valueString": "y", "referenceRange": [{"low": {"value": "1"}}]}
    assert errors(observation(component=[component])) == [
        ("json-number", "Observation.component[0].referenceRange[0].low.value")
    ]


@pytest.mark.parametrize(
    ("property_", "words"),
    [
        ("birthdate", "written birthDate"),
        ("BirthDate", "written birthDate"),
        ("managingOrganisation", "managingOrganization may be meant"),
        ("deceased", "deceasedBoolean, deceasedDateTime"),
        ("deceasedString", "deceasedBoolean, deceasedDateTime"),
        ("fhir_comments", "DSTU 2"),
        ("_name", "put them inside"),
        ("zzz", "check its spelling"),
    ],
)
def test_says_what_was_meant_by_an_unknown_element(property_: str, words: str) -> None:
    (issue,) = [
        issue for issue in findings(patient(**{property_: {"x": 1}})) if issue.rule == UNKNOWN_ELEMENT
    ]
    assert words in issue.text
    assert issue.expression == f"Patient.{property_}"


def test_keeps_a_name_that_is_no_identifier_out_of_the_expression() -> None:
    (issue,) = findings(patient(**{"a person's secret": 1}))
    assert issue.expression == "Patient"
    assert "secret" not in issue.text


@pytest.mark.parametrize(
    ("given", "sibling", "faults"),
    [
        (["Jo", None], [None, {"extension": [{"url": "http://x.org/a", "valueCode": "b"}]}], []),
        (["Jo"], [None], []),
        ([None, "Jo"], None, [("json-null", "Patient.name[0].given[0]")]),
        ([None], [None], [("json-null", "Patient.name[0].given[0]")]),
        ([None], [{"id": "a"}], [("ele-1", "Patient.name[0].given[0]")]),
        (["Jo"], {"id": "a"}, [("json-array", "Patient.name[0].given")]),
        (["Jo"], [{"id": "a", "value": "x"}], [(UNKNOWN_ELEMENT, "Patient.name[0].given[0].value")]),
        ("Jo", None, [("json-array", "Patient.name[0].given")]),
    ],
)
def test_aligns_values_and_extensions_by_their_place(
    given: Any, sibling: Any, faults: list[tuple[str, str]]
) -> None:
    name = {"given": given, "_given": sibling} if sibling is not None else {"given": given}
    assert errors(patient(name=[name])) == faults


def test_an_extension_stands_for_a_required_value() -> None:
    absent = {
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
        ]
    }
    assert errors(observation(status=None, _status=absent)) == []


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ({"resourceType": "patient"}, "written Patient"),
        ({"resourceType": "Chicken"}, "does not exist in FHIR R4"),
        ({"resourceType": "InventoryItem"}, "of R5, not of R4"),
        ({"resourceType": "Ingredient"}, "of R4B, not of R4"),
        ({"resourceType": "ProcedureRequest"}, "of STU3, not of R4"),
        ({"resourceType": 3}, "resourceType is missing"),
        ({}, "resourceType is missing"),
        ([], "JSON object"),
        (None, "JSON object"),
    ],
)
def test_says_what_is_wrong_with_the_type_of_a_resource(resource: Any, words: str) -> None:
    (issue,) = findings(resource)
    assert words in issue.text
    assert issue.severity == "error"


def test_names_the_release_of_a_later_element() -> None:
    (issue,) = [each for each in findings(observation(triggeredBy=[{}])) if each.rule == UNKNOWN_ELEMENT]
    assert "R5" in issue.text


def test_a_bound_number_of_findings_never_hides_an_error() -> None:
    blanks = [{"text": " "} for _ in range(2000)]
    assert ("required", "Observation.status") in errors(observation(category=blanks, status=None))
    many = findings(patient(name=[{"use": 1} for _ in range(5000)]))
    assert len(many) <= 1002
    assert many[-1].rule == "too-many"


def test_nesting_without_end_is_one_clear_error() -> None:
    node: dict[str, Any] = {"url": "http://x.org/a"}
    for _ in range(5000):
        node = {"url": "http://x.org/a", "extension": [node]}
    (issue,) = findings(patient(extension=[node]))
    assert issue.rule == "json-depth"


def test_no_text_holds_a_value_of_the_resource() -> None:
    secret = "Mallory-31415"
    spoiled = patient(
        gender=secret,
        birthDate=secret,
        name=[{"use": secret, "given": secret}],
        managingOrganization={"reference": secret},
        communication=[{"language": {"coding": [{"system": secret, "code": secret}]}}],
        text={"status": secret, "div": f"<div>{secret}<b></div>"},
    )
    assert len(errors(spoiled)) > 6
    assert not any(secret in issue.text or secret in issue.expression for issue in findings(spoiled))


BIRTH_PLACE = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"


def test_an_extension_of_the_specification_has_the_type_it_is_defined_with() -> None:
    assert errors(patient(extension=[{"url": BIRTH_PLACE, "valueAddress": {"city": "Bonn"}}])) == []
    assert errors(patient(extension=[{"url": BIRTH_PLACE, "valueString": "Bonn"}])) == [
        ("profile:patient-birthPlace:type", "Patient.extension[0].value.ofType(string)")
    ]


def test_an_extension_that_the_specification_has_not_is_anyones() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/of-a-later-package"
    assert errors(patient(extension=[{"url": url, "valueString": "Bonn"}])) == []


def test_the_size_of_an_attachment_is_that_of_its_data() -> None:
    for size, expected in ((4, []), (6, [("attachment-size", "Patient.photo[0].size")])):
        photo = {"contentType": "image/png", "data": "AAEC\nAw==", "size": size}
        assert errors(patient(photo=[photo])) == expected


def test_an_extension_of_the_specification_stands_where_its_definition_says_whether_it_modifies() -> None:
    base = "http://hl7.org/fhir/StructureDefinition/"
    place = {"url": f"{base}patient-birthPlace", "valueAddress": {"city": "Boston"}}
    not_done = {"url": f"{base}request-doNotPerform", "valueBoolean": True}
    assert errors(patient(extension=[place])) == []
    assert errors(patient(modifierExtension=[place])) == [
        ("extension-modifier", "Patient.modifierExtension[0]")
    ]
    assert errors(patient(modifierExtension=[not_done])) == []
    assert errors(patient(extension=[not_done])) == [("extension-modifier", "Patient.extension[0]")]
    for wrong in (patient(modifierExtension=[place]), patient(extension=[not_done])):
        assert [issue.rule for issue in R4Validator().validate(wrong)] == ["extension-modifier"]
    assert errors(patient(modifierExtension=[{"url": "http://example.org/x", "valueBoolean": True}])) == []
