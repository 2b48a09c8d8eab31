"""The validator of every door."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from shared.domain.fhir import json
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.validation.explain import explain
from shared.domain.fhir.validation.validator import R4Validator

VITAL = {
    "resourceType": "Observation",
    "status": "final",
    "category": [
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                    "code": "vital-signs",
                }
            ]
        }
    ],
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    "subject": {"reference": "Patient/1"},
    "effectiveDateTime": "2024-02-29T12:00:00Z",
    "valueQuantity": {"value": 70, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
}
QUIET = R4Validator(best_practice=False)


def rules(resource: dict[str, Any]) -> list[str]:
    return [issue.rule for issue in QUIET.validate(resource)]


def test_a_valid_resource_has_no_findings_but_for_best_practice() -> None:
    assert rules(VITAL) == []
    assert [issue.rule for issue in R4Validator().validate(VITAL)] == ["dom-6"]


@pytest.mark.parametrize(
    "change",
    [
        {"status": "finished"},
        {"valueQuantity": {"value": 70, "unit": "x", "system": "http://unitsofmeasure.org", "code": "bpm"}},
        {"valueQuantity": {"value": 70}},
        {"subject": {}},
        {"effectiveDateTime": "2024-02-30"},
        {"category": [{"text": "vital signs"}]},
        {"Status": "final"},
        {"valueString": "70"},
        {"dataAbsentReason": {"text": "unknown"}},
        {"encounter": {"reference": "Patient/1"}},
        {"encounter": {"reference": "#none"}},
        {"contained": [{"resourceType": "Patient", "id": "unused"}]},
    ],
)
def test_one_thing_wrong_is_found_after_many_that_were_right(change: dict[str, Any]) -> None:
    for _ in range(3):
        assert rules(VITAL) == []
        assert rules({**VITAL, **change}) != []


def test_remarks_on_single_values_come_with_the_answer() -> None:
    resource = {
        "resourceType": "Patient",
        "name": [{"text": "a <b>bold</b> one"}],
        "_birthDate": {"id": "x"},
        "birthDate": "2000",
    }
    for _ in range(3):
        found = QUIET.validate(resource)
        assert [(issue.severity, issue.rule, issue.expression) for issue in found] == [
            ("warning", "string-markup", "Patient.name[0].text")
        ]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"birthDate": "2000", "_birthDate": {"id": "a"}}, []),
        ({"birthDate": "2000", "_birthDate": {}}, ["json-sibling"]),
        ({"_birthDate": {"id": "a"}}, ["ele-1"]),
        ({"_birthDate": {"extension": [{"url": "http://a.org", "valueCode": "x"}]}}, []),
        (
            {
                "name": [
                    {
                        "given": ["a", None],
                        "_given": [None, {"extension": [{"url": "http://a.org", "valueCode": "x"}]}],
                    }
                ]
            },
            [],
        ),
        ({"name": [{"given": ["a", None], "_given": [None, None]}]}, ["json-null"]),
        ({"name": [{"given": ["a", None]}]}, ["json-null"]),
        ({"name": [{"id": "a"}]}, ["ele-1"]),
    ],
)
def test_what_stands_beside_a_primitive_is_read_with_it(extra: dict[str, Any], expected: list[str]) -> None:
    for _ in range(2):
        assert rules({"resourceType": "Patient", **extra}) == expected


def test_entries_are_judged_where_they_stand() -> None:
    address = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
    observation = {**VITAL, "subject": {"reference": address}}
    entries = [
        {"fullUrl": address, "resource": {"resourceType": "Patient", "id": "1"}},
        {"fullUrl": "urn:uuid:c757873d-ec9a-4326-a141-556f43239521", "resource": observation},
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    assert rules(bundle) == []
    entries[0]["resource"] = {"resourceType": "Practitioner", "id": "1"}
    assert rules(bundle) == ["reference-target"]
    entries.append({"fullUrl": address + "0", "resource": {"resourceType": "Patient", "gender": "none"}})
    assert "reference-target" in rules(bundle)


def test_the_same_object_in_two_places_is_remarked_twice() -> None:
    coded = {"text": "none of the value set"}
    resource = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "interpretation": [coded, coded],
    }
    assert rules(resource) == ["binding-extensible"] * 2


def test_text_is_read_exactly_and_errors_have_lines() -> None:
    assert QUIET.validate_text(json.encode(VITAL).encode()) == []
    found = QUIET.validate_text(b'{"resourceType": "Patient",\n "gender": "none"\n}')
    assert [(issue.rule, issue.line) for issue in found] == [("binding-required", 2)]


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"a":1,"a":2}', b'"x"', b"\xff", b'{"a":NaN}'])
def test_what_is_not_json_is_one_finding(text: bytes) -> None:
    found = QUIET.validate_text(text)
    assert [issue.severity for issue in found] == ["error"]


def test_threads_do_not_see_each_other() -> None:
    container = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "contained": [{"resourceType": "Patient", "id": "p"}],
        "subject": {"reference": "#p"},
    }
    without = {key: value for key, value in container.items() if key != "contained"}
    wrong: list[object] = []

    def work(resource: dict[str, Any], expected: list[str]) -> None:
        wrong.extend(found for _ in range(300) if (found := rules(resource)) != expected)

    threads = [
        threading.Thread(target=work, args=each)
        for each in ((container, []), (without, ["ref-1"]), (VITAL, []))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("link", [{"implicitRules": "#p"}, {"generalPractitioner": [{"reference": "#p"}]}])
def test_what_a_spared_part_refers_to_counts_as_used(link: dict[str, Any]) -> None:
    container = {
        "resourceType": "Patient",
        "contained": [{"resourceType": "Practitioner", "id": "p"}],
        "contact": [{"name": {"text": "x"}}],
        **link,
    }
    assert rules(container) == []
    assert rules({**container, "gender": "none"}) == ["binding-required"]
    without = {key: value for key, value in container.items() if key not in link}
    assert sorted(rules({**without, "gender": "none"})) == ["binding-required", "dom-3"]


def test_one_wrong_entry_among_good_and_odd_ones() -> None:
    odd = {**VITAL, "interpretation": [{"text": "none of the value set"}]}
    entries = [{"resource": {**odd, "id": f"o{number}"}} for number in range(20)]
    entries[7]["resource"] = {**odd, "id": "o7", "status": "done"}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    for validator in (QUIET, R4Validator()):
        best_practice = validator is not QUIET
        assert validator.validate(bundle) == explain(bundle, r4(), best_practice=best_practice)


@pytest.mark.parametrize(
    "data", ["QQ==", "QUI=", "QUJD", "QU JD", "QQ", "QQ=", "Q===", "====", "QUJD=", "QUI=QUJD", "\u00a0QUJD"]
)
def test_base64_is_groups_of_four(data: str) -> None:
    is_good = data in ("QQ==", "QUI=", "QUJD", "QU JD")
    found = rules({"resourceType": "Binary", "contentType": "text/plain", "data": data})
    assert found == ([] if is_good else ["base64Binary"])


def test_an_unknown_code_is_remarked_on_each_time() -> None:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "no-such-code"}
    for _ in range(3):
        assert "code-unknown" in rules({**VITAL, "category": [*VITAL["category"], {"coding": [coding]}]})
