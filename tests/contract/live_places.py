"""Where live updates are in the contract suite: in memory, on a stand-in for API Gateway beside moto, on one for Web PubSub.

moto keeps no connections, and neither service has an emulator: each stand-in speaks its service's HTTP and remembers who
is connected to it.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from shared import names
from shared.adapters.aws.live import TOLD, ApiGatewayLive, LivePlace
from shared.adapters.azure.live import WebPubSubLive
from shared.adapters.memory.live import MemoryLive
from shared.adapters.system import SystemClock
from shared.bootstrap import live as bootstrap
from shared.errors import Busy, Unavailable
from shared.ports.live import LiveUpdates
from tests.emulators.aws_server import AwsServer

Answer = tuple[int, bytes]


class LiveService(Protocol):
    """A place under test: its port, and clients of it."""

    live: LiveUpdates

    def connect(self, address: str) -> str:
        """Opens an address; the name of the connection. Raises AssertionError where it is refused."""
        ...

    def leave(self, connection: str, *, politely: bool = True) -> None:
        """Ends a connection; impolitely the service hears of it when it tells it something."""
        ...

    def heard(self, connection: str) -> int:
        """How often it was told."""
        ...

    def fail(self, status: int) -> None:
        """Whatever is told next is answered with this status."""
        ...


class InMemory:
    """The reference."""

    def __init__(self) -> None:
        self._memory = MemoryLive()
        self.live: LiveUpdates = self._memory

    def connect(self, address: str) -> str:
        return str(self._memory.connect(address))

    def leave(self, connection: str, *, politely: bool = True) -> None:
        self._memory.leave(int(connection))

    def heard(self, connection: str) -> int:
        return self._memory.heard[int(connection)]

    def fail(self, status: int) -> None:
        self._memory.failure = {429: Busy(), 500: Unavailable()}[status]


@contextmanager
def _serving(answer: Callable[[str, str, dict[str, str], bytes], Answer]) -> Iterator[str]:
    """An HTTP server whose POSTs are answered by a function of method, path, headers and body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, told = answer(self.command, self.path, headers, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_POST = _respond  # noqa: N815 - as the library calls it

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class OnApiGateway:
    """The three handlers as API Gateway and the table's stream call them; connections are told over HTTP."""

    def __init__(self, aws: AwsServer, table: str, host: str) -> None:
        self.clock = SystemClock()
        self.place = LivePlace(f"ws://{host}/live", table, "k" * 32, aws.place)
        self.live: LiveUpdates = ApiGatewayLive(self.place, self.clock)
        self.open: dict[str, str] = {}
        self.told: Counter[str] = Counter()
        self.status = 200

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html"""
        connection = unquote(path.removeprefix("/live/@connections/"))
        assert (method, body) == ("POST", TOLD)
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256")
        if self.status != 200:
            return self.status, b'{"message": "Too many"}'
        if connection not in self.open:
            return 410, b""
        self.told[connection] += 1
        return 200, b""

    def connect(self, address: str) -> str:
        from functions.aws.live import authorise, live

        ticket = parse_qs(urlsplit(address).query)["ticket"][0]
        asked = {"methodArn": "arn:aws:execute-api:x", "queryStringParameters": {"ticket": ticket}}
        decided = authorise(asked, None)
        assert decided["policyDocument"]["Statement"][0]["Effect"] == "Allow"
        connection = uuid.uuid4().hex
        self.open[connection] = decided["context"]["tenant"]
        live(self._event("$connect", connection), None)
        return connection

    def _event(self, route: str, connection: str) -> dict[str, Any]:
        about = {"routeKey": route, "connectionId": connection}
        return {"requestContext": {**about, "authorizer": {"tenant": self.open[connection]}}}

    def leave(self, connection: str, *, politely: bool = True) -> None:
        from functions.aws.live import live

        event = self._event("$disconnect", connection)
        del self.open[connection]
        if politely:
            live(event, None)

    def heard(self, connection: str) -> int:
        return self.told[connection]

    def fail(self, status: int) -> None:
        self.status = status


@contextmanager
def on_api_gateway(aws: AwsServer, dynamodb: Any) -> Iterator[OnApiGateway]:
    """With a table of its own on moto."""
    table = f"connections-{uuid.uuid4().hex}"
    tenant, id_ = names.CONNECTIONS_KEY
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": tenant, "KeyType": "HASH"}, {"AttributeName": id_, "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in (tenant, id_)],
        BillingMode="PAY_PER_REQUEST",
    )
    made: list[OnApiGateway] = []
    with (
        _serving(lambda *request: made[0].answer(*request)) as host,  # noqa: PLW0108 - made with its host
        pytest.MonkeyPatch.context() as environment,
    ):
        place = OnApiGateway(aws, table, host)
        made.append(place)
        told = {"AWS_REGION": aws.place.region, "AWS_ENDPOINT_URL": aws.place.endpoint}
        told |= {
            "GALEN_LIVE_URL": place.place.url,
            "GALEN_CONNECTIONS_TABLE": table,
            "GALEN_LINK_KEY": "k" * 32,
        }
        for name, value in told.items():
            environment.setenv(name, value)
        kept = (bootstrap.connections, bootstrap.bell, bootstrap._tickets)
        for each in kept:
            each.cache_clear()
        try:
            yield place
        finally:
            for each in kept:
                each.cache_clear()
            dynamodb.delete_table(TableName=table)


class OnWebPubSub:
    """https://learn.microsoft.com/rest/api/webpubsub/dataplane/web-pub-sub"""

    def __init__(self, host: str) -> None:
        self.live: LiveUpdates = WebPubSubLive(f"http://{host}", lambda: "of-the-identity")
        self.tokens: dict[str, str] = {}
        self.open: dict[str, str] = {}
        self.told: Counter[str] = Counter()
        self.status = 200

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        assert (method, query["api-version"]) == ("POST", ["2024-01-01"])
        assert headers["authorization"] == "Bearer of-the-identity"
        if self.status != 200:
            return self.status, b""
        if parts.path == "/api/hubs/alerts/:generateToken":
            assert "role" not in query, "a client may neither join other groups nor send"
            token = uuid.uuid4().hex
            (self.tokens[token],) = query["group"]
            return 200, json.dumps({"token": token}).encode()
        group = unquote(parts.path.removeprefix("/api/hubs/alerts/groups/").removesuffix("/:send"))
        assert json.loads(body) == {"event": "alerts"}
        self.told.update(connection for connection, of in self.open.items() if of == group)
        return 202, b""

    def connect(self, address: str) -> str:
        parts = urlsplit(address)
        assert (parts.scheme, parts.path) == ("ws", "/client/hubs/alerts")
        connection = uuid.uuid4().hex
        self.open[connection] = self.tokens[parse_qs(parts.query)["access_token"][0]]
        return connection

    def leave(self, connection: str, *, politely: bool = True) -> None:
        del self.open[connection]

    def heard(self, connection: str) -> int:
        return self.told[connection]

    def fail(self, status: int) -> None:
        self.status = status


@contextmanager
def on_web_pubsub() -> Iterator[OnWebPubSub]:
    """A service of its own."""
    made: list[OnWebPubSub] = []
    with _serving(lambda *request: made[0].answer(*request)) as host:  # noqa: PLW0108 - made with its host
        made.append(OnWebPubSub(host))
        yield made[0]
