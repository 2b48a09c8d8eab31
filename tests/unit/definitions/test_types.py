"""R4's types as the artefact holds them, against what the specification's pages say."""

from __future__ import annotations

import re

import pytest

from shared.domain.fhir.definitions.model import Binding, Kind, Strength, TypeDefinition, TypeRef
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.resource_types import RESOURCE_TYPES

R4 = r4()


def every_type() -> dict[str, TypeDefinition]:
    for name in R4._bases:
        R4.type(name)
    return dict(R4._types)


EVERY_TYPE = every_type()


def test_the_resource_types_are_those_of_the_platform() -> None:
    assert R4.resource_types == RESOURCE_TYPES


def test_a_type_has_its_elements_in_the_order_of_the_specification_inherited_ones_first() -> None:
    assert list(R4.type("Patient").elements) == [
        *("id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension"),
        *("identifier", "active", "name", "telecom", "gender", "birthDate", "deceased", "address"),
        *("maritalStatus", "multipleBirth", "photo", "contact", "communication"),
        *("generalPractitioner", "managingOrganization", "link"),
    ]


def test_a_choice_has_a_property_for_each_type() -> None:
    deceased = R4.type("Patient").elements["deceased"]
    assert deceased.is_choice
    assert deceased.properties == {
        "deceasedBoolean": TypeRef("boolean"),
        "deceasedDateTime": TypeRef("dateTime"),
    }
    assert len(R4.type("Extension").elements["value"].properties) == 50


def test_every_element_refers_to_types_that_are_there() -> None:
    for definition in EVERY_TYPE.values():
        for element in definition.elements.values():
            assert element.properties, (definition.name, element.name)
            for reference in element.properties.values():
                assert R4.type(reference.name).name == reference.name
                assert set(reference.targets) <= R4.resource_types


def test_a_content_reference_leads_to_the_backbone_it_names() -> None:
    assert R4.type("Bundle.entry").elements["link"].properties == {"link": TypeRef("Bundle.link")}
    assert R4.type("Questionnaire.item").elements["item"].properties == {
        "item": TypeRef("Questionnaire.item")
    }
    assert R4.type("Observation.component").elements["referenceRange"].properties == {
        "referenceRange": TypeRef("Observation.referenceRange")
    }


def test_backbones_are_named_by_their_path_and_know_their_base() -> None:
    assert R4.type("Patient.contact").kind is Kind.BACKBONE
    assert R4.type("Patient.contact").base == "BackboneElement"
    assert R4.type("Timing.repeat").base == "Element"
    with pytest.raises(KeyError):
        R4.type("Patient.nothing")


def test_ids_of_resources_are_ids_and_ids_of_elements_are_strings() -> None:
    for name, definition in EVERY_TYPE.items():
        if "id" in definition.elements:
            expected = "id" if definition.kind is Kind.RESOURCE else "string"
            assert definition.elements["id"].properties["id"].name == expected, name


def test_references_name_the_types_they_may_point_at_and_none_where_any_may() -> None:
    assert R4.type("Patient").elements["managingOrganization"].properties["managingOrganization"].targets == (
        "Organization",
    )
    assert R4.type("Provenance").elements["target"].properties["target"].targets == ()
    assert R4.type("List.entry").elements["item"].properties["item"].targets == ()


def test_bindings_that_decide_are_kept_without_version() -> None:
    gender = R4.type("Patient").elements["gender"].binding
    assert gender is not None
    assert (gender.strength, gender.value_set) == (
        Strength.REQUIRED,
        "http://hl7.org/fhir/ValueSet/administrative-gender",
    )
    assert R4.type("Condition").elements["code"].binding is None, "an example binding decides nothing"
    language = R4.type("Patient").elements["language"].binding
    assert language == Binding(
        Strength.PREFERRED,
        "http://hl7.org/fhir/ValueSet/languages",
        maximum="http://hl7.org/fhir/ValueSet/all-languages",
    )


def test_each_invariant_stands_at_one_place_only() -> None:
    assert [c.key for c in R4.type("Patient").constraints] == ["dom-2", "dom-3", "dom-4", "dom-5", "dom-6"]
    assert [c.key for c in R4.type("Patient.contact").constraints] == ["ele-1", "pat-1"]
    assert R4.type("Patient").elements["contact"].constraints == ()
    assert [c.key for c in R4.type("Extension").constraints] == ["ele-1", "ext-1"]
    assert [c.key for c in R4.type("Organization").elements["telecom"].constraints] == ["org-3"]
    for definition in EVERY_TYPE.values():
        for element in definition.elements.values():
            keys = {constraint.key for constraint in element.constraints}
            assert not keys & {"ele-1", "ext-1"}
            for reference in element.properties.values():
                at_the_type = {constraint.key for constraint in R4.type(reference.name).constraints}
                assert not keys & at_the_type, (definition.name, element.name)


def test_every_data_type_and_backbone_checks_that_it_is_not_empty() -> None:
    for definition in EVERY_TYPE.values():
        if definition.kind is not Kind.RESOURCE and definition.name != "xhtml":
            assert "ele-1" in {c.key for c in definition.constraints}, definition.name


@pytest.mark.parametrize(
    ("name", "of", "expected"),
    [
        ("Age", "Quantity", True),
        ("SimpleQuantity", "Quantity", True),
        ("Money", "Quantity", False),
        ("code", "string", True),
        ("markdown", "string", True),
        ("canonical", "uri", True),
        ("oid", "uri", True),
        ("positiveInt", "integer", True),
        ("string", "uri", False),
        ("Patient", "DomainResource", True),
        ("Patient", "Resource", True),
        ("Bundle", "DomainResource", False),
        ("Patient.contact", "BackboneElement", True),
        ("Patient.contact", "Element", True),
        ("Patient", "Element", False),
        ("Dosage", "BackboneElement", True),
        ("NoSuchType", "Element", False),
        ("NoSuchType.at.all", "Element", False),
    ],
)
def test_the_hierarchy_is_r4s(name: str, of: str, expected: bool) -> None:
    assert R4.is_subtype(name, of) is expected


def test_fhirpath_is_told_the_properties_of_an_element() -> None:
    assert R4.properties("Patient", "name") == {"name": "HumanName"}
    choice = R4.properties("Observation", "value")
    assert choice is not None
    assert choice["valueQuantity"] == "Quantity"
    assert R4.properties("Patient", "nothing") is None
    assert R4.properties("NoSuchType", "name") is None


@pytest.mark.parametrize(
    ("name", "text", "fits"),
    [
        ("boolean", "true", True),
        ("boolean", "trueish", False),
        ("boolean", "untrue", False),
        ("id", "a" * 64, True),
        ("id", "a" * 65, False),
        ("id", "a\n", False),
        ("date", "2024-02", True),
        ("date", "2024-02-0", False),
        ("dateTime", "2024-02-01T10:00:00Z", True),
        ("dateTime", "2024-02-01T10:00:00", False),
        ("unsignedInt", "0", True),
        ("unsignedInt", "05", False),
        ("string", "a no-break\u00a0space", True),
        ("code", "a  b", False),
        ("base64Binary", "YWJj ZGVm\n", True),
        ("base64Binary", "YWJ", False),
        ("oid", "urn:oid:1.2.3", True),
        ("oid", "1.2.3", False),
    ],
)
def test_a_primitives_pattern_is_asked_of_the_whole_text(name: str, text: str, fits: bool) -> None:
    assert bool(re.search(R4.type(name).regex, text)) is fits


def test_no_pattern_takes_exponential_time() -> None:
    # As published, white space between groups of base64 can be split in two ways at each of 5,000 gaps.
    assert re.search(R4.type("base64Binary").regex, "YWJj  " * 5_000 + "!") is None
    assert re.search(R4.type("code").regex, "a " * 50_000) is None


def test_primitives_say_what_they_are_in_json() -> None:
    kinds = {name: t.json for name, t in EVERY_TYPE.items() if t.kind is Kind.PRIMITIVE}
    assert {name for name, json in kinds.items() if json == "number"} == {
        *("decimal", "integer", "positiveInt", "unsignedInt"),
    }
    assert kinds["boolean"] == "boolean"
    assert len(kinds) == 20
    assert set(R4.type("string").elements) == {"id", "extension"}
