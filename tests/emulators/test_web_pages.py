"""No emulator answers a web page of another site, whatever keys it knows: its `Origin` or its `Host` says what it is."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from local.callers import Callers, listens_locally
from local.emulators.served import ServedEmulators
from local.plan import EMULATORS
from local.ports import HOST
from tests.emulators.aws_server import AwsServer

pytest_plugins = ["local.emulators.pytest_plugin"]

_HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "AMQPWSB10",
}
_PATHS: dict[str, tuple[str, dict[str, str]]] = {
    "cosmos": ("/", {}),
    "datalake": ("/devstoreaccount1?comp=list", {}),
    "eventhubs": ("/$servicebus/websocket", _HANDSHAKE),
    "aws": ("/_calls", {}),
}
FOREIGN: tuple[dict[str, str], ...] = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Host": "rebound.evil.example"},
    {"Host": "127.0.0.1.evil.example:8081"},
)
OURS: tuple[dict[str, str], ...] = (
    {},
    {"Host": "localhost"},
    {"Host": "account.blob.localhost:10000"},
    {"Host": "[::1]:80"},
    {"Origin": "http://localhost:5173"},
    {"Origin": "http://127.0.0.1"},
)


def _status(port: int, name: str, headers: dict[str, str]) -> int:
    path, always = _PATHS[name]
    connection = HTTPConnection(HOST, port, timeout=15)
    try:
        connection.request("GET", path, headers=always | headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _assert_guarded(port: int, name: str) -> None:
    told = {_status(port, name, headers) for headers in OURS}
    assert len(told) == 1, "a name of this machine changes nothing"
    assert told != {403}
    assert [_status(port, name, headers) for headers in FOREIGN] == [403] * len(FOREIGN)


@pytest.mark.parametrize("name", EMULATORS)
def test_an_emulator_answers_this_machine_and_no_web_page(
    running_emulators: ServedEmulators, name: str
) -> None:
    _assert_guarded(running_emulators.ports[name], name)


@pytest.fixture
def aws() -> Iterator[AwsServer]:
    pytest.importorskip("moto", reason="not tested: whom the AWS emulator answers, which needs its group")
    server = AwsServer()
    yield server
    server.stop()


def test_the_aws_emulator_does_so_too(aws: AwsServer) -> None:
    _assert_guarded(aws.port, "aws")


def test_who_listens_for_other_machines_is_called_by_any_name_but_not_by_a_page() -> None:
    callers = Callers(local_only=False)
    assert callers.admit([("Host", "lake.internal:10000")])
    assert callers.admit([("Host", "lake.internal:10000"), ("Origin", "http://lake.internal:10000")])
    assert not callers.admit([("Host", "lake.internal:10000"), ("Origin", "https://evil.example")])


@pytest.mark.parametrize(
    ("address", "is_local"),
    [("127.0.0.1", True), ("127.0.0.2", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False),
     ("10.0.0.4", False)],
)  # fmt: skip
def test_an_address_says_whether_other_machines_reach_it(address: str, is_local: bool) -> None:
    assert listens_locally(address) is is_local
