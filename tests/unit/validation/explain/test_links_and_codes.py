"""References, canonicals, contained resources, codes and units."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.validation.explain.resources import (
    XHTML,
    bundle,
    entry,
    errors,
    findings,
    observation,
    patient,
    remarks,
)

UUID = "53fefa32-fcbb-4ff8-8a92-55ee120877b"


_LANGUAGES = "urn:ietf:bcp:47"


def _spoken(*codings: dict[str, str]) -> dict[str, Any]:
    return {"communication": [{"language": {"coding": list(codings)}}]}


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/1", "Patient/1/_history/2", "Patient?identifier=a|b", "http://a.b/fhir/Patient/1", "http://a.b/any",
        "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", "Group/1",
    ],
)  # fmt: skip
def test_accepts_every_form_of_reference_to_an_allowed_type(reference: str) -> None:
    assert errors(observation(subject={"reference": reference})) == []


@pytest.mark.parametrize(
    "reference", ["1", "/Patient/1", "Chicken/1", "Patient/a b", "Patient/", "patient/1", "ht tp://a.b"]
)
def test_refuses_what_is_no_reference(reference: str) -> None:
    assert errors(observation(subject={"reference": reference})) == [
        ("reference-form", "Observation.subject.reference")
    ]


@pytest.mark.parametrize(
    ("subject", "rule"),
    [
        ({"reference": "Medication/1"}, "reference-target"),
        ({"reference": "http://a.b/fhir/Medication/1"}, "reference-target"),
        ({"type": "Medication", "display": "x"}, "reference-target"),
        ({"type": "Group", "reference": "Patient/1"}, "reference-type-differs"),
        ({"type": "Chicken", "display": "x"}, "reference-type"),
        ({"reference": "#nobody"}, "ref-1"),
    ],
)
def test_refuses_a_reference_to_the_wrong_thing(subject: dict[str, str], rule: str) -> None:
    assert [found for found, _ in errors(observation(subject=subject))] == [rule]


def test_a_local_reference_tells_the_type_of_what_is_contained() -> None:
    contained = {"resourceType": "Practitioner", "id": "d"}
    assert errors(observation(contained=[contained], performer=[{"reference": "#d"}])) == []
    assert errors(observation(contained=[contained], specimen={"reference": "#d"})) == [
        ("reference-target", "Observation.specimen")
    ]


@pytest.mark.parametrize(
    ("contained", "rule"),
    [
        ({"resourceType": "Practitioner", "id": "other"}, "dom-3"),
        ({"resourceType": "Practitioner"}, "contained-id"),
        ({"resourceType": "Practitioner", "id": "d", "meta": {"versionId": "1"}}, "dom-4"),
        (
            {
                "resourceType": "Practitioner",
                "id": "d",
                "meta": {"security": [{"code": "R", "system": "urn:x:y"}]},
            },
            "dom-5",
        ),
        (
            {"resourceType": "Practitioner", "id": "d", "contained": [{"resourceType": "Basic", "id": "e"}]},
            "dom-2",
        ),
        ({"resourceType": "Practitioner", "id": "d", "gender": "x"}, "binding-required"),
        ({"id": "d"}, "resource-type"),
    ],
)
def test_refuses_what_may_not_be_contained(contained: dict[str, Any], rule: str) -> None:
    first = {"resourceType": "Device", "id": "first"}
    performer = [{"reference": "#first"}, {"reference": "#d"}]
    found = [rule for rule, _ in errors(observation(contained=[first, contained], performer=performer))]
    assert rule in found


def test_a_contained_resource_may_refer_to_its_container_instead() -> None:
    contained = {"resourceType": "Observation", "id": "c", "status": "final", "code": {"text": "x"}}
    back = contained | {"derivedFrom": [{"reference": "#"}]}
    assert ("dom-3", "Observation.contained[0]") in errors(observation(contained=[contained]))
    assert errors(observation(contained=[back])) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "finished"}, ("error", "binding-required", "Observation.status")),
        (
            {"interpretation": [{"text": "high"}]},
            ("warning", "binding-extensible", "Observation.interpretation[0]"),
        ),
        (
            {"interpretation": [{"coding": [{"system": "urn:ours", "code": "zzz"}]}]},
            ("warning", "binding-extensible", "Observation.interpretation[0]"),
        ),
        (
            {
                "interpretation": [
                    {
                        "coding": [
                            {
                                "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
                                "code": "zzz",
                            }
                        ]
                    }
                ]
            },
            ("error", "binding-extensible", "Observation.interpretation[0]"),
        ),
        ({"category": [{"text": "x"}]}, ("information", "binding-preferred", "Observation.category[0]")),
        (
            {"code": {"coding": [{"system": "http://hl7.org/fhir/observation-status", "code": "zzz"}]}},
            ("warning", "code-unknown", "Observation.code.coding[0].code"),
        ),
        (
            {"code": {"coding": [{"system": "http://loinc.org", "code": "2339-1"}]}},
            ("warning", "code-unknown", "Observation.code.coding[0].code"),
        ),
        (
            {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "12345678"}]}},
            ("warning", "code-unknown", "Observation.code.coding[0].code"),
        ),
        (
            {"code": {"coding": [{"system": "http://hl7.org/fhir/ValueSet/x", "code": "a"}]}},
            ("error", "coding-system-value-set", "Observation.code.coding[0].system"),
        ),
        (
            {"code": {"coding": [{"system": "local", "code": "a"}]}},
            ("error", "coding-system-absolute", "Observation.code.coding[0].system"),
        ),
        (
            {"code": {"coding": [{"code": "a"}]}},
            ("warning", "coding-system-missing", "Observation.code.coding[0]"),
        ),
        (
            {"valueQuantity": {"value": 1, "system": "http://unitsofmeasure.org", "code": "mg per l"}},
            ("error", "ucum", "Observation.value.ofType(Quantity).code"),
        ),
    ],
)
def test_judges_codes_by_binding_and_system(changes: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert expected in [
        (issue.severity, issue.rule, issue.expression) for issue in findings(observation(**changes))
    ]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"language": "en"}, []),
        ({"language": "de-AT-1996"}, [("information", "binding-preferred", "Patient.language")]),
        ({"language": "de_AT"}, [("error", "binding-maximum", "Patient.language")]),
        ({"language": "not a language"}, [("error", "binding-maximum", "Patient.language")]),
        (_spoken({"system": _LANGUAGES, "code": "de-CH"}), []),
        (
            _spoken({"system": "http://example.org/l", "code": "1"}, {"system": _LANGUAGES, "code": "gsw"}),
            ["preferred"],
        ),
        (_spoken({"display": "German"}), ["preferred"]),
        (_spoken({"system": "http://id.loc.gov/vocabulary/iso639-1", "code": "ar"}), ["other"]),
        (_spoken({"system": _LANGUAGES, "code": "de_AT"}), ["maximum"]),
        (_spoken({"code": "de"}), ["other"]),
        ({"communication": [{"language": {"text": "Zürichdeutsch"}}]}, ["preferred"]),
    ],
)
def test_a_language_is_a_language_tag_whether_it_is_a_common_one_or_not(
    changes: dict[str, Any], found: list[Any]
) -> None:
    told = [
        (issue.severity, issue.rule, issue.expression)
        for issue in findings(patient(**changes))
        if issue.rule.startswith("binding-")
    ]
    place = "Patient.communication[0].language"
    rules = {
        "preferred": ("information", "binding-preferred", place),
        "maximum": ("error", "binding-maximum", place),
        "other": ("warning", "binding-maximum", place),
    }
    assert told == [rules[one] if isinstance(one, str) else one for one in found]


def test_canonicals_are_absolute_or_contained_and_of_the_right_type() -> None:
    response = {"resourceType": "QuestionnaireResponse", "status": "completed"}
    assert errors(response | {"questionnaire": "http://hl7.org/fhir/ValueSet/x"}) == [
        ("canonical-target", "QuestionnaireResponse.questionnaire")
    ]
    assert errors(response | {"questionnaire": "#q"}) == [("ref-1", "QuestionnaireResponse.questionnaire")]
    assert ("warning", "canonical-absolute", "QuestionnaireResponse.questionnaire") in remarks(
        response | {"questionnaire": "Questionnaire/1"}
    )


@pytest.mark.parametrize(
    ("div", "rule"),
    [
        ('<div xmlns="http://www.w3.org/1999/xhtml"> </div>', "txt-2"),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><script/>x</div>', "txt-1"),
        ('<div xmlns="http://www.w3.org/1999/xhtml">a & b</div>', "narrative-xml"),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><a href="#no">x</a></div>', "narrative-link"),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><a href="ldap://x/y">x</a></div>', "narrative-scheme"),
        ("<div>x</div>", "narrative-namespace"),
    ],
)
def test_judges_the_narrative(div: str, rule: str) -> None:
    assert [found for found, _ in errors(patient(text={"status": "generated", "div": div}))] == [rule]


def test_a_narrative_may_link_to_any_id_of_its_resource() -> None:
    div = (
        '<div xmlns="http://www.w3.org/1999/xhtml"><a href="#n">x</a><a href="#m">y</a><p id="m">z</p></div>'
    )
    assert errors(patient(text={"status": "generated", "div": div}, name=[{"id": "n", "family": "x"}])) == []


def test_published_invariants_keep_their_severity() -> None:
    assert errors(patient(contact=[{"gender": "male"}])) == [("pat-1", "Patient.contact[0]")]
    assert remarks(patient(text=None)) == [("warning", "dom-6", "Patient")]


@pytest.mark.parametrize(
    ("extension", "rule"),
    [
        ({"url": "http://x.org/a"}, "ext-1"),
        ({"url": "http://x.org/a", "valueCode": "a", "extension": [{"url": "b", "valueCode": "c"}]}, "ext-1"),
        ({"url": "relative", "valueCode": "a"}, "extension-url"),
        ({"valueCode": "a"}, "required"),
    ],
)
def test_judges_extensions(extension: dict[str, Any], rule: str) -> None:
    assert [found for found, _ in errors(patient(extension=[extension]))] == [rule]


def test_a_blood_pressure_is_not_named_for_one_of_its_two_pressures() -> None:
    pressures = [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": 1, "unit": "x"},
        }
        for code in ("8480-6", "8462-4")
    ]
    systolic = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}
    assert errors(observation(code=systolic)) == []
    found = errors(observation(code=systolic, component=pressures, valueQuantity=None))
    assert any(rule.startswith("profile:bp:") for rule, _ in found)


def test_a_vital_sign_by_snomed_ct_is_held_to_its_profile() -> None:
    concept = {"coding": [{"system": "http://snomed.info/sct", "code": "386725007"}]}
    assert any(rule.startswith("profile:bodytemp:") for rule, _ in errors(observation(code=concept)))


@pytest.mark.parametrize("name", [["Practitioner"], {"a": "b"}, 1, None])
def test_a_contained_type_of_another_kind_is_a_finding_though_it_is_resolved(name: Any) -> None:
    team = {
        "resourceType": "CareTeam",
        "contained": [{"resourceType": name, "id": "a"}],
        "participant": [{"member": {"reference": "#a"}, "onBehalfOf": {"reference": "#a"}}],
    }
    assert any(issue.expression.startswith("CareTeam.contained[0]") for issue in findings(team))


def section(inside: str) -> dict[str, Any]:
    return {"title": "s", "text": {"status": "generated", "div": f"<div {XHTML}>{inside}</div>"}}


def composition(*insides: str) -> dict[str, Any]:
    return {
        "resourceType": "Composition", "status": "final", "type": {"text": "t"}, "date": "2024",
        "author": [{"display": "a"}], "title": "t", "section": [section(each) for each in insides],
    }  # fmt: skip


LINK, ANCHOR, PICTURE = '<a href="#there">x</a>', '<p id="there">y</p>', '<img src="#there" alt="x"/>'


@pytest.mark.parametrize("link", [LINK, PICTURE])
def test_a_narrative_may_link_to_an_anchor_of_another_one_in_the_resource_or_its_bundle(link: str) -> None:
    assert errors(composition(link, ANCHOR)) == []
    assert errors(composition(link)) == [("narrative-link", "Composition.section[0].text.div")]
    first, second = (
        entry(composition(link), f"urn:uuid:{UUID}0"),
        entry(composition(ANCHOR), f"urn:uuid:{UUID}1"),
    )
    assert errors(bundle("collection", first, second)) == []


@pytest.mark.parametrize(
    ("identifier", "rule", "element"),
    [
        ({"system": "hospital", "value": "1"}, "identifier-system-absolute", "system"),
        ({"system": "1.2.3.4", "value": "1"}, "identifier-system-absolute", "system"),
        ({"system": "urn:ietf:rfc:3986", "value": "1.2.3.4"}, "identifier-value-uri", "value"),
    ],
)
def test_refuses_identifiers_whose_system_or_uri_is_not_absolute(
    identifier: dict[str, Any], rule: str, element: str
) -> None:
    assert errors(patient(identifier=[identifier])) == [(rule, f"Patient.identifier[0].{element}")]


@pytest.mark.parametrize(
    "identifier",
    [{"value": "1"}, {"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.3.4"}, {"system": "http://a.b"}],
)
def test_accepts_identifiers_with_an_absolute_system_or_none(identifier: dict[str, Any]) -> None:
    assert errors(patient(identifier=[identifier])) == []
