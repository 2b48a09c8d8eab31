"""Bundles: addresses, links, first entries, requests, what must be found within."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.explain import explain
from tests.unit.validation.explain.resources import (
    XHTML,
    bundle,
    entry,
    errors,
    observation,
    patient,
    remarks,
)

A = "urn:uuid:00000000-0000-4000-8000-00000000000a"
B = "urn:uuid:00000000-0000-4000-8000-00000000000b"
C = "urn:uuid:00000000-0000-4000-8000-00000000000c"
POST = {"method": "POST", "url": "Patient"}


def composition(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Composition",
        "text": {"status": "generated", "div": f"<div {XHTML}>x</div>"},
        "status": "final",
        "type": {"text": "a summary"},
        "date": "2024-01-01",
        "author": [{"reference": B}],
        "title": "Summary",
        **changes,
    }


def document(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return bundle(
        "document",
        *entries,
        identifier={"system": "urn:oid:1.2", "value": "1"},
        timestamp="2024-01-01T00:00:00Z",
        **changes,
    )


def test_says_nothing_about_valid_bundles() -> None:
    assert errors(bundle("transaction", entry(patient(), A, request=POST))) == []
    assert errors(bundle("collection", entry(patient(), "http://a.b/Patient/p1"))) == []
    assert errors(document(entry(composition(), A), entry(patient(), B))) == []
    assert (
        errors(
            bundle("searchset", entry(patient(), "http://a.b/Patient/p1", search={"mode": "match"}), total=1)
        )
        == []
    )


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (bundle("collection", entry(patient())), ("bundle-fullurl-required", "Bundle.entry[0]")),
        (bundle("collection", entry(patient(), "Patient/p1")), ("bundle-fullurl-absolute", "Bundle.entry[0].fullUrl")),
        (bundle("collection", entry(patient(), "http://a.b/Patient/2")), ("bundle-fullurl-id", "Bundle.entry[0].fullUrl")),
        (
            bundle("collection", entry(patient(), "http://a.b/Patient/p1/_history/1")),
            ("bdl-8", "Bundle.entry[0].fullUrl"),
        ),
        (bundle("collection", entry(patient(), A), entry(patient(), A)), ("bdl-7", "Bundle.entry[1].fullUrl")),
        (bundle("transaction", entry(patient(), A)), ("bdl-3", "Bundle")),
        (bundle("collection", entry(patient(), A), link=[{"relation": "next", "url": "http://a.b"}]),
         ("bundle-link-paging", "Bundle.link[0].relation")),
        (bundle("searchset", link=[{"relation": "self", "url": "http://a.b"}] * 2),
         ("bundle-link-once", "Bundle.link[1].relation")),
        (bundle("transaction", {"request": POST}), ("bundle-request-body", "Bundle.entry[0]")),
        (bundle("transaction", entry(observation(), A, request=POST)),
         ("bundle-request-type", "Bundle.entry[0].request.url")),
        (bundle("searchset", {"fullUrl": A, "search": {"mode": "match"}}), ("bundle-search-resource", "Bundle.entry[0]")),
        (bundle("searchset", entry(patient(id=None), A, search={"mode": "match"})),
         ("bundle-search-id", "Bundle.entry[0].resource")),
        (bundle("message", entry(patient(), A)), ("bundle-message", "Bundle.entry[0].resource")),
        (document(entry(patient(), A)), ("bundle-document", "Bundle.entry[0].resource")),
        (document(entry(composition(), A)), ("bundle-unresolved", "Bundle.entry[0].resource.author[0]")),
        (document(entry(composition(), A), entry(patient(), B), entry(observation(), C)),
         ("bundle-orphan", "Bundle.entry[2]")),
        (bundle("collection", entry(patient(gender="x"), A)), ("binding-required", "Bundle.entry[0].resource.gender")),
    ],
)  # fmt: skip
def test_finds_one_fault_of_a_bundle(made: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in errors(made)


def test_versions_of_a_resource_share_a_full_url() -> None:
    first, second = (patient(meta={"versionId": version}) for version in "12")
    assert errors(bundle("collection", entry(first, A), entry(second, A))) == []


def test_a_reference_is_resolved_by_full_url_and_its_base() -> None:
    wrong = observation(subject={"reference": B})
    made = bundle("collection", entry(wrong, A), entry({"resourceType": "Medication"}, B))
    assert errors(made) == [("reference-target", "Bundle.entry[0].resource.subject")]
    missing = bundle("collection", entry(observation(subject={"reference": C}), A))
    assert remarks(missing) == [
        ("warning", "reference-urn-unresolved", "Bundle.entry[0].resource.subject.reference")
    ]
    relative = composition(author=[{"reference": "Practitioner/d"}], id="c")
    practitioner = {"resourceType": "Practitioner", "id": "d"}
    at, elsewhere = "http://a.b/Composition/c", "http://other.b/Practitioner/d"
    assert errors(document(entry(relative, at), entry(practitioner, "http://a.b/Practitioner/d"))) == []
    assert ("bundle-unresolved", "Bundle.entry[0].resource.author[0]") in errors(
        document(entry(relative, at), entry(practitioner, elsewhere))
    )


def test_a_signature_that_carries_other_content_is_refused() -> None:
    made = document(entry(composition(), A), entry(patient(), B))
    assert _signed(made, made) == [("warning", "signature-attached")]
    changed = document(entry(composition(title="Other"), A), entry(patient(), B))
    assert ("error", "signature-content") in _signed(made, changed)


def test_entries_that_are_known_to_be_valid_are_not_read() -> None:
    made = bundle("collection", entry(patient(gender="x"), A), entry(patient(gender="x"), B))
    asked: list[Any] = []

    def shortcut(element: Any, _: Any, value: Any, *__: Any) -> list[Issue] | None:
        asked.append(value)
        return [] if element.name == "entry" and len(asked) == 1 else None

    found = explain(made, r4(), shortcut=shortcut)
    assert [issue.expression for issue in found] == ["Bundle.entry[1].resource.gender"]


def _signed(bundle_: dict[str, Any], signed: dict[str, Any]) -> list[tuple[str, str]]:
    payload = base64.urlsafe_b64encode(json.dumps(signed).encode()).decode().rstrip("=")
    signature = {
        "type": [{"system": "urn:iso-astm:E1762-95:2013", "code": "1.2.840.10065.1.12.1.5"}],
        "when": "2024-01-01T00:00:00Z",
        "who": {"display": "x"},
        "sigFormat": "application/jose",
        "data": base64.b64encode(f"e30.{payload}.AAAA".encode()).decode(),
    }
    found = explain(bundle_ | {"signature": signature}, r4())
    return [(issue.severity, issue.rule) for issue in found if issue.rule.startswith("signature")]


@pytest.mark.parametrize("method", [[], {}, 1])
def test_a_method_of_another_kind_is_a_finding(method: Any) -> None:
    entry = {"request": {"method": method, "url": "Patient"}, "resource": {"resourceType": "Patient"}}
    found = explain({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}, r4())
    assert any(issue.expression == "Bundle.entry[0].request.method" for issue in found)


@pytest.mark.parametrize(
    "address", ["http://a.b/Group?x=y", "http://a.b/Group", "http://a.b?_type=Group,Device"]
)
def test_a_match_is_of_a_type_that_was_searched_for(address: str) -> None:
    links = [{"relation": "self", "url": address}]
    for mode, expected in (("match", [("bundle-search-type", "Bundle.entry[0].resource")]), ("include", [])):
        found = entry(patient(), "http://a.b/Patient/p1", search={"mode": mode})
        assert errors(bundle("searchset", found, link=links)) == expected


def test_a_searchset_whose_self_link_tells_no_type_may_match_any() -> None:
    found = entry(patient(), "http://a.b/Patient/p1", search={"mode": "match"})
    for address in ("http://a.b/Patient?x=y", "http://a.b?_type=Group,Patient", "http://a.b?x=y"):
        assert errors(bundle("searchset", found, link=[{"relation": "self", "url": address}])) == []


def test_the_style_sheet_of_a_document_is_in_it_or_elsewhere() -> None:
    entries = entry(composition(), A), entry(patient(), B)
    for url, expected in (
        ("Binary/css", [("bundle-stylesheet", "Bundle.link[0].url")]),
        ("https://a.b/c.css", []),
        ("Patient/p1", []),
    ):
        assert errors(document(*entries, link=[{"relation": "stylesheet", "url": url}])) == expected


def test_a_canonical_address_is_no_full_url_of_another_id() -> None:
    url = "http://a.b/codes"
    codes = {
        "resourceType": "CodeSystem",
        "id": "other",
        "url": url,
        "status": "draft",
        "content": "not-present",
    }
    assert errors(bundle("collection", entry(codes, url))) == [
        ("bundle-fullurl-id", "Bundle.entry[0].fullUrl")
    ]
    assert errors(bundle("collection", entry(codes | {"id": "codes"}, url))) == []
