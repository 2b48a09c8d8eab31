"""The emulator as a process, and a subscriber to its events."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient
from azure.storage.filedatalake import DataLakeServiceClient

from local.emulators.datalake.auth import WELL_KNOWN_ACCOUNT, WELL_KNOWN_KEY
from local.ports import free_ports
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]


class Emulator:
    """A running emulator over a data folder; it can be killed and started again on the same port."""

    def __init__(self, data: Path, *flags: str) -> None:
        self.data = data
        self._flags = flags
        self.port = free_ports(1)[0]
        self._clients: list[BlobServiceClient | DataLakeServiceClient] = []
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "local.emulators.datalake", "--data", str(self.data)]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), *self._flags], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Data Lake ready at"), line

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{WELL_KNOWN_ACCOUNT}"

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={WELL_KNOWN_ACCOUNT};AccountKey={WELL_KNOWN_KEY};"
            f"BlobEndpoint={self.url};DfsEndpoint={self.url}"
        )

    def blobs(self, **options: Any) -> BlobServiceClient:
        client = BlobServiceClient.from_connection_string(self.connection_string, retry_total=0, **options)
        self._clients.append(client)
        return client

    def lake(self) -> DataLakeServiceClient:
        client = DataLakeServiceClient.from_connection_string(self.connection_string, retry_total=0)
        self._clients.append(client)
        return client

    def ask(
        self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """One raw request, for what no SDK would send."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.headers), response.read()
        finally:
            connection.close()

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it as `local down` does; returns its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        for client in self._clients:
            client.close()
        self._clients.clear()
        self.process.send_signal(number)
        status = self.process.wait(timeout=PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


class Subscriber:
    """A webhook that keeps what it was sent and answers as told."""

    def __init__(self, *, knows_options: bool = True) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.changed = threading.Condition()
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            quiet: ClassVar[bool] = True

            def do_OPTIONS(self) -> None:
                allowed = {"WebHook-Allowed-Origin": self.headers["WebHook-Request-Origin"]}
                subscriber.keep("OPTIONS", dict(self.headers), b"")
                self._answer(200 if knows_options else 405, allowed if knows_options else {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = subscriber.keep("POST", dict(self.headers), body)
                self._answer(status, {}, subscriber.answer(body))

            def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                assert self.quiet

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook?functionName=land"

    def keep(self, method: str, headers: dict[str, str], body: bytes) -> int:
        with self.changed:
            self.received.append((method, {name.lower(): value for name, value in headers.items()}, body))
            self.changed.notify_all()
            is_event = headers.get("aeg-event-type") == "Notification"
            return self.answers.pop(0) if self.answers and is_event else 200

    def answer(self, body: bytes) -> bytes:
        document = json.loads(body)
        if isinstance(document, list):
            return json.dumps({"validationResponse": document[0]["data"]["validationCode"]}).encode()
        return b""

    def wait_for(self, count: int, timeout_s: float = PATIENCE_S) -> list[tuple[str, dict[str, str], bytes]]:
        """The notifications once there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.notifications()) >= count, timeout_s), self.received
            return self.notifications()

    def notifications(self) -> list[tuple[str, dict[str, str], bytes]]:
        return [kept for kept in self.received if kept[1].get("aeg-event-type") == "Notification"]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def code_of(error: AzureError) -> str:
    """The storage error code, which the clients add to their exceptions but not to their types."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code))
