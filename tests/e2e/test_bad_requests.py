"""Bad input by HTTP: a clear answer for little processor time, nothing written, and nobody else hindered."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.e2e.bad_bodies import INVALID, NO_TYPE, UNKNOWN_TYPE, UNREADABLE, Bad, bomb
from tests.e2e.doors import Api
from tests.e2e.platform import Platform
from tests.patience import PATIENCE_S

# Of the worker's processor time, so that it holds on a busy machine too.
COSTS_S = 2.5
# Others wait for their turn of a processor; they must not wait for the end of an attack.
OTHERS_WAIT_S = 60.0
ACTIONABLE_CHARS = 15


def _check(answer: httpx.Response, expression: str = "") -> list[dict[str, Any]]:
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome", outcome
    for issue in outcome["issue"]:
        assert issue["severity"] in ("error", "fatal")
        assert issue["code"]
        assert len(issue["details"]["text"]) >= ACTIONABLE_CHARS, issue
    found = [place for issue in outcome["issue"] for place in issue.get("expression", ())]
    assert not expression or any(place.startswith(expression) for place in found), outcome
    issues: list[dict[str, Any]] = outcome["issue"]
    return issues


@contextmanager
def others_unharmed(platform: Platform, token: str) -> Iterator[None]:
    """Another caller reads all the while; each of its requests must succeed in good time."""
    took_s: list[float] = []
    begun, ended = threading.Event(), threading.Event()

    def read() -> None:
        with Api(platform.url, token) as other:
            while not ended.wait(0.1):
                started = time.monotonic()
                assert other.get("/fhir/Patient/nobody").status_code == 404
                took_s.append(time.monotonic() - started)
                begun.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(PATIENCE_S)
    took_s.clear()
    try:
        yield
    finally:
        ended.set()
        reader.join()
    assert max(took_s, default=0.0) < OTHERS_WAIT_S, f"another caller waited {max(took_s):.2f} s"


@contextmanager
def cheap(platform: Platform) -> Iterator[None]:
    """What happens inside costs the worker of HTTP little."""
    before = platform.processor_s("http")
    yield
    assert platform.processor_s("http") - before < COSTS_S


@pytest.mark.parametrize("bad", [*UNREADABLE, *INVALID, UNKNOWN_TYPE, NO_TYPE], ids=lambda bad: bad.name)
def test_a_bad_body_is_refused_with_a_reason_and_a_place(platform: Platform, api: Api, bad: Bad) -> None:
    type_ = "Observation" if bad in INVALID or b"Observation" in bad.body[:40] else "Patient"
    for path in (f"/fhir/{type_}", "/fhir"):
        with cheap(platform):
            answer = api.post_fhir(path, bad.body)
        assert answer.status_code in (bad.statuses if path != "/fhir" else (400,)), answer.text
        _check(answer, bad.expression if path != "/fhir" else "")


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"", ""), (b"", "gzip"), (gzip.compress(b"{}" * 99)[:-9], "gzip"), (b"plain", "gzip"), (b"x", "br")],
    ids=["empty", "empty gzip", "cut gzip", "no gzip at all", "unknown encoding"],
)
def test_a_body_that_cannot_be_unpacked_is_refused(api: Api, body: bytes, encoding: str) -> None:
    headers = {"Content-Type": "application/fhir+json"} | ({"Content-Encoding": encoding} if encoding else {})
    answer = api.post("/fhir/Patient", content=body, headers=headers)
    assert answer.status_code == (415 if encoding == "br" else 400)
    _check(answer)


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(api: Api) -> None:
    body = b'\xef\xbb\xbf{\r\n\t"resourceType": "Patient",\r\n\t"active": true\r\n}\r\n'
    assert api.post_fhir("/fhir/Patient", body).status_code == 201


def test_a_gzip_bomb_is_refused_cheaply_and_nobody_else_waits(platform: Platform, api: Api) -> None:
    packed = bomb(512 << 20)
    headers = {"Content-Type": "application/fhir+json", "Content-Encoding": "gzip"}
    with others_unharmed(platform, platform.token()), cheap(platform):
        answer = api.post("/fhir/Patient", content=packed, headers=headers)
    assert answer.status_code == 413
    _check(answer)


@pytest.mark.parametrize("declared", [True, False], ids=["with its length", "in chunks"])
def test_a_body_of_100_megabytes_is_refused_cheaply(platform: Platform, api: Api, declared: bool) -> None:
    with others_unharmed(platform, platform.token()), cheap(platform):
        status, body = _post_until_answered(platform, api.headers["authorization"], 100 << 20, declared)
    # The host drops chunked bodies, as the real one does: what arrives is empty.
    assert status == (413 if declared else 400), body
    assert json.loads(body)["resourceType"] == "OperationOutcome"


def test_a_deep_body_does_not_hinder_others(platform: Platform, api: Api) -> None:
    with others_unharmed(platform, platform.token()):
        for bad in UNREADABLE:
            if bad.name.startswith("deep"):
                assert api.post_fhir("/fhir/Patient", bad.body).status_code == 400


def test_one_bad_entry_refuses_the_transaction_and_is_named(api: Api) -> None:
    tag = uuid.uuid4().hex
    entries = [_create(tag), _create(tag), _create(tag)]
    del entries[1]["resource"]["status"]
    answer = api.post_fhir("/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code in (400, 422)
    _check(answer, "Bundle.entry[1].resource")
    assert api.total("Observation", code=f"urn:e2e:{tag}|x") == 0


def test_one_bad_entry_of_a_batch_leaves_the_others(api: Api) -> None:
    tag = uuid.uuid4().hex
    entries = [_create(tag), _create(tag), _create(tag)]
    del entries[1]["resource"]["status"]
    answer = api.post_fhir("/fhir", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert [each["response"]["status"][:3] for each in answer.json()["entry"]] == ["201", "422", "201"]
    assert answer.json()["entry"][1]["response"]["outcome"]["issue"][0]["expression"]
    assert api.total("Observation", code=f"urn:e2e:{tag}|x") == 2


def test_a_dangling_reference_refuses_the_transaction(api: Api) -> None:
    tag = uuid.uuid4().hex
    entries = [_create(tag), _create(tag)]
    entries[1]["resource"]["subject"] = {"reference": "urn:uuid:5f8a4c0e-0000-4000-8000-000000000000"}
    answer = api.post_fhir("/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code in (400, 422)
    _check(answer, "Bundle.entry[1]")
    assert api.total("Observation", code=f"urn:e2e:{tag}|x") == 0


@pytest.mark.parametrize(
    "url", ["Patient/../../x", "Patient/a_b", "../Patient/x", "Spaceship/x", "Patient/x/y"]
)
def test_an_entry_for_an_address_that_cannot_exist_refuses_the_transaction(api: Api, url: str) -> None:
    tag = uuid.uuid4().hex
    resource = {"resourceType": url.partition("/")[0].strip(".") or "Patient"}
    entries = [_create(tag), {"resource": resource, "request": {"method": "PUT", "url": url}}]
    answer = api.post_fhir("/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert 400 <= answer.status_code < 500
    _check(answer, "Bundle.entry[1]")
    assert api.total("Observation", code=f"urn:e2e:{tag}|x") == 0


@pytest.mark.parametrize("identity", ["..%2F..%2Fetc%2Fpasswd", "%2e%2e", "a%00b", "a" * 65, "a_b", "ä"])
def test_an_id_that_cannot_exist_is_refused(api: Api, identity: str) -> None:
    body = {"resourceType": "Patient", "id": "x"}
    for answer in (api.get(f"/fhir/Patient/{identity}"), api.put_fhir(f"/fhir/Patient/{identity}", body)):
        assert answer.status_code in (400, 404, 405)
        _check(answer)


def test_an_id_with_dots_in_a_body_is_refused(api: Api) -> None:
    answer = api.put_fhir("/fhir/Patient/good", {"resourceType": "Patient", "id": "../bad"})
    assert answer.status_code in (400, 422)
    _check(answer)


def test_a_stale_if_match_is_412_and_changes_nothing(api: Api) -> None:
    made = api.post_fhir("/fhir/Patient", {"resourceType": "Patient"})
    path, body = f"/fhir/Patient/{made.json()['id']}", {"resourceType": "Patient", "id": made.json()["id"]}
    assert api.put_fhir(path, {**body, "gender": "male"}, If_Match=made.headers["etag"]).status_code == 200
    stale = api.put_fhir(path, {**body, "gender": "female"}, If_Match=made.headers["etag"])
    assert stale.status_code == 412
    _check(stale)
    assert api.get(path).json()["gender"] == "male"


@pytest.mark.parametrize("query", ["_count=1e9", "_count=-1", "nonsense=1", "date=yesterday", "_sort=colour"])
def test_a_search_that_means_nothing_is_refused(api: Api, query: str) -> None:
    answer = api.get(f"/fhir/Observation?{query}")
    assert answer.status_code == 400
    _check(answer)


def test_a_bundle_of_too_many_entries_is_refused(api: Api) -> None:
    entries = [{"request": {"method": "GET", "url": "Patient/x"}}] * 10_001
    answer = api.post_fhir("/fhir", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert answer.status_code == 413
    _check(answer, "Bundle.entry")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/fhir+xml", "application/json; charset=latin-1"]
)
def test_a_foreign_content_type_is_415(api: Api, content_type: str) -> None:
    answer = api.post("/fhir/Patient", content=b"{}", headers={"Content-Type": content_type})
    assert answer.status_code == 415
    _check(answer)


def _create(tag: str) -> dict[str, Any]:
    resource = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": f"urn:e2e:{tag}", "code": "x"}]},
    }
    return {"resource": resource, "request": {"method": "POST", "url": "Observation"}}


def _post_until_answered(platform: Platform, bearer: str, size: int, declared: bool) -> tuple[int, bytes]:
    """Status and body; sends until the server has had enough, as a client does that looks for an early answer."""
    length = f"Content-Length: {size}" if declared else "Transfer-Encoding: chunked"
    head = f"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n"
    head += f"Content-Type: application/fhir+json\r\n{length}\r\nConnection: close\r\n\r\n"
    piece = b" " * (1 << 20)
    with socket.create_connection(("127.0.0.1", platform.port), timeout=PATIENCE_S) as connection:
        connection.sendall(head.encode())
        connection.setblocking(False)
        received, sent, pending = b"", 0, b""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                received += (chunk := connection.recv(65536))
                if not chunk or _is_whole(received):
                    break
            except BlockingIOError:
                pass
            if not pending and sent < size:
                sent += len(piece)
                end = b"0\r\n\r\n" if sent >= size else b""
                pending = piece if declared else b"100000\r\n" + piece + b"\r\n" + end
            try:
                pending = pending[connection.send(pending) :] if pending else b""
            except BlockingIOError:
                time.sleep(0.001)
            except OSError:
                break
        connection.settimeout(PATIENCE_S)
        while not _is_whole(received) and (chunk := connection.recv(65536)):
            received += chunk
    head_text, _, body = received.partition(b"\r\n\r\n")
    return int(head_text.split(b" ", 2)[1]), body


def _is_whole(received: bytes) -> bool:
    head, found, body = received.partition(b"\r\n\r\n")
    length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b"")
    return bool(found) and bool(length) and len(body) >= int(length.partition(b":")[2])
