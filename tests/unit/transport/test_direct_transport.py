"""The SDKs' transport against a server that answers what it is told, byte for byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import HttpRequest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.adapters.azure.transport import DirectTransport
from tests.patience import PATIENCE_S

CLOSE = b""
"""Instead of an answer: the connection is closed."""
WAIT = b"wait"
"""Instead of an answer: nothing."""


class Server:
    """Gives its answers in turn, whatever the connection; keeps what it was sent."""

    def __init__(self, answers: list[bytes], pem: Path | None = None) -> None:
        self._answers = iter(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if pem else None
        if self._context and pem:
            self._context.load_cert_chain(pem)
        origin = f"https://localhost:{self.port}" if pem else f"http://127.0.0.1:{self.port}"
        self.url = f"{origin}/dbs/a b?x=1"
        self.closed_one = threading.Event()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._greet, args=(connection,), daemon=True).start()

    def _greet(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            self._serve(
                self._context.wrap_socket(connection, server_side=True) if self._context else connection
            )

    def _serve(self, connection: socket.socket) -> None:
        received = b""
        with contextlib.suppress(OSError), connection:
            while piece := connection.recv(65536):
                received += piece
                while (request := _whole(received)) is not None:
                    received = received[len(request) :]
                    self.requests.append(request)
                    answer = next(self._answers)
                    if answer == WAIT:
                        continue
                    connection.sendall(answer)
                    if answer == CLOSE or b"Connection: close" in answer:
                        connection.close()
                        self.closed_one.set()
                        return

    def close(self) -> None:
        self._socket.close()
        for connection in self._open:
            connection.close()


def certificate(folder: Path) -> Path:
    """A key and a certificate for this machine, signed by itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = folder / "server.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def _whole(received: bytes) -> bytes | None:
    head, end, rest = received.partition(b"\r\n\r\n")
    if not end:
        return None
    lengths = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    size = sum(lengths)
    return head + end + rest[:size] if len(rest) >= size else None


@contextlib.contextmanager
def serving(*answers: bytes, pem: Path | None = None) -> Iterator[tuple[Server, DirectTransport]]:
    server = Server(list(answers), pem)
    with DirectTransport() as transport:
        try:
            yield server, transport
        finally:
            server.close()


def ok(body: bytes = b"{}", *headers: str) -> bytes:
    head = "".join(f"{each}\r\n" for each in (*headers, f"Content-Length: {len(body)}"))
    return b"HTTP/1.1 200 OK\r\n" + head.encode() + b"\r\n" + body


def send(
    transport: DirectTransport, server: Server, method: str = "POST", body: Any = b"{}", **options: Any
) -> Any:
    request = HttpRequest(method, server.url, headers={"x-ms-date": "today"}, data=body)
    return transport.send(request, connection_timeout=PATIENCE_S, read_timeout=PATIENCE_S, **options)


def test_sends_the_request_as_the_sdk_made_it_and_gives_back_the_answer() -> None:
    with serving(ok(b'{"a":1}', "ETag: one", "Content-Type: application/json")) as (server, transport):
        response = send(transport, server, body='{"é":1}')

        assert (response.status_code, response.body(), response.headers["etag"]) == (200, b'{"a":1}', "one")
        assert response.content_type == "application/json"
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /dbs/a%20b?x=1 HTTP/1.1\r\nHost: 127.0.0.1:")
        assert b"\r\nx-ms-date: today\r\n" in head
        assert body == '{"é":1}'.encode()


def test_uses_a_connection_again() -> None:
    with serving(ok(), ok(), ok()) as (server, transport):
        for _ in range(3):
            assert send(transport, server).status_code == 200
        assert server.connections == 1


def test_opens_another_connection_where_the_service_closed_the_idle_one() -> None:
    with serving(ok(b"{}", "Connection: close"), ok()) as (server, transport):
        send(transport, server)
        assert server.closed_one.wait(PATIENCE_S)
        assert send(transport, server).status_code == 200
        assert server.connections == 2


def test_reads_chunks_and_passes_over_informational_answers() -> None:
    informational = b"HTTP/1.1 100 Continue\r\n\r\n"
    chunks = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with serving(informational + chunks) as (server, transport):
        response = send(transport, server)
        assert (response.status_code, response.reason, response.body()) == (201, "Created", b"abcde")


def test_the_answer_to_head_has_a_length_and_no_body() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with serving(head, head) as (server, transport):
        assert send(transport, server, "HEAD", None).body() == b""
        assert send(transport, server, "HEAD", None).headers["content-length"] == "1000"
        assert server.connections == 1


def test_an_answer_without_length_ends_with_its_connection() -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"
    with serving(answer) as (server, transport):
        assert send(transport, server).body() == b"all of it"


@pytest.mark.parametrize(
    "answer",
    [CLOSE, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhalf", b"nonsense\r\n\r\n"],
)
def test_an_answer_that_does_not_come_whole_may_mean_that_it_was_done_and_is_not_sent_again(
    answer: bytes,
) -> None:
    with serving(answer, ok()) as (server, transport):
        with pytest.raises(ServiceResponseError):
            send(transport, server)
        assert len(server.requests) == 1


def test_an_answer_that_takes_too_long_is_given_up_with_its_connection() -> None:
    with serving(WAIT, ok()) as (server, transport):
        with pytest.raises(ServiceResponseError):
            transport.send(HttpRequest("GET", server.url), connection_timeout=PATIENCE_S, read_timeout=0.05)
        assert send(transport, server).status_code == 200
        assert server.connections == 2


def test_a_host_that_does_not_listen_has_seen_nothing_of_the_request() -> None:
    with serving() as (server, transport):
        with socket.create_server(("127.0.0.1", 0)) as gone:
            server.url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
        with pytest.raises(ServiceRequestError):
            send(transport, server)


def test_a_header_with_a_line_break_is_refused() -> None:
    with serving(ok()) as (server, transport):
        request = HttpRequest("GET", server.url, headers={"x-ms-meta-a": "b\r\nx-ms-meta-c: d"})
        with pytest.raises(ValueError, match="line break"):
            transport.send(request, connection_timeout=PATIENCE_S, read_timeout=PATIENCE_S)
        assert server.requests == []


def test_encrypts_and_uses_an_encrypted_connection_again(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    with serving(ok(b"1"), ok(b"2"), pem=pem) as (server, transport):
        bodies = [send(transport, server, connection_verify=str(pem)).body() for _ in range(2)]
        assert (bodies, server.connections) == ([b"1", b"2"], 1)


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with serving(ok(), pem=certificate(tmp_path)) as (server, transport):
        with pytest.raises(ServiceRequestError):
            send(transport, server)
        assert server.requests == []
