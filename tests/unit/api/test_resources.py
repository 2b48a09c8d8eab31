"""The interactions on single resources, over HTTP."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.unit.api.world import BASE, Client, World, observation, patient


def test_creates_a_resource_and_says_where_it_is(client: Client) -> None:
    created = client("POST", "/fhir/Patient", fhir=patient())
    assert created.status_code == 201
    body = created.json()
    version = body["meta"]["versionId"]
    assert created.headers["location"] == f"{BASE}/fhir/Patient/{body['id']}/_history/{version}"
    assert created.headers["etag"] == f'W/"{version}"'
    assert created.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert created.headers["last-modified"] == "Sun, 29 Mar 2026 01:30:00 GMT"
    assert client("GET", f"/fhir/Patient/{body['id']}").json() == body
    assert client("GET", created.headers["location"].removeprefix(BASE)).json() == body


def test_keeps_the_digits_of_decimals(client: Client) -> None:
    body = (
        '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.10}}'
    )
    created = client("POST", "/fhir/Observation", fhir=body)
    assert '"value":1.10}' in client("GET", f"/fhir/Observation/{created.json()['id']}").text


@pytest.mark.parametrize(
    ("prefer", "length"),
    [("return=minimal", 0), ("return=OperationOutcome", 1), ("respond-async, return=minimal", 0)],
)
def test_answers_a_write_as_prefer_asks(client: Client, prefer: str, length: int) -> None:
    created = client("POST", "/fhir/Patient", fhir=patient(), headers={"Prefer": prefer})
    assert created.status_code == 201
    assert (created.json()["resourceType"] == "OperationOutcome") if length else created.content == b""


def test_updates_only_the_version_that_if_match_names(client: Client) -> None:
    first = client("PUT", "/fhir/Patient/a", fhir=patient(id="a"))
    assert first.status_code == 201
    second = client(
        "PUT",
        "/fhir/Patient/a",
        fhir=patient(id="a", active=True),
        headers={"If-Match": first.headers["etag"]},
    )
    assert second.status_code == 200
    stale = client(
        "PUT", "/fhir/Patient/a", fhir=patient(id="a"), headers={"If-Match": first.headers["etag"]}
    )
    assert (stale.status_code, stale.json()["issue"][0]["code"]) == (412, "conflict")
    assert client("DELETE", "/fhir/Patient/a", headers={"If-Match": first.headers["etag"]}).status_code == 412


def test_answers_304_to_a_client_that_has_the_version(client: Client) -> None:
    etag = client("PUT", "/fhir/Patient/a", fhir=patient(id="a")).headers["etag"]
    unchanged = client("GET", "/fhir/Patient/a", headers={"If-None-Match": f'W/"other", {etag}'})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", etag)


def test_a_deleted_resource_is_gone_and_its_versions_remain(client: Client) -> None:
    etag = client("PUT", "/fhir/Patient/a", fhir=patient(id="a")).headers["etag"]
    deleted = client("DELETE", "/fhir/Patient/a")
    assert (deleted.status_code, deleted.content) == (204, b"")
    gone = client("GET", "/fhir/Patient/a")
    assert (gone.status_code, gone.headers["etag"]) == (410, deleted.headers["etag"])
    version = etag.removeprefix('W/"').removesuffix('"')
    assert client("GET", f"/fhir/Patient/a/_history/{version}").status_code == 200
    history = client("GET", "/fhir/Patient/a/_history").json()
    assert [entry["request"]["method"] for entry in history["entry"]] == ["DELETE", "PUT"]


def test_pages_through_history_by_signed_links(client: Client) -> None:
    for number in range(5):
        client.world.moving_clock.advance(1)
        client("PUT", "/fhir/Patient/a", fhir=patient(id="a", multipleBirthInteger=number))
    path, seen = "/fhir/Patient/a/_history?_count=2", []
    while path:
        page = client("GET", path).json()
        seen += [entry["resource"]["multipleBirthInteger"] for entry in page["entry"]]
        path = next(
            (link["url"].removeprefix(BASE) for link in page["link"] if link["relation"] == "next"), ""
        )
    assert seen == [4, 3, 2, 1, 0]
    assert client("GET", "/fhir/Patient/a/_history?_count=2&_page=AAAA").status_code == 400
    for count in ("0", "1001", "0001000000", "000001" + "9" * 5_000, "-1", "two", "²"):
        assert client("GET", f"/fhir/Patient/a/_history?_count={count}").status_code == 400


def test_creates_once_under_a_condition(client: Client) -> None:
    mine = patient(identifier=[{"system": "urn:mrn", "value": "7"}])
    criteria = {"If-None-Exist": "identifier=urn:mrn|7"}
    first = client("POST", "/fhir/Patient", fhir=mine, headers=criteria)
    again = client("POST", "/fhir/Patient", fhir=mine, headers=criteria)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]


def test_refuses_a_condition_without_criteria(client: Client) -> None:
    for criteria in ("", "_count=1", "unknown=1"):
        refused = client("POST", "/fhir/Patient", fhir=patient(), headers={"If-None-Exist": criteria})
        assert refused.status_code == 400, criteria


def test_head_is_get_without_the_body(client: Client) -> None:
    client("PUT", "/fhir/Patient/a", fhir=patient(id="a"))
    head, get = client("HEAD", "/fhir/Patient/a"), client("GET", "/fhir/Patient/a")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == get.headers["etag"]
    assert head.headers["content-length"] == get.headers["content-length"]


def test_takes_a_gzip_body(client: Client) -> None:
    packed = gzip.compress(b'{"resourceType":"Patient"}')
    assert (
        client("POST", "/fhir/Patient", fhir=packed, headers={"Content-Encoding": "gzip"}).status_code == 201
    )


BAD_BODIES = {
    "not JSON": ("{", 400),
    "empty": (b"", 400),
    "not UTF-8": (b'{"resourceType":"Patient","language":"\xff"}', 400),
    "NaN": ('{"resourceType":"Patient","multipleBirthInteger":NaN}', 400),
    "a property twice": ('{"resourceType":"Patient","active":true,"active":true}', 400),
    "an array": ("[]", 400),
    "depth": ('{"resourceType":"Patient","a":' + "[" * 100_000, 400),
    "a lone surrogate": ('{"resourceType":"Patient","language":"\\ud800"}', 400),
    "1e400": ('{"resourceType":"Patient","multipleBirthInteger":1e400}', 400),
    "another type": ('{"resourceType":"Observation"}', 400),
    "no type": ("{}", 400),
    "a wrong code": ('{"resourceType":"Patient","gender":7}', 422),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_says_what_is_wrong_with_a_body(client: Client, name: str) -> None:
    body, status = BAD_BODIES[name]
    answer = client("POST", "/fhir/Patient", fhir=body)
    assert answer.status_code == status
    issue = answer.json()["issue"][0]
    assert issue["severity"] == "error"
    assert issue["details"]["text"]


BAD_REQUESTS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "an unknown type": ("GET", "/fhir/Patients/1", {}, 404),
    "a type in lower case": ("GET", "/fhir/patient/1", {}, 404),
    "another address": ("GET", "/nowhere", {}, 404),
    "an id that climbs": ("GET", "/fhir/Patient/..%2Fx", {}, 404),
    "an id of two dots": ("GET", "/fhir/Patient/%2E%2E", {}, 400),
    "an id with NUL": ("GET", "/fhir/Patient/a%00", {}, 400),
    "an id too long": ("GET", f"/fhir/Patient/{'a' * 65}", {}, 400),
    "PATCH": ("PATCH", "/fhir/Patient/1", {}, 405),
    "a conditional delete": ("DELETE", "/fhir/Patient", {}, 405),
    "no id in the body": ("PUT", "/fhir/Patient/1", {"fhir": patient()}, 400),
    "another id in the body": ("PUT", "/fhir/Patient/1", {"fhir": patient(id="2")}, 400),
    "XML": (
        "POST",
        "/fhir/Patient",
        {"fhir": "<x/>", "headers": {"Content-Type": "application/fhir+xml"}},
        415,
    ),
    "no content type": ("POST", "/fhir/Patient", {"content": b"{}"}, 415),
    "another charset": (
        "POST",
        "/fhir/Patient",
        {"fhir": "{}", "headers": {"Content-Type": "application/json; charset=latin-1"}},
        415,
    ),
    "brotli": ("POST", "/fhir/Patient", {"fhir": "{}", "headers": {"Content-Encoding": "br"}}, 415),
    "XML wanted": ("GET", "/fhir/Patient/1", {"headers": {"Accept": "application/fhir+xml"}}, 406),
    "XML wanted by _format": ("GET", "/fhir/Patient?_format=xml", {}, 406),
    "half a gzip": (
        "POST",
        "/fhir/Patient",
        {"fhir": gzip.compress(b"{}")[:-9], "headers": {"Content-Encoding": "gzip"}},
        400,
    ),
    "two gzips": (
        "POST",
        "/fhir/Patient",
        {"fhir": gzip.compress(b"{}") * 2, "headers": {"Content-Encoding": "gzip"}},
        400,
    ),
    "a stray If-Match": ("DELETE", "/fhir/Patient/1", {"headers": {"If-Match": "W/x y"}}, 400),
    "a parameter on read": ("GET", "/fhir/Patient/1?_elements=id", {}, 400),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_refuses_with_an_operation_outcome(client: Client, name: str) -> None:
    method, path, request, status = BAD_REQUESTS[name]
    answer = client(method, path, **request)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html, */*;q=0.1", "application/fhir+json; fhirVersion=4.0"]
)
def test_answers_json_to_whoever_accepts_it(client: Client, accept: str) -> None:
    assert client("GET", "/fhir/Patient", headers={"Accept": accept}).status_code == 200


def test_refuses_a_body_too_large_before_the_rest_is_read(client: Client) -> None:
    read = []

    async def endless() -> Any:
        for number in range(1_000):
            read.append(number)
            yield b" " * 1_000_000

    answer = client("POST", "/fhir/Patient", content=endless(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (413, "too-long")
    assert len(read) < 20


def test_refuses_a_gzip_bomb(client: Client) -> None:
    bomb = gzip.compress(bytes(50_000_000), 9)
    assert client("POST", "/fhir/Patient", fhir=bomb, headers={"Content-Encoding": "gzip"}).status_code == 413


def test_another_tenants_resource_does_not_exist(world: World, client: Client) -> None:
    client("PUT", "/fhir/Patient/a", fhir=patient(id="a"))
    other = Client(world, tenant="elsewhere")
    assert other("GET", "/fhir/Patient/a").json() == other("GET", "/fhir/Patient/b").json()
    assert other("GET", "/fhir/Patient").json()["total"] == 0
    assert other("GET", "/fhir/Patient/a/_history").status_code == 404


def test_a_defect_shows_a_correlation_id_and_nothing_else(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("patient 4711")

    client.world.interactions.read = broken  # type: ignore[method-assign, assignment]
    answer = client("GET", "/fhir/Patient/a", headers={"X-Request-Id": "r-1"})
    correlation = answer.headers["x-correlation-id"]
    assert answer.status_code == 500
    assert correlation in answer.text
    assert "4711" not in answer.text + caplog.text
    assert correlation in caplog.text
    assert answer.headers["x-request-id"] == "r-1"


def test_every_answer_has_the_security_headers(client: Client) -> None:
    for path in ("/health", "/fhir/Patient", "/nowhere"):
        headers = client("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert len(headers["x-correlation-id"]) == 32


def test_runs_transactions_and_batches(client: Client) -> None:
    entries = [
        {
            "fullUrl": "urn:uuid:0e9a1c1e-0000-4000-8000-000000000001",
            "resource": patient(),
            "request": {"method": "POST", "url": "Patient"},
        },
        {
            "resource": {
                **observation("x"),
                "subject": {"reference": "urn:uuid:0e9a1c1e-0000-4000-8000-000000000001"},
            },
            "request": {"method": "POST", "url": "Observation"},
        },
    ]
    done = client("POST", "/fhir", fhir={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert done.status_code == 200
    assert [entry["response"]["status"][:3] for entry in done.json()["entry"]] == ["201", "201"]
    patient_id = client("GET", "/fhir/Patient").json()["entry"][0]["resource"]["id"]
    assert client("GET", f"/fhir/Observation?patient={patient_id}").json()["total"] == 1
    batch = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": "Patient?_count=5"}}],
    }
    answer = client("POST", "/fhir", fhir=batch).json()
    assert answer["entry"][0]["resource"]["total"] == 1


def test_each_entry_of_a_bundle_needs_its_own_scope(world: World) -> None:
    narrow = Client(world, "system/Patient.c")
    write = {"resource": patient(), "request": {"method": "POST", "url": "Patient"}}
    other = {"resource": observation("x"), "request": {"method": "POST", "url": "Observation"}}
    transaction = {"resourceType": "Bundle", "type": "transaction", "entry": [write, other]}
    assert narrow("POST", "/fhir", fhir=transaction).status_code == 403
    assert Client(world)("GET", "/fhir/Patient").json()["total"] == 0
    batch = narrow("POST", "/fhir", fhir={**transaction, "type": "batch"}).json()
    assert [entry["response"]["status"][:3] for entry in batch["entry"]] == ["201", "403"]


def test_only_transactions_and_batches_are_posted_to_the_base(client: Client) -> None:
    for body in (patient(), {"resourceType": "Bundle", "type": "collection"}):
        assert client("POST", "/fhir", fhir=body).status_code == 400
