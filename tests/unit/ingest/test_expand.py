"""One line always gives the same resources, under the same ids, whichever door it came by."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey, is_minted
from shared.domain.fhir.outcome import Issue
from shared.domain.ingest.chain import pack, unpack
from shared.domain.ingest.expand import Expansion, expand
from shared.domain.ingest.raw_line import RawLine, sha256_hex
from tests.delivery.world import entry, observation, patient, synthea_bundles

AT = "2026-03-29T01:30:00.000000Z"
PERSON, OBSERVED = (
    "urn:uuid:00000000-0000-4000-8000-000000000001",
    "urn:uuid:00000000-0000-4000-8000-000000000002",
)


def fine(_resource: dict[str, Any]) -> list[Issue]:
    return []


def line(value: Any, **more: Any) -> RawLine:
    body = value if isinstance(value, bytes) else json.encode(value).encode()
    made = RawLine(
        "ward", "stream", "patient-records", "s", "hub", "g", "0", 7, AT, AT, sha256_hex(body), body
    )
    return replace(made, **more)


def bundle(type_: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries)}


def keys(expansion: Expansion) -> list[str]:
    assert not expansion.set_aside
    return [str(replica.key) for replica in expansion.replicas]


@pytest.mark.parametrize("type_", ["transaction", "batch", "collection"])
def test_references_inside_a_bundle_follow_the_final_ids(type_: str) -> None:
    found = expand(
        line(
            bundle(
                type_,
                entry("POST", "Observation", observation(PERSON), full_url=OBSERVED),
                entry("POST", "Patient", patient(), full_url=PERSON),
            )
        ),
        fine,
    )
    observed, subject = found.replicas
    assert observed.resource is not None
    assert observed.resource["subject"]["reference"] == str(subject.key)
    assert observed.home == subject.home == subject.key.address == observed.key.address
    assert all(is_minted(each.key.id) for each in found.replicas)


def test_the_same_source_gives_the_same_ids_by_every_door_and_at_every_delivery() -> None:
    whole = bundle(
        "collection",
        entry("POST", "Patient", patient("p"), full_url="http://s.example/fhir/Patient/p"),
        entry(
            "POST",
            "Observation",
            observation("Patient/p", "o"),
            full_url="http://s.example/fhir/Observation/o",
        ),
    )
    first = keys(expand(line(whole), fine))
    assert (
        keys(
            expand(line(whole, door="file", sequence=99, partition="3", stream="x", enqueued_at="2027"), fine)
        )
        == first
    )
    assert keys(expand(line(whole, tenant="other"), fine)) != first


def test_a_resource_of_its_own_is_the_one_of_a_bundle() -> None:
    alone = keys(expand(line(observation("Patient/p", "o")), fine))
    inside = keys(
        expand(line(bundle("batch", entry("PUT", "Observation/o", observation("Patient/p", "o")))), fine)
    )
    assert alone == inside
    seen = expand(line(patient("p")), fine).replicas[0]
    assert expand(line(observation("Patient/p", "o")), fine).replicas[0].home == seen.home


def test_a_real_organization_of_two_patients_is_one() -> None:
    seen: dict[str, set[str]] = {}
    for each in synthea_bundles()[:6]:
        for replica in expand(line(each), fine).replicas:
            if replica.key.type == "Organization":
                assert replica.resource is not None
                seen.setdefault(json.encode(replica.resource.get("identifier")), set()).add(replica.key.id)
    assert seen
    assert all(len(ids) == 1 for ids in seen.values())


def test_a_reference_to_nothing_known_is_kept_and_counted() -> None:
    found = expand(line(observation("http://elsewhere.example/Patient/9")), fine)
    assert found.unresolved == 1
    resource = found.replicas[0].resource
    assert resource is not None
    assert resource["subject"]["reference"] == "http://elsewhere.example/Patient/9"


def test_a_deletion_names_what_a_later_write_named() -> None:
    made = expand(line(patient("p")), fine).replicas[0]
    gone = expand(line(bundle("batch", entry("DELETE", "Patient/p"))), fine).replicas[0]
    assert (gone.key, gone.home, gone.resource) == (made.key, made.home, None)


HISTORY = bundle(
    "history",
    {**entry("DELETE", "Observation/o"), "fullUrl": "http://s.example/fhir/Observation/o"},
    entry(
        "PUT",
        "Observation/o",
        observation("Patient/p", "o"),
        full_url="http://s.example/fhir/Observation/o",
    ),
)


@pytest.mark.parametrize(
    ("value", "made"),
    [
        (bundle("batch", entry("DELETE", "Observation/o", observation("Patient/p", "o"))), "o"),
        (
            bundle(
                "batch",
                entry(
                    "DELETE",
                    "Observation/o",
                    {"resourceType": "Observation", "subject": {"reference": "Patient/p"}},
                ),
            ),
            "o",
        ),
        (HISTORY, ""),
    ],
    ids=["its last known resource", "its patient alone", "a history tells it beside"],
)
def test_a_deletion_of_what_follows_a_patient_says_whose_it_is(value: dict[str, Any], made: str) -> None:
    found = expand(line(value), fine)
    [gone] = [each for each in found.replicas if each.resource is None]
    sent = line(observation("Patient/p", made)) if made else line(value)
    [there] = [each for each in expand(sent, fine).replicas if each.resource is not None]
    assert (gone.key, gone.home) == (there.key, there.home)
    minted = expand(line(bundle("batch", entry("DELETE", str(there.key)))), fine).replicas[0]
    assert (minted.key, minted.home) == (there.key, there.home)


@pytest.mark.parametrize("known", [None, {"subject": {"reference": "Patient/p"}}, patient("p")])
def test_a_deletion_that_does_not_say_whose_it_is_is_set_aside(known: dict[str, Any] | None) -> None:
    found = expand(line(bundle("batch", entry("DELETE", "Observation/o", known))), fine)
    assert not found.replicas
    [issue] = found.set_aside[0].issues
    assert (issue.expression, issue.rule) == ("Bundle.entry[0].resource", "delete-whose")
    assert "subject" in issue.text


def provenance(target: str) -> dict[str, Any]:
    return {"resourceType": "Provenance", "id": "v", "target": [{"reference": target}]}


def test_who_has_no_patient_does_not_guess_whose_the_thing_is_that_it_refers_to() -> None:
    found = expand(line(provenance("Observation/o")), fine)
    resource = found.replicas[0].resource
    assert resource is not None
    assert (resource["target"][0]["reference"], found.unresolved) == ("Observation/o", 1)
    whose = expand(line(provenance("Patient/p")), fine)
    assert whose.unresolved == 0
    same = expand(
        line({**observation("Patient/p", "x"), "hasMember": [{"reference": "Observation/o"}]}), fine
    )
    there = expand(line(observation("Patient/p", "o")), fine).replicas[0].key
    member = same.replicas[0].resource
    assert member is not None
    assert (member["hasMember"][0]["reference"], same.unresolved) == (str(there), 0)
    inside = bundle(
        "collection",
        entry("POST", "Observation", observation("Patient/p", "o"), full_url=OBSERVED),
        entry("POST", "Provenance", provenance(OBSERVED), full_url=PERSON),
    )
    assert expand(line(inside), fine).unresolved == 0


def test_a_resource_from_the_future_is_set_aside() -> None:
    ahead = patient("p", meta={"lastUpdated": "2026-03-29T01:36:00Z"})
    near = patient("p", meta={"lastUpdated": "2026-03-29T01:34:00Z"})
    assert expand(line(ahead), fine).set_aside[0].issues[0].rule == "future"
    assert expand(line(near), fine).replicas[0].source_version.startswith("2026-03-29T01:34:00")


@pytest.mark.parametrize(
    ("value", "expression"),
    [
        (bundle("transaction", {"fullUrl": PERSON}), "Bundle.entry[0].resource"),
        (bundle("transaction", entry("DELETE", "nothing")), "Bundle.entry[0].request.url"),
        ({"resourceType": "Bundle", "type": "subscription"}, "Bundle.type"),
        ({"resourceType": "Bundle", "type": "batch", "entry": None}, "Bundle.entry"),
    ],
)
def test_what_is_wrong_with_a_bundle_is_named(value: dict[str, Any], expression: str) -> None:
    found = expand(line(value), fine)
    assert not found.replicas
    assert found.set_aside[0].issues[0].expression == expression


def test_one_bad_entry_refuses_a_transaction_and_only_itself_in_a_batch() -> None:
    def picky(resource: dict[str, Any]) -> list[Issue]:
        return [Issue("error", "value", "bad", "Patient.gender")] if resource.get("id") == "bad" else []

    entries = entry("PUT", "Patient/good", patient("good")), entry("PUT", "Patient/bad", patient("bad"))
    whole, each = (expand(line(bundle(type_, *entries)), picky) for type_ in ("transaction", "batch"))
    assert (len(whole.replicas), len(each.replicas)) == (0, 1)
    assert whole.set_aside[0].entry == -1
    assert each.set_aside[0].entry == 1
    assert each.set_aside[0].issues[0].expression == "Bundle.entry[1].resource.gender"


def test_a_urn_that_no_entry_answers_to_refuses_a_transaction_and_is_counted_elsewhere() -> None:
    entries = entry("PUT", "Patient/p", patient("p")), entry("POST", "Observation", observation(OBSERVED))
    whole, each = (expand(line(bundle(type_, *entries)), fine) for type_ in ("transaction", "collection"))
    assert not whole.replicas
    [issue] = whole.set_aside[0].issues
    assert (issue.code, issue.expression) == ("not-found", "Bundle.entry[1].resource.subject.reference")
    assert (len(each.replicas), each.unresolved) == (2, 1)


def test_a_chain_of_subjects_is_named_however_long_it_is() -> None:
    links = [f"urn:uuid:{number}" for number in range(1_501)]
    chain = [
        entry("POST", "Observation", observation(after), full_url=link)
        for link, after in itertools.pairwise(links)
    ]
    found = expand(
        line(bundle("transaction", *chain, entry("POST", "Patient", patient(), full_url=links[-1]))), fine
    )
    assert (len(found.replicas), found.set_aside) == (1_501, [])
    # The last of the chain lives with its patient, the others on their own.
    assert found.replicas[-2].home == found.replicas[-1].home
    assert len({replica.home for replica in found.replicas}) == 1_500


def test_identity_never_depends_on_where_in_the_line_a_thing_stands() -> None:
    both = [
        entry("POST", "Patient", patient("a"), full_url=PERSON),
        entry("POST", "Observation", observation(PERSON), full_url=OBSERVED),
    ]
    forward, backward = (keys(expand(line(bundle("batch", *order)), fine)) for order in (both, both[::-1]))
    assert forward == backward[::-1]
    assert ResourceKey("Patient", forward[0].partition("/")[2]).address


def test_only_a_file_says_that_a_line_was_left_in_it() -> None:
    left = {"left-in-file": "true"}
    assert keys(expand(line(patient(), properties=left), fine))
    (aside,) = expand(line(patient(), door="file", properties=left), fine).set_aside
    assert aside.issues[0].rule == "line-size"


def test_a_landed_line_with_a_trace_of_another_form_is_read_without_it() -> None:
    (read,) = unpack(pack([line(patient(), traceparent="John Doe")]))
    assert read == line(patient())
