"""L2 over the wire: the HTTP side of a running host, its administration paths and webhooks."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from azure.storage.blob import BlobServiceClient

from tests.host.conftest import ROOT, SAMPLE, Emulators, Host, StartHost, eventually, launch
from tests.patience import PATIENCE_S

PUSHED = ["--listen", "http,eventGridTrigger,blobTrigger,timerTrigger"]
BLOB_HOOK = "/runtime/webhooks/blobs?functionName=Host.Functions.dropped"
GRID_HOOK = "/runtime/webhooks/eventgrid?functionName="
NOTIFICATION = {"aeg-event-type": "Notification"}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, connections: dict[str, str]) -> Iterator[Host]:
    running = launch(tmp_path_factory.mktemp("host"), PUSHED, connections, "web")
    yield running
    assert running.stop() == 0


def test_request_arrives_as_the_classic_binding_hands_it_over(host: Host) -> None:
    headers = [("X-Two", "1"), ("X-Two", "2")]
    url = f"{host.url}/api/echo/a%20b/7?x=1&x=2&empty="
    seen = httpx.put(url, headers=headers, content=b"\x00body").json()
    assert seen["params"] == {"x": "1,2"}
    assert seen["route_params"] == {"part": "a b", "number": "7"}
    assert seen["headers"]["x-two"] in ("1,2", "1, 2")
    assert seen["url"] == url
    assert seen["body"] == "\x00body"


def test_chunked_body_does_not_arrive(host: Host) -> None:
    answer = httpx.post(f"{host.url}/api/echo/a", content=iter([b"one", b"two"]))
    assert answer.status_code == 200
    assert answer.json()["body"] == ""


def test_exception_is_a_500_without_a_body_and_its_text_is_not_logged(host: Host) -> None:
    answer = httpx.get(f"{host.url}/api/fails")
    assert (answer.status_code, answer.content) == (500, b"")
    assert "Executed 'Functions.fails' (Failed" in host.log()
    assert "4711" not in host.log()


def test_cookies_stay_apart_and_head_has_no_body(host: Host) -> None:
    answer = httpx.get(f"{host.url}/api/cookies")
    assert answer.headers.get_list("set-cookie") == ["a=1; HttpOnly; Path=/", "b=2"]
    assert answer.content == b"\x00\x01"


def test_unknown_paths_and_methods_are_not_found(host: Host) -> None:
    assert httpx.get(f"{host.url}/nothing").status_code == 404
    assert httpx.delete(f"{host.url}/api/text").status_code == 404


def test_body_above_the_hosts_limit_is_refused(host: Host) -> None:
    with socket.create_connection(("127.0.0.1", host.port)) as wire:
        wire.sendall(b"POST /api/echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 104857601\r\n\r\n")
        assert wire.recv(64).startswith(b"HTTP/1.1 413")


def test_a_host_header_does_not_choose_the_function(host: Host) -> None:
    with socket.create_connection(("127.0.0.1", host.port)) as wire:
        wire.sendall(b"GET /nothing HTTP/1.1\r\nHost: x/api/text?\r\n\r\n")
        assert wire.recv(64).startswith(b"HTTP/1.1 400")


def test_a_slow_request_does_not_hold_others(host: Host) -> None:
    slow, answers = _ask_for_the_slow(host)
    assert httpx.get(f"{host.url}/api/text").text == "plain words"
    assert httpx.get(f"{host.url}/api/sync/x").status_code == 203
    assert not answers
    _let_go(host)
    slow.join()
    assert answers == [200]


def _ask_for_the_slow(host: Host) -> tuple[threading.Thread, list[int]]:
    """A request that is under way until it is let go, and where its status will be."""
    answers: list[int] = []
    slow = threading.Thread(target=lambda: answers.append(httpx.get(f"{host.url}/api/slow").status_code))
    slow.start()
    eventually(lambda: host.seen("slow"))
    return slow, answers


def _let_go(host: Host) -> None:
    host.seen_file.with_name(host.seen_file.name + ".go").touch()


def test_sigterm_lets_a_request_end(start_host: StartHost, connections: dict[str, str]) -> None:
    host = start_host(["--listen", "http"], connections)
    slow, answers = _ask_for_the_slow(host)
    host.process.send_signal(signal.SIGTERM)
    _let_go(host)
    slow.join()
    assert answers == [200]
    assert host.stop() == 0


def test_prints_the_list_of_functions_as_func_does(host: Host) -> None:
    listed = host.log()
    assert f"\n\techo: [GET,POST,PUT] {host.url}/api/echo/{{part}}/{{number:int?}}\n" in listed
    assert "\n\tnightly: timerTrigger\n" in listed
    assert "vitals" not in listed
    assert listed.index("Functions:") < listed.index("\ttext:") < listed.index("\tdropped:")


def test_status_and_functions_are_told(host: Host) -> None:
    assert httpx.get(f"{host.url}/admin/host/status").json()["state"] == "Running"
    names = {function["name"] for function in httpx.get(f"{host.url}/admin/functions").json()}
    assert {"echo", "dropped", "nightly"} <= names


def test_a_timer_can_be_started_by_hand(host: Host) -> None:
    assert httpx.post(f"{host.url}/admin/functions/nightly", json={"input": ""}).status_code == 202
    eventually(lambda: host.seen("nightly"))
    assert httpx.post(f"{host.url}/admin/functions/nowhere", json={}).status_code == 404
    assert httpx.post(f"{host.url}/admin/functions/nightly", content=b"[").status_code == 400


@pytest.mark.parametrize(
    "headers",
    [{"Host": "attacker.example"}, {"Host": "127.0.0.1.evil.example"}, {"Origin": "https://evil.example"}],
)
def test_admin_and_webhooks_do_not_answer_web_pages(host: Host, headers: dict[str, str]) -> None:
    started = httpx.post(f"{host.url}/admin/functions/nightly", json={"input": ""}, headers=headers)
    assert started.status_code == 401
    told = httpx.post(f"{host.url}{GRID_HOOK}notified", json=[], headers=headers | NOTIFICATION)
    assert told.status_code == 401


def test_refuses_more_headers_than_kestrel_takes(host: Host) -> None:
    assert httpx.get(f"{host.url}/api/echo/a", headers={"X-Long": "a" * 33_000}).status_code == 431
    many = {f"X-{number}": "a" for number in range(101)}
    assert httpx.get(f"{host.url}/api/echo/a", headers=many).status_code == 431


def test_admin_needs_the_master_key_where_one_is_set(
    start_host: StartHost, connections: dict[str, str]
) -> None:
    host = start_host(["--listen", "http"], {**connections, "GALEN_HOST_MASTER_KEY": "secret"})
    status = f"{host.url}/admin/host/status"
    assert httpx.get(status).status_code == 401
    assert httpx.get(status, headers={"x-functions-key": "wrong"}).status_code == 401
    assert httpx.get(status, headers={"x-functions-key": "secret"}).status_code == 200


def test_event_grid_validates_a_subscription(host: Host) -> None:
    event = [
        {
            "id": "1",
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "data": {"validationCode": "c"},
        }
    ]
    headers = {"aeg-event-type": "SubscriptionValidation"}
    answer = httpx.post(f"{host.url}{GRID_HOOK}notified", json=event, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "c"})


def test_cloud_events_origin_is_allowed(host: Host) -> None:
    headers = {"WebHook-Request-Origin": "eventgrid.azure.net"}
    answer = httpx.options(f"{host.url}{GRID_HOOK}notified", headers=headers)
    assert (answer.status_code, answer.headers["webhook-allowed-origin"]) == (200, "eventgrid.azure.net")


def test_events_of_both_schemas_reach_the_function(host: Host) -> None:
    grid = {"id": "g", "subject": "s", "eventType": "t", "eventTime": "2026-01-02T03:04:05Z", "data": {}}
    cloud = {"specversion": "1.0", "id": "c", "source": "/s", "type": "t", "subject": "s", "data": {}}
    for body in ([grid], cloud, [cloud, grid]):
        assert (
            httpx.post(f"{host.url}{GRID_HOOK}notified", json=body, headers=NOTIFICATION).status_code == 202
        )
    assert sorted(seen["id"] for seen in host.seen("notified")) == ["c", "c", "g", "g"]


def test_webhooks_refuse_what_they_do_not_know(host: Host) -> None:
    assert httpx.post(f"{host.url}{GRID_HOOK}nowhere", json=[], headers=NOTIFICATION).status_code == 404
    assert httpx.post(f"{host.url}{GRID_HOOK}notified", json=[]).status_code == 400
    assert httpx.post(f"{host.url}{GRID_HOOK}notified", content=b"{", headers=NOTIFICATION).status_code == 400


def lake(emulators: Emulators, container: str) -> BlobServiceClient:
    service = BlobServiceClient.from_connection_string(emulators.lake)
    if not service.get_container_client(container).exists():
        service.create_container(container)
    return service


def blob_created(path: str) -> dict[str, object]:
    container, _, name = path.partition("/")
    subject = f"/blobServices/default/containers/{container}/blobs/{name}"
    url = f"http://lake/{path}"
    return {"specversion": "1.0", "id": "1", "source": "/", "type": "Microsoft.Storage.BlobCreated",
            "subject": subject, "data": {"api": "PutBlob", "url": url}}  # fmt: skip


def test_a_dropped_blob_reaches_its_function(host: Host, emulators: Emulators) -> None:
    service = lake(emulators, "landing")
    service.get_blob_client("landing", "hospital/a b.ndjson").upload_blob(b"{}\n", overwrite=True)
    event = blob_created("landing/hospital/a b.ndjson")
    assert (
        httpx.post(f"{host.url}{BLOB_HOOK}", json=event, headers=NOTIFICATION, timeout=PATIENCE_S).status_code
        == 202
    )
    (seen,) = eventually(lambda: host.seen("dropped"))
    assert (seen["name"], seen["length"], seen["body"]) == ("landing/hospital/a b.ndjson", 3, "{}\n")


def test_an_output_is_written_unless_the_function_raises(host: Host, emulators: Emulators) -> None:
    container = lake(emulators, "copies").get_container_client("copies")
    event = {"id": "1", "subject": "kept", "eventType": "t", "eventTime": "2026-01-02T03:04:05Z", "data": {}}
    assert (
        httpx.post(
            f"{host.url}{GRID_HOOK}copies", json=event, headers=NOTIFICATION, timeout=PATIENCE_S
        ).status_code
        == 202
    )
    lost = {**event, "subject": "raise"}
    assert httpx.post(f"{host.url}{GRID_HOOK}copies", json=lost, headers=NOTIFICATION).status_code == 500
    contents = [container.download_blob(blob.name).readall() for blob in container.list_blobs()]
    assert contents == [b"kept"]


def refused(*arguments: str) -> str:
    command = [sys.executable, "-m", "local.host", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    return done.stderr


def test_says_why_it_does_not_start(tmp_path: Path, host: Host) -> None:
    assert "host.json is missing" in refused("--app", str(tmp_path))
    (tmp_path / "host.json").write_text(json.dumps({"version": "2.0"}))
    assert "no function_app.py" in refused("--app", str(tmp_path))
    assert "SAMPLE_EVENT_HUBS is missing" in refused("--app", str(SAMPLE), "--port", "0")
    taken = refused("--app", str(SAMPLE), "--listen", "http", "--port", str(host.port))
    assert f"Port {host.port} is unavailable" in taken
