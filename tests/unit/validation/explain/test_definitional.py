"""What resources that define things are asked in words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.validation.explain.resources import errors, remarks


def value_set(**include: Any) -> dict[str, Any]:
    return {"resourceType": "ValueSet", "status": "draft", "compose": {"include": [include]}}


def questionnaire(*items: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Questionnaire",
        "status": "draft",
        "item": [{"type": "string", **item} for item in items],
    }


def search_parameter(expression: str) -> dict[str, Any]:
    return {
        "resourceType": "SearchParameter", "url": "http://a.b/s", "name": "S", "status": "draft", "description": "d",
        "code": "s", "base": ["Patient"], "type": "token", "expression": expression,
    }  # fmt: skip


def when(question: str) -> dict[str, Any]:
    return {"question": question, "operator": "exists", "answerBoolean": True}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (value_set(system="#local"), ("value-set-system", "ValueSet.compose.include[0].system")),
        (
            value_set(system="http://snomed.info/sct", concept=[{"code": "1"}]),
            ("code-unknown", "ValueSet.compose.include[0].concept[0].code"),
        ),
        (value_set(system="http://a.b") | {"url": "relative"}, ("definition-url", "ValueSet.url")),
        (
            search_parameter("Patient.name | Organization.name"),
            ("search-expression-base", "SearchParameter.expression"),
        ),
        (search_parameter("Patient.name |"), ("search-expression", "SearchParameter.expression")),
        (
            questionnaire({"linkId": "1", "enableWhen": [when("9")]}),
            ("enable-when-target", "Questionnaire.item[0].enableWhen[0].question"),
        ),
        (
            questionnaire({"linkId": "1", "enableWhen": [when("1")]}),
            ("enable-when-self", "Questionnaire.item[0].enableWhen[0].question"),
        ),
        (
            questionnaire({"linkId": "1"}, {"linkId": "2", "enableWhen": [when("1"), when("1")]}),
            ("que-12", "Questionnaire.item[1]"),
        ),
    ],
)
def test_finds_what_a_definition_may_not_say(resource: dict[str, Any], expected: tuple[str, str]) -> None:
    assert errors(resource) == [expected]


def test_a_search_parameter_begins_at_its_base_or_anywhere_in_it() -> None:
    assert (
        errors(search_parameter("Patient.name.where(use = 'x') | name | (Patient.deceased as boolean)")) == []
    )


def test_a_condition_on_a_later_item_is_only_suspicious() -> None:
    made = questionnaire({"linkId": "1", "enableWhen": [when("2")]}, {"linkId": "2"})
    assert ("warning", "enable-when-order", "Questionnaire.item[0].enableWhen[0].question") in remarks(made)


def test_a_capability_statement_gives_search_parameters_their_own_type() -> None:
    parameter = {
        "name": "birthdate", "type": "token", "definition": "http://hl7.org/fhir/SearchParameter/individual-birthdate",
    }  # fmt: skip
    rest = [{"mode": "server", "resource": [{"type": "Patient", "searchParam": [parameter]}]}]
    statement = {
        "resourceType": "CapabilityStatement", "status": "draft", "date": "2024", "kind": "instance", "fhirVersion": "4.0.1",
        "format": ["json"], "implementation": {"description": "x"}, "rest": rest,
    }  # fmt: skip
    assert errors(statement) == [
        ("search-parameter-type", "CapabilityStatement.rest[0].resource[0].searchParam[0].type")
    ]


def code_system(content: str, **changes: Any) -> dict[str, Any]:
    concepts = [{"code": "a", "concept": [{"code": "b"}]}]
    return {
        "resourceType": "CodeSystem",
        "status": "draft",
        "content": content,
        "concept": concepts,
        **changes,
    }


@pytest.mark.parametrize(
    ("resource", "rule", "element"),
    [
        (code_system("complete", count=1), "code-system-count", "count"),
        (code_system("not-present"), "code-system-content", "content"),
        (code_system("supplement"), "code-system-supplement", "content"),
        (code_system("complete", supplements="http://a.b/c"), "code-system-supplement", "content"),
        (
            code_system("supplement", supplements="http://a.b/c", caseSensitive=True),
            "code-system-supplement",
            "caseSensitive",
        ),
    ],
)
def test_a_code_system_does_not_contradict_itself(resource: dict[str, Any], rule: str, element: str) -> None:
    assert errors(resource) == [(rule, f"CodeSystem.{element}")]


def test_accepts_code_systems_that_count_right_or_hold_a_part() -> None:
    assert errors(code_system("complete", count=2)) == []
    assert errors(code_system("fragment", count=9)) == []
    assert errors(code_system("supplement", supplements="http://a.b/c")) == []


def structure(**changes: Any) -> dict[str, Any]:
    element = {"id": "Patient", "path": "Patient"}
    return {
        "resourceType": "StructureDefinition", "url": "http://a.b/s", "name": "S", "status": "draft",
        "kind": "resource", "abstract": False, "type": "Patient", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "differential": {"element": [element]}, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes", [{"type": "Chicken"}, {"type": "http://a.b/s"}, {"derivation": "specialization"}]
)
def test_only_a_logical_model_describes_a_type_that_fhir_has_not(changes: dict[str, Any]) -> None:
    assert ("structure-type", "StructureDefinition.type") in errors(structure(**changes))


def test_accepts_profiles_of_types_that_fhir_has() -> None:
    assert errors(structure()) == []


@pytest.mark.parametrize(
    "expression", ["Patient.nam", "Patient.name.where(families = 'x')", "name.given.family"]
)
def test_a_search_parameter_looks_for_elements_that_its_types_have(expression: str) -> None:
    assert errors(search_parameter(expression)) == [
        ("search-expression-element", "SearchParameter.expression")
    ]


@pytest.mark.parametrize(
    "expression", ["Patient.deceased as dateTime", "Patient.extension.value.code", "name | photo.data"]
)
def test_accepts_expressions_that_some_data_has_an_answer_to(expression: str) -> None:
    assert errors(search_parameter(expression)) == []


def profile(*elements: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "StructureDefinition", "url": "http://a.b/s", "name": "S", "status": "draft", "kind": "resource",
        "abstract": False, "type": "Patient", "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "derivation": "constraint",
        "differential": {"element": [{"id": "Patient", "path": "Patient"}, *elements]},
    }  # fmt: skip


def element(path: str, **says: Any) -> dict[str, Any]:
    return {"id": path, "path": path, **says}


def test_a_profile_narrows_elements_that_its_type_has() -> None:
    where = "StructureDefinition.differential.element[1].path"
    for path in ("Patient.nickname", "Patient.name.family.first", "Patient.contact.pet"):
        assert errors(profile(element(path))) == [("profile-path", where)]
    for path in (
        "Patient.deceased[x]",
        "Patient.deceasedBoolean",
        "Patient.contact.name.given",
        "Patient.extension.value[x]",
    ):
        assert errors(profile(element(path))) == []


def test_the_invariants_of_a_profile_are_fhirpath() -> None:
    wrong = {"key": "a-1", "severity": "error", "human": "A name.", "expression": "name.where("}
    assert errors(profile(element("Patient.name", constraint=[wrong]))) == [
        ("constraint-expression", "StructureDefinition.differential.element[1].constraint[0].expression")
    ]
    assert (
        errors(profile(element("Patient.name", constraint=[{**wrong, "expression": "family.exists()"}])))
        == []
    )


def test_properties_of_concepts_are_of_their_declared_type() -> None:
    def system(**value: Any) -> dict[str, Any]:
        return {
            "resourceType": "CodeSystem", "status": "draft", "content": "complete",
            "property": [{"code": "old", "type": "boolean"}],
            "concept": [{"code": "a", "concept": [{"code": "b", "property": [{"code": "old", **value}]}]}],
        }  # fmt: skip

    assert errors(system(valueBoolean=True)) == []
    assert errors(system(valueString="true")) == [
        ("code-system-property", "CodeSystem.concept[0].concept[0].property[0]")
    ]
