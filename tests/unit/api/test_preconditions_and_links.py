"""Formats, preconditions, history and links, over HTTP."""

from __future__ import annotations

import time
from typing import Any

import pytest

from shared.settings import Settings
from tests.unit.api.world import BASE, Client, World, observation, patient


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/fhir/Patient/a"),
        ("GET", "/fhir/Patient/a/_history"),
        ("GET", "/fhir/Patient"),
        ("GET", "/fhir/metadata"),
        ("PUT", "/fhir/Patient/a"),
        ("POST", "/fhir/Patient"),
    ],
)
def test_another_format_is_not_acceptable_wherever_it_is_asked_for(
    client: Client, method: str, path: str
) -> None:
    body = {} if method == "GET" else {"fhir": patient(id="a")}
    client("PUT", "/fhir/Patient/a", fhir=patient(id="a"))
    for value in ("xml", "application/fhir%2Bxml", "ttl"):
        answer = client(method, f"{path}?_format={value}", **body)
        assert (answer.status_code, answer.json()["resourceType"]) == (406, "OperationOutcome")
    assert client(method, f"{path}?_format=application/fhir%2Bjson", **body).status_code in (200, 201)


def test_a_put_with_if_none_match_creates_and_replaces_nothing(client: Client) -> None:
    only = {"If-None-Match": "*"}
    assert client("PUT", "/fhir/Patient/a", fhir=patient(id="a"), headers=only).status_code == 201
    again = client("PUT", "/fhir/Patient/a", fhir=patient(id="a", active=True), headers=only)
    assert (again.status_code, again.json()["issue"][0]["code"]) == (412, "conflict")
    assert "active" not in client("GET", "/fhir/Patient/a").json()
    client("DELETE", "/fhir/Patient/a")
    assert client("PUT", "/fhir/Patient/a", fhir=patient(id="a"), headers=only).status_code == 201
    tag = {"If-None-Match": 'W/"1"'}
    assert client("PUT", "/fhir/Patient/a", fhir=patient(id="a"), headers=tag).status_code == 400


def requests(client: Client, path: str) -> list[tuple[str, str, str]]:
    entries = client("GET", path).json()["entry"]
    return [(e["request"]["method"], e["request"]["url"], e["response"]["status"]) for e in entries]


def test_history_says_how_each_version_came_to_be(client: Client) -> None:
    posted = client("POST", "/fhir/Patient", fhir=patient()).json()
    key = f"Patient/{posted['id']}"
    client("PUT", f"/fhir/{key}", fhir={**posted, "active": True})
    assert requests(client, f"/fhir/{key}/_history") == [("PUT", key, "200"), ("POST", "Patient", "201")]
    assert requests(client, f"/fhir/{key}/_history?_count=1") == [("PUT", key, "200")]


def test_history_of_a_clients_own_id_was_put_and_came_back_after_its_deletion(client: Client) -> None:
    for active in (True, False):
        client("PUT", "/fhir/Patient/a", fhir=patient(id="a", active=active))
    client("DELETE", "/fhir/Patient/a")
    client("PUT", "/fhir/Patient/a", fhir=patient(id="a"))
    found = [(method, status) for method, _, status in requests(client, "/fhir/Patient/a/_history")]
    assert found == [("PUT", "201"), ("DELETE", "204"), ("PUT", "200"), ("PUT", "201")]


class Published(World):
    """A world that partners reach under a name of its own."""

    public_url = "https://fhir.example.org/galen"


@pytest.mark.parametrize(
    ("world", "base"), [(World(), BASE), (Published(), Published.public_url)], ids=["request", "setting"]
)
def test_links_begin_with_the_configured_url_or_else_as_the_request_did(world: World, base: str) -> None:
    client = Client(world)
    created = client("POST", "/fhir/Patient", fhir=patient())
    client("POST", "/fhir/Patient", fhir=patient())
    assert created.headers["location"].startswith(f"{base}/fhir/Patient/")
    page = client("GET", "/fhir/Patient?_count=1").json()
    assert all(link["url"].startswith(f"{base}/fhir/Patient?") for link in page["link"])
    assert page["entry"][0]["fullUrl"].startswith(f"{base}/fhir/Patient/")
    statement = Client(world, None)("GET", "/fhir/metadata").json()
    assert statement["implementation"]["url"] == f"{base}/fhir"
    subject = f"{base}/fhir/Patient/a"
    client("POST", "/fhir/Observation", fhir=observation("a"))
    assert client("GET", f"/fhir/Observation?patient={subject}").json()["total"] == 1


def test_without_a_setting_there_is_no_public_url() -> None:
    assert Settings().url == World().public_url == ""


def test_tokens_whose_bars_stand_elsewhere_are_other_tokens(client: Client) -> None:
    for system, code in (("urn:a|b", "c"), ("urn:a", "b|c")):
        coded = {"coding": [{"system": system, "code": code}]}
        client("POST", "/fhir/Observation", fhir={**observation("p"), "code": coded})
    for query in (r"urn:a\|b|c", r"urn:a|b\|c", r"urn:a\|b|", "urn:a|", r"b\|c", "c"):
        answer = client("GET", "/fhir/Observation", params={"code": query}).json()
        assert answer["total"] == 1, query


def test_a_committed_transaction_is_never_answered_as_an_error(client: Client) -> None:
    def bundle(*entries: dict[str, Any]) -> dict[str, Any]:
        return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}

    write = {"resource": patient(), "request": {"method": "POST", "url": "Patient"}}
    bad = client(
        "POST", "/fhir", fhir=bundle(write, {"request": {"method": "GET", "url": "Patient?foo=bar"}})
    )
    assert bad.status_code == 400
    assert bad.json()["issue"][0]["expression"] == ["Bundle.entry[1].request.url"]
    assert client("GET", "/fhir/Patient").json()["total"] == 0
    none = client("POST", "/fhir", fhir=bundle(write, {"request": {"method": "GET", "url": "Patient/x"}}))
    assert none.status_code == 200
    assert [entry["response"]["status"][:3] for entry in none.json()["entry"]] == ["201", "404"]


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_ten_thousand_entries_are_refused_within_a_second(client: Client, kind: str) -> None:
    entry = {"resource": observation("p"), "request": {"method": "POST", "url": "Observation"}}
    body = {"resourceType": "Bundle", "type": kind, "entry": [entry] * 10_001}
    started = time.process_time()
    answer = client("POST", "/fhir", fhir=body)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (413, "too-costly")
    assert time.process_time() - started < 1.5


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/fhir/_history", "history"),
        ("/fhir/Patient/_history", "history"),
        ("/fhir/patient/1", "written Patient"),
        ("/fhir/Transport/1", "of R5"),
        ("/fhir/Spaceship/1", "does not exist"),
    ],
)
def test_an_address_that_cannot_be_says_why(client: Client, path: str, words: str) -> None:
    answer = client("GET", path)
    assert answer.status_code == 404
    assert words in answer.json()["issue"][0]["details"]["text"]


def test_a_search_parameter_that_is_not_supported_is_named(client: Client) -> None:
    answer = client("GET", "/fhir/Patient?eye-color=blue")
    assert answer.status_code == 400
    text = answer.json()["issue"][0]["details"]["text"]
    assert "eye-color" in text
    assert "blue" not in text


def test_a_transaction_names_every_bad_entry_dangling_references_too(client: Client) -> None:
    nobody = {"reference": "urn:uuid:5f8a4c0e-0000-4000-8000-000000000000"}
    bad = observation("p", status="finished")
    entries = [
        {"resource": patient(managingOrganization=nobody), "request": {"method": "POST", "url": "Patient"}},
        {"resource": bad, "request": {"method": "POST", "url": "Observation"}},
    ]
    answer = client("POST", "/fhir", fhir={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    named = {issue["expression"][0] for issue in answer.json()["issue"]}
    assert named == {
        "Bundle.entry[0].resource.managingOrganization.reference",
        "Bundle.entry[1].resource.status",
    }


def test_a_reference_to_this_servers_own_address_is_found_and_scored_as_a_relative_one(
    client: Client,
) -> None:
    id_ = client("POST", "/fhir/Patient", fhir=patient(birthDate="1960-01-01")).json()["id"]
    own = f"{BASE}/fhir/Patient/{id_}"
    now = client.world.moving_clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    reading = observation("x", at=now, subject={"reference": own})
    assert (
        client("POST", "/fhir/Observation", fhir=reading).json()["subject"]["reference"] == f"Patient/{id_}"
    )
    posted = {"resource": reading, "request": {"method": "POST", "url": "Observation"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [posted]}
    assert client("POST", "/fhir", fhir=bundle).status_code == 200
    for asked in (f"patient={id_}", f"subject={own}", f"subject=Patient/{id_}"):
        assert client("GET", f"/fhir/Observation?{asked}").json()["total"] == 2
    assert client("POST", f"/fhir/Patient/{id_}/$risk?model=news2").status_code == 200


def test_a_reference_to_an_entry_that_has_an_address_of_ours_means_the_entry(client: Client) -> None:
    own = f"{BASE}/fhir/Patient/new"
    entries = [
        {"fullUrl": own, "resource": patient(), "request": {"method": "POST", "url": "Patient"}},
        {
            "resource": observation("x", subject={"reference": own}),
            "request": {"method": "POST", "url": "Observation"},
        },
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert client("POST", "/fhir", fhir=bundle).status_code == 200
    (only,) = client("GET", "/fhir/Patient").json()["entry"]
    assert client("GET", f"/fhir/Observation?patient={only['resource']['id']}").json()["total"] == 1


@pytest.mark.parametrize("entry", [5, "x", {"a": 1}, None])
def test_a_bundle_whose_entry_is_no_list_is_refused(client: Client, entry: Any) -> None:
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entry, "id": f"{BASE}/fhir/"}
    assert client("POST", "/fhir", fhir=bundle).status_code == 400
