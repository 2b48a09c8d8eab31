"""What a transaction says in other words than we would: criteria, tags, links in uris and narratives."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir import json
from shared.errors import GalenError, consequence_of
from tests.delivery.world import World, anyone, caller, entry, patient, transaction

MRN = "identifier=urn:mrn|7"


def refusal(world: World, *entries: dict[str, Any]) -> GalenError:
    with pytest.raises(GalenError) as refused:
        world.bundles.bundle(caller(), transaction(*entries), anyone)
    assert world.stores.records.every() == []
    return refused.value


def expressions(refused: GalenError) -> list[str]:
    return [issue.expression for issue in refused.issues]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MRN, "identifier=urn:mrn%7C7"),
        (f"{MRN}&name=x", f"name=x&{MRN}"),
    ],
    ids=["escaped", "in another order"],
)
def test_the_same_criteria_twice_are_refused_however_they_are_written(
    world: World, one: str, other: str
) -> None:
    asking = [entry("POST", "Patient", patient(), ifNoneExist=each) for each in (one, other)]
    refused = refusal(world, *asking)
    assert consequence_of(refused).status == 400
    assert expressions(refused) == ["Bundle.entry[1].request.ifNoneExist"]


@pytest.mark.parametrize("tag", ['W/"a", W/"b"', 'W/"a b"', ""])
def test_an_if_match_that_names_no_version_is_refused_as_the_header_is(world: World, tag: str) -> None:
    asking = entry("PUT", "Patient/x", patient("x"), ifMatch=tag)
    refused = refusal(world, asking)
    assert consequence_of(refused).status == 400
    assert expressions(refused) == ["Bundle.entry[0].request.ifMatch"]


@pytest.mark.parametrize("type_", ["transaction", "batch"])
def test_the_answer_to_an_empty_bundle_has_no_empty_array(world: World, type_: str) -> None:
    answer = world.bundles.bundle(caller(), {"resourceType": "Bundle", "type": type_}, anyone)
    assert answer == {"resourceType": "Bundle", "type": f"{type_}-response"}


def test_uris_and_links_of_narratives_to_entries_become_their_addresses(world: World) -> None:
    url = "urn:uuid:3f1c2a52-57a2-4f1e-9d4f-0d8a3c6c1d29"
    shown = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{url}">x</a> {url}</div>'
    asking = {
        "resourceType": "Basic",
        "code": {"text": "x"},
        "subject": {"reference": url},
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": url}],
        "text": {"status": "generated", "div": shown},
        "extension": [{"url": "http://galen.test/uses", "valueOid": url}],
    }
    order = {
        "resourceType": "ServiceRequest", "status": "draft", "intent": "order", "subject": {"reference": url},
        "instantiatesUri": [url, "urn:uuid:somebody-elses"],
    }  # fmt: skip
    made = entry("POST", "Patient", patient(), full_url=url)
    bundle = transaction(made, entry("POST", "Basic", asking), entry("POST", "ServiceRequest", order))
    world.bundles.bundle(caller(), bundle, anyone)
    (address,) = (f"Patient/{each['rid']}" for each in world.current("Patient"))
    (basic,) = (json.decode_object(each["body"].encode()) for each in world.current("Basic"))
    assert basic["subject"]["reference"] == basic["extension"][0]["valueOid"] == address
    assert basic["identifier"][0]["value"] == url
    assert basic["text"]["div"] == shown.replace(f'href="{url}"', f'href="{address}"')
    (ordered,) = (json.decode_object(each["body"].encode()) for each in world.current("ServiceRequest"))
    assert ordered["instantiatesUri"] == [address, "urn:uuid:somebody-elses"]
