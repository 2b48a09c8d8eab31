"""Value sets: enumerated where the specification holds the codes, open where it does not, absent where it filters those."""

from __future__ import annotations

from typing import Any

import pytest

from local.definitions.value_sets import NotEnumerable, Terminology
from shared.domain.fhir.definitions.model import Strength
from shared.domain.fhir.definitions.reader import r4

R4 = r4()
VS = "http://hl7.org/fhir/ValueSet/"
ANIMALS: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "url": "urn:animals",
    "content": "complete",
    "concept": [
        {"code": "mammal", "concept": [{"code": "cat", "concept": [{"code": "siamese"}]}, {"code": "bat"}]},
        {"code": "flyer", "concept": [{"code": "bee"}]},
        {"code": "bat-by-property", "property": [{"code": "subsumedBy", "valueCode": "flyer"}]},
    ],
}


def codes_of(
    *include: dict[str, Any], exclude: tuple[dict[str, Any], ...] = (), **more: Any
) -> dict[str, Any]:
    """The expansion of a value set over the animals: system → sorted codes, `open` → open systems."""
    value_set = {
        "resourceType": "ValueSet",
        "url": "urn:vs",
        "compose": {"include": include, "exclude": exclude},
    }
    others = [{"resourceType": "ValueSet", "url": url, "compose": compose} for url, compose in more.items()]
    expansion = Terminology([ANIMALS, value_set, *others]).expand("urn:vs")
    found: dict[str, Any] = {system: sorted(codes) for system, codes in expansion.codes.items()}
    return {**found, "open": sorted(expansion.open_systems)} if expansion.open_systems else found


def filtered(operator: str, value: str) -> dict[str, Any]:
    return {"system": "urn:animals", "filter": [{"property": "concept", "op": operator, "value": value}]}


def test_listed_codes_are_taken_as_they_are() -> None:
    assert codes_of({"system": "urn:x", "concept": [{"code": "b"}, {"code": "a"}]}) == {"urn:x": ["a", "b"]}


def test_a_held_system_is_taken_whole() -> None:
    assert len(codes_of({"system": "urn:animals"})["urn:animals"]) == 7


def test_a_system_that_is_not_held_is_open() -> None:
    assert codes_of({"system": "urn:elsewhere"}) == {"open": ["urn:elsewhere"]}


def test_filters_follow_the_hierarchy_by_nesting_and_by_property() -> None:
    assert codes_of(filtered("is-a", "mammal")) == {"urn:animals": ["bat", "cat", "mammal", "siamese"]}
    assert codes_of(filtered("descendent-of", "flyer")) == {"urn:animals": ["bat-by-property", "bee"]}
    assert codes_of(filtered("is-not-a", "mammal")) == {"urn:animals": ["bat-by-property", "bee", "flyer"]}


def test_excluded_codes_are_taken_out() -> None:
    without = codes_of(
        filtered("is-a", "cat"), exclude=({"system": "urn:animals", "concept": [{"code": "cat"}]},)
    )
    assert without == {"urn:animals": ["siamese"]}


def test_an_imported_value_set_and_a_system_have_in_common_what_both_have() -> None:
    imported = {"include": [{"system": "urn:animals", "concept": [{"code": "bee"}, {"code": "cow"}]}]}
    both = {"system": "urn:animals", "valueSet": ["urn:other|1.0"]}
    others: dict[str, Any] = {"urn:other": imported}
    assert codes_of(both, **others) == {"urn:animals": ["bee"]}


@pytest.mark.parametrize(
    "include",
    [
        {"system": "urn:elsewhere", "filter": [{"property": "concept", "op": "is-a", "value": "x"}]},
        {"system": "urn:animals", "filter": [{"property": "colour", "op": "=", "value": "red"}]},
        {"valueSet": ["urn:not-held"]},
        {"valueSet": ["urn:vs"]},
    ],
)
def test_what_cannot_be_known_is_not_guessed(include: dict[str, Any]) -> None:
    with pytest.raises(NotEnumerable):
        codes_of(include)


def test_a_code_taken_out_of_an_open_system_leaves_nothing_to_say() -> None:
    with pytest.raises(NotEnumerable):
        codes_of({"system": "urn:x"}, exclude=({"system": "urn:x", "concept": [{"code": "a"}]},))


def test_administrative_gender_has_four_codes() -> None:
    gender = R4.value_set(f"{VS}administrative-gender")
    assert gender is not None
    assert gender.systems == {
        "http://hl7.org/fhir/administrative-gender": {"male", "female", "other", "unknown"}
    }
    assert not gender.open_systems


def test_mime_types_currencies_and_units_are_open() -> None:
    for name, system in (
        ("mimetypes", "urn:ietf:bcp:13"),
        ("currencies", "urn:iso:std:iso:4217"),
        ("ucum-units", "http://unitsofmeasure.org"),
        ("all-languages", "urn:ietf:bcp:47"),
    ):
        found = R4.value_set(f"{VS}{name}")
        assert found is not None, name
        assert system in found.open_systems


def test_a_value_set_that_filters_snomed_ct_is_not_enumerated() -> None:
    assert R4.value_set(f"{VS}encounter-reason") is None
    assert R4.value_set(f"{VS}no-such-value-set") is None


def test_code_systems_are_held_whole_or_not_at_all() -> None:
    held = R4.code_system("http://hl7.org/fhir/administrative-gender")
    assert held == frozenset({"male", "female", "other", "unknown"})
    assert R4.code_system("http://snomed.info/sct") is None
    assert R4.code_system("http://loinc.org") is None
    assert R4.code_system("http://terminology.hl7.org/CodeSystem/service-type") is None, (
        "an example holds part"
    )


def test_every_required_binding_is_decided_but_one_of_loinc() -> None:
    undecided = set()
    for name in R4._bases:
        R4.type(name)
    for definition in list(R4._types.values()):
        for element in definition.elements.values():
            binding = element.binding
            if binding and binding.strength is Strength.REQUIRED and R4.value_set(binding.value_set) is None:
                undecided.add(binding.value_set)
    assert undecided == {"http://loinc.org/vs/LL379-9"}
