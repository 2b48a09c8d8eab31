"""AMQP over WebSockets at the same port: the handshake, frames in pieces, control frames, and what ends it."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator

import pytest

from local.emulators.eventhubs.frames import SASL_HEADER
from local.emulators.eventhubs.websocket import WebSocket, handshake
from tests.emulators.eventhubs.clients import PATIENCE_S, Emulator

_REQUEST = (
    b"GET /$servicebus/websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: AMQPWSB10\r\n\r\n"
)
_BINARY, _TEXT, _CLOSE, _PING, _PONG = 0x82, 0x81, 0x88, 0x89, 0x8A
_MASK = b"\x01\x02\x03\x04"


def _masked(first: int, content: bytes) -> bytes:
    size = len(content)
    length = struct.pack(">B", 0x80 | size) if size < 126 else struct.pack(">BH", 0x80 | 126, size)
    masked = bytes(byte ^ _MASK[at % 4] for at, byte in enumerate(content))
    return bytes([first]) + length + _MASK + masked


@pytest.fixture
def connection(emulator: Emulator) -> Iterator[socket.socket]:
    """A socket on which the handshake is done."""
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=PATIENCE_S) as opened:
        opened.sendall(_REQUEST)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += opened.recv(1)
        assert answer.startswith(b"HTTP/1.1 101 ")
        # The example of RFC 6455, section 1.3.
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
        assert b"Sec-WebSocket-Protocol: AMQPWSB10\r\n" in answer
        yield opened


def _frame(connection: socket.socket) -> tuple[int, bytes]:
    def exactly(size: int) -> bytes:
        got = b""
        while len(got) < size:
            got += connection.recv(size - len(got))
        return got

    first, size = exactly(2)
    if size == 126:
        (size,) = struct.unpack(">H", exactly(2))
    return first, exactly(size)


def test_speaks_amqp_in_frames_however_they_are_cut(connection: socket.socket) -> None:
    for piece in (SASL_HEADER[:3], SASL_HEADER[3:]):
        frame = _masked(_BINARY, piece)
        connection.sendall(frame[:4])
        connection.sendall(frame[4:])
    first, content = _frame(connection)
    assert first == _BINARY
    assert content.startswith(SASL_HEADER)


def test_answers_a_ping_and_a_close(connection: socket.socket) -> None:
    connection.sendall(_masked(_PING, b"there?"))
    assert _frame(connection) == (_PONG, b"there?")
    connection.sendall(_masked(_CLOSE, b""))
    assert _frame(connection) == (_CLOSE, b"")
    assert connection.recv(1) == b""


@pytest.mark.parametrize("wrong", [b"\x82\x03abc", _masked(_TEXT, b"text")], ids=["unmasked", "text"])
def test_ends_where_a_frame_is_none_that_a_client_may_send(connection: socket.socket, wrong: bytes) -> None:
    connection.sendall(wrong)
    with contextlib.suppress(ConnectionResetError):
        assert connection.recv(1) == b""


def test_another_request_of_http_is_told_what_is_absent(emulator: Emulator) -> None:
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=PATIENCE_S) as opened:
        opened.sendall(b"GET /$servicebus/other HTTP/1.1\r\n\r\n")
        answer = b"".join(iter(lambda: opened.recv(1000), b""))
    assert answer.startswith(b"HTTP/1.1 501 Not Implemented\r\n")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 70_000])
def test_reads_back_what_it_writes(size: int) -> None:
    sent: list[bytes] = []
    content = bytes(at % 251 for at in range(size))
    WebSocket(sent.append).send(content)
    head = len(sent[0]) - size
    # A client's frame is the server's with a mask: here of zeros.
    masked = sent[0][:1] + bytes([sent[0][1] | 0x80]) + sent[0][2:head] + bytes(4) + content
    read = WebSocket(sent.append)
    assert b"".join(read.receive(masked[at : at + 1000]) for at in range(0, len(masked), 1000)) == content


def test_only_the_services_own_path_opens_one() -> None:
    assert handshake(_REQUEST.removesuffix(b"\r\n\r\n")) is not None
    assert handshake(_REQUEST.replace(b"$servicebus", b"other")) is None
    assert handshake(_REQUEST.replace(b"Upgrade: websocket\r\n", b"")) is None
