"""Profiles that are loaded beside the base specification's own, and what is claimed in `meta.profile`."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.validation.profiles.registry import Profiles
from shared.errors import InputError
from tests.unit.validation.profiles.observations import BODY_WEIGHT, changed, found, issues_of

BASE = "http://hl7.org/fhir/StructureDefinition/"
URL = "http://example.org/fhir/StructureDefinition/our-patient"
PATIENT: dict[str, Any] = {"resourceType": "Patient", "meta": {"profile": [URL]}}


def structure(
    *elements: dict[str, Any],
    url: str = URL,
    type_: str = "Patient",
    part: str = "differential",
    base: str = "",
) -> dict[str, Any]:
    return {
        "resourceType": "StructureDefinition",
        "url": url,
        "type": type_,
        "derivation": "constraint",
        "baseDefinition": base or f"{BASE}{type_}",
        part: {"element": [{"id": type_}, *elements]},
    }


def loaded(*definitions: dict[str, Any]) -> Profiles:
    profiles = Profiles(r4())
    for definition in definitions:
        profiles.add(definition)
    return profiles


def rules(profiles: Profiles, **elements: Any) -> list[tuple[str, str]]:
    return sorted(
        (rule.removeprefix("profile:"), place) for rule, place in found({**PATIENT, **elements}, profiles)
    )


def slicing(kind: str, path: str, how: str = "open") -> dict[str, Any]:
    return {"discriminator": [{"type": kind, "path": path}], "rules": how}


@pytest.mark.parametrize("part", ["differential", "snapshot"])
def test_cardinality_is_narrowed(part: str) -> None:
    profiles = loaded(
        structure(
            {"id": "Patient.birthDate", "min": 1, "max": "1"},
            {"id": "Patient.name", "min": 1, "max": "1"},
            {"id": "Patient.photo", "min": 0, "max": "0"},
            {"id": "Patient.contact.name", "min": 1, "max": "1"},
            part=part,
        )
    )
    assert rules(profiles, name=[{"text": "x"}], birthDate="2000-01-01") == []
    wrong = rules(
        profiles, name=[{"text": "x"}, {"text": "y"}], photo=[{"title": "x"}], contact=[{"gender": "male"}]
    )
    assert wrong == [
        ("our-patient:max", "Patient.name"),
        ("our-patient:max", "Patient.photo"),
        ("our-patient:min", "Patient.birthDate"),
        ("our-patient:min", "Patient.contact[0].name"),
    ]


def test_a_primitive_with_extensions_alone_is_there() -> None:
    profiles = loaded(structure({"id": "Patient.birthDate", "min": 1, "max": "1"}))
    absent = {"extension": [{"url": f"{BASE}data-absent-reason", "valueCode": "unknown"}]}
    assert rules(profiles, _birthDate=absent) == []


def test_fixed_values_are_equal_and_patterns_are_contained() -> None:
    coding = {"system": "urn:s", "code": "M"}
    profiles = loaded(
        structure(
            {"id": "Patient.maritalStatus", "patternCodeableConcept": {"coding": [coding]}},
            {"id": "Patient.identifier", "fixedIdentifier": {"system": "urn:i", "value": "1"}},
        )
    )
    more = {"coding": [{"code": "x"}, {**coding, "display": "Married"}], "text": "married"}
    assert rules(profiles, maritalStatus=more, identifier=[{"system": "urn:i", "value": "1"}]) == []
    less = {"coding": [{"code": "M"}]}
    longer = {"system": "urn:i", "value": "1", "use": "usual"}
    assert rules(profiles, maritalStatus=less, identifier=[longer]) == [
        ("our-patient:fixed", "Patient.identifier[0]"),
        ("our-patient:pattern", "Patient.maritalStatus"),
    ]


def test_bindings_are_narrowed_and_an_extensible_one_warns() -> None:
    value_set = "http://hl7.org/fhir/ValueSet/marital-status|4.0.1"
    for strength, severity in (("required", "error"), ("extensible", "warning")):
        binding = {"strength": strength, "valueSet": value_set.replace("marital-status", "name-use")}
        profiles = loaded(structure({"id": "Patient.maritalStatus", "binding": binding}))
        other = {**PATIENT, "maritalStatus": {"coding": [{"system": "urn:x", "code": "x"}]}}
        assert [issue.severity for issue in issues_of(other, profiles)] == [severity]
        fitting = {"coding": [{"system": "http://hl7.org/fhir/name-use", "code": "usual"}]}
        assert rules(profiles, maritalStatus=fitting) == []


def test_an_invariant_of_the_profile_is_evaluated_and_one_of_the_base_type_is_not() -> None:
    own = {"key": "our-1", "severity": "error", "human": "Be active.", "expression": "active = true"}
    dom = {"key": "dom-2", "severity": "error", "human": "", "expression": "false"}
    definition = structure()
    definition["differential"]["element"][0]["constraint"] = [own, dom]
    (issue,) = issues_of({**PATIENT, "active": False}, loaded(definition))
    assert (issue.rule, issue.code, issue.expression) == ("profile:our-patient:our-1", "invariant", "Patient")
    assert issue.text == "Be active. (our-1 of the profile our-patient)"


SYSTEM_SLICES = (
    {"id": "Patient.identifier", "slicing": slicing("value", "system"), "min": 0, "max": "*"},
    {"id": "Patient.identifier:nhs", "sliceName": "nhs", "min": 1, "max": "1"},
    {"id": "Patient.identifier:nhs.system", "min": 1, "max": "1", "fixedUri": "urn:nhs"},
    {"id": "Patient.identifier:nhs.value", "min": 1, "max": "1"},
)


def test_slices_by_value_have_their_own_cardinality_and_children() -> None:
    profiles = loaded(structure(*SYSTEM_SLICES))
    nhs, other = {"system": "urn:nhs", "value": "1"}, {"system": "urn:other"}
    assert rules(profiles, identifier=[other, nhs]) == []
    assert rules(profiles, identifier=[other]) == [("our-patient:slice-min", "Patient.identifier")]
    assert rules(profiles, identifier=[nhs, nhs]) == [("our-patient:slice-max", "Patient.identifier")]
    assert rules(profiles, identifier=[other, {"system": "urn:nhs"}]) == [
        ("our-patient:min", "Patient.identifier[1].value")
    ]


def test_closed_slicing_allows_no_other() -> None:
    first, *rest = SYSTEM_SLICES
    profiles = loaded(structure({**first, "slicing": slicing("value", "system", "closed")}, *rest))
    items = [{"system": "urn:nhs", "value": "1"}, {"system": "urn:other"}]
    assert rules(profiles, identifier=items) == [("our-patient:closed", "Patient.identifier[1]")]


def test_slices_by_pattern() -> None:
    profiles = loaded(
        structure(
            {"id": "Patient.identifier", "slicing": slicing("pattern", "type")},
            {
                "id": "Patient.identifier:mr",
                "min": 1,
                "max": "1",
            },
            {"id": "Patient.identifier:mr.type", "patternCodeableConcept": {"coding": [{"code": "MR"}]}},
        )
    )
    assert rules(profiles, identifier=[{"type": {"coding": [{"code": "MR", "system": "urn:x"}]}}]) == []
    assert rules(profiles, identifier=[{"type": {"text": "MR"}}]) == [
        ("our-patient:slice-min", "Patient.identifier")
    ]


def test_slices_by_existence() -> None:
    profiles = loaded(
        structure(
            {"id": "Patient.telecom", "slicing": slicing("exists", "period")},
            {"id": "Patient.telecom:dated", "min": 0, "max": "1"},
            {"id": "Patient.telecom:dated.period", "min": 1, "max": "1"},
            {"id": "Patient.telecom:undated", "min": 1, "max": "*"},
            {"id": "Patient.telecom:undated.period", "min": 0, "max": "0"},
        )
    )
    dated, undated = {"value": "1", "period": {"start": "2024"}}, {"value": "2"}
    assert rules(profiles, telecom=[dated, undated]) == []
    assert rules(profiles, telecom=[dated, dated]) == [
        ("our-patient:slice-max", "Patient.telecom"),
        ("our-patient:slice-min", "Patient.telecom"),
    ]


def test_slices_by_type_of_a_choice() -> None:
    profiles = loaded(
        structure(
            {"id": "Patient.deceased[x]", "slicing": slicing("type", "$this", "closed")},
            {
                "id": "Patient.deceased[x]:deceasedDateTime",
                "min": 0,
                "max": "1",
                "type": [{"code": "dateTime"}],
            },
        )
    )
    assert rules(profiles, deceasedDateTime="2024-01-01") == []
    assert rules(profiles, deceasedBoolean=True) == [
        ("our-patient:closed", "Patient.deceased.ofType(boolean)")
    ]


def test_a_differential_need_not_say_how_extensions_and_choices_are_sliced() -> None:
    date = {"id": "Patient.deceased[x]:deceasedDateTime", "max": "0", "type": [{"code": "dateTime"}]}
    race = {"id": "Patient.extension:race", "min": 1, "max": "1"}
    typed = {**race, "type": [{"code": "Extension", "profile": [RACE]}]}
    profiles = loaded(structure(date, typed))
    assert rules(profiles, extension=[{"url": RACE, "valueString": "x"}], deceasedBoolean=True) == []
    assert rules(
        profiles, extension=[{"url": "urn:x", "valueString": "x"}], deceasedDateTime="2024-01-01"
    ) == [
        ("our-patient:slice-max", "Patient.deceased"),
        ("our-patient:slice-min", "Patient.extension"),
    ]


def test_slices_by_type_of_a_resource_in_a_bundle() -> None:
    url = "http://example.org/fhir/StructureDefinition/our-bundle"
    profiles = loaded(
        structure(
            {"id": "Bundle.entry", "slicing": slicing("type", "resource")},
            {"id": "Bundle.entry:patient", "min": 1, "max": "1"},
            {"id": "Bundle.entry:patient.resource", "min": 1, "max": "1", "type": [{"code": "Patient"}]},
            url=url,
            type_="Bundle",
        )
    )
    bundle = {"resourceType": "Bundle", "type": "collection", "meta": {"profile": [url]}}
    assert found({**bundle, "entry": [{"resource": {"resourceType": "Patient"}}]}, profiles) == set()
    assert found({**bundle, "entry": [{"resource": {"resourceType": "Device"}}]}, profiles) == {
        ("profile:our-bundle:slice-min", "Bundle.entry")
    }


@pytest.mark.parametrize(
    "discriminator", [("profile", "$this"), ("value", "resolve().code"), ("value", "use")]
)
def test_slices_that_cannot_be_told_apart_here_are_not_counted(discriminator: tuple[str, str]) -> None:
    profiles = loaded(
        structure(
            {"id": "Patient.identifier", "slicing": slicing(*discriminator)},
            {"id": "Patient.identifier:one", "min": 1, "max": "1"},
        )
    )
    assert rules(profiles, identifier=[{"value": "1"}, {"value": "2"}]) == []


RACE = "http://example.org/fhir/StructureDefinition/our-race"
RACE_DEFINITION = structure(
    {"id": "Extension.extension", "slicing": slicing("value", "url"), "min": 0, "max": "*"},
    {"id": "Extension.extension:text", "min": 1, "max": "1"},
    {"id": "Extension.extension:text.url", "min": 1, "max": "1", "fixedUri": "text"},
    {"id": "Extension.extension:text.value[x]", "min": 1, "max": "1", "type": [{"code": "string"}]},
    {"id": "Extension.url", "min": 1, "max": "1", "fixedUri": RACE},
    {"id": "Extension.value[x]", "min": 0, "max": "0"},
    url=RACE,
    type_="Extension",
)
WITH_RACE = structure(
    {"id": "Patient.extension", "slicing": slicing("value", "url"), "min": 1, "max": "*"},
    {
        "id": "Patient.extension:race",
        "min": 1,
        "max": "1",
        "type": [{"code": "Extension", "profile": [RACE]}],
    },
)


def test_a_required_extension_is_asked_for_and_entered() -> None:
    profiles = loaded(WITH_RACE, RACE_DEFINITION)
    good = {"url": RACE, "extension": [{"url": "text", "valueString": "x"}]}
    assert rules(profiles, extension=[{"url": "urn:other", "valueString": "x"}, good]) == []
    assert rules(profiles, extension=[{"url": "urn:other", "valueString": "x"}]) == [
        ("our-patient:slice-min", "Patient.extension")
    ]
    wrong = {
        "url": RACE,
        "extension": [{"url": "text", "valueCode": "x"}, {"url": "more", "valueString": "x"}],
    }
    assert rules(profiles, extension=[wrong]) == [
        ("our-race:type", "Patient.extension[0].extension[0].value.ofType(code)")
    ]


def test_an_extension_whose_definition_is_not_loaded_is_only_counted() -> None:
    profiles = loaded(WITH_RACE)
    assert rules(profiles, extension=[{"url": RACE, "valueString": "anything"}]) == []


def test_a_differential_is_checked_together_with_its_base_profile() -> None:
    url = "http://example.org/fhir/StructureDefinition/our-weight"
    profiles = loaded(
        structure(
            {"id": "Observation.performer", "min": 1}, url=url, type_="Observation", base=f"{BASE}bodyweight"
        )
    )
    bare = changed(BODY_WEIGHT, meta={"profile": [url]}, subject=None)
    assert found(bare, profiles) == {
        ("profile:our-weight:min", "Observation.performer"),
        ("profile:bodyweight:min", "Observation.subject"),
    }


def test_a_profile_that_names_itself_ends() -> None:
    definition = structure({"id": "Patient.active", "min": 1}, base=URL)
    assert rules(loaded(definition)) == [("our-patient:min", "Patient.active")]


def test_a_reference_to_a_profile_is_to_its_type() -> None:
    target = {"code": "Reference", "targetProfile": [URL]}
    url = "http://example.org/fhir/StructureDefinition/our-observation"
    observation = structure({"id": "Observation.subject", "type": [target]}, url=url, type_="Observation")
    resource = changed(
        BODY_WEIGHT, meta={"profile": [url]}, code={"text": "x"}, subject={"reference": "Group/1"}
    )
    assert found(resource, loaded(observation, structure())) == {
        ("profile:our-observation:target", "Observation.subject")
    }
    assert found(resource, loaded(observation)) == set(), "what is not loaded may be for any type"


def test_a_profile_that_is_not_loaded_is_said_and_is_no_error() -> None:
    (issue,) = issues_of(PATIENT)
    assert (issue.severity, issue.code, issue.expression) == (
        "information",
        "not-found",
        "Patient.meta.profile[0]",
    )
    assert issue.rule == "profile:not-loaded"


@pytest.mark.parametrize("name", ["bodyweight|4.0.1", "Observation"])
def test_a_profile_for_another_type_is_an_error(name: str) -> None:
    patient = {"resourceType": "Patient", "meta": {"profile": [f"{BASE}{name}"]}}
    assert found(patient) == {("profile:resource-type", "Patient.meta.profile[0]")}


def test_naming_the_base_type_as_profile_says_nothing() -> None:
    for name in ("Patient", "DomainResource", "Resource"):
        assert issues_of({"resourceType": "Patient", "meta": {"profile": [f"{BASE}{name}"]}}) == []


def test_a_claimed_profile_that_the_code_chooses_too_is_checked_once() -> None:
    both = changed(BODY_WEIGHT, meta={"profile": [f"{BASE}vitalsigns", f"{BASE}bodyweight"]}, subject=None)
    assert found(both) == {("profile:bodyweight:min", "Observation.subject")}


@pytest.mark.parametrize(
    "definition",
    [
        {},
        structure(type_="NoSuchType"),
        {**structure(), "differential": {"element": [{"path": "Patient"}]}},
        {**structure(), "differential": {"element": [{"id": "Patient.name", "max": "many"}]}},
        {**structure(), "differential": [1]},
    ],
)
def test_what_is_no_profile_is_refused(definition: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="cannot be used as a profile"):
        loaded(definition)


def test_every_profile_of_the_base_specification_can_be_read() -> None:
    profiles = Profiles(r4())
    urls = list(r4()._artefact.names("profile"))
    assert len(urls) > 400
    for url in urls:
        profile = profiles.get(url)
        assert profile is not None
        assert profile.is_complete
