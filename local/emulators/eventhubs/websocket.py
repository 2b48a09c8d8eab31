"""AMQP over WebSockets: the handshake, and bytes in and out of frames.

https://www.rfc-editor.org/rfc/rfc6455
https://learn.microsoft.com/azure/event-hubs/event-hubs-amqp-protocol-guide
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable
from typing import Final

PATH: Final = "/$servicebus/websocket"
_PROTOCOL: Final = "AMQPWSB10"
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUED, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x2, 0x8, 0x9, 0xA
_FINAL, _MASKED, _LENGTH = 0x80, 0x80, 0x7F
_TWO_BYTES, _EIGHT_BYTES = 126, 127
_MASK_BYTES: Final = 4
_MOST_BYTES: Final = 16 * 1024 * 1024


def handshake(head: bytes) -> bytes | None:
    """Returns the answer that opens a WebSocket, None where the request of HTTP asks for something else."""
    first = head.decode("latin-1").partition("\r\n")[0]
    fields = dict(fields_of(head))
    path = first.split(" ")[1] if first.startswith("GET ") else ""
    if path.partition("?")[0].rstrip("/") != PATH or fields.get("upgrade", "").lower() != "websocket":
        return None
    key = fields.get("sec-websocket-key", "")
    accepted = base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accepted}\r\nSec-WebSocket-Protocol: {_PROTOCOL}\r\n\r\n"
    ).encode()


def fields_of(head: bytes) -> list[tuple[str, str]]:
    """Returns the header fields of a request, their names in lower case."""
    split = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    return [(name.strip().lower(), value.strip()) for name, _, value in split]


class WebSocket:
    """An open WebSocket; `write` takes what goes out on the wire."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.closed = False
        self._write = write
        self._input = bytearray()

    def send(self, data: bytes) -> None:
        """Sends bytes in one frame."""
        self._frame(_BINARY, data)

    def close(self) -> None:
        """Says that nothing follows."""
        if not self.closed:
            self.closed = True
            self._frame(_CLOSE, b"")

    def receive(self, data: bytes) -> bytes:
        """Returns what the frames hold that are complete; raises ValueError for what no client may send."""
        self._input += data
        held: list[bytes] = []
        while (found := self._next()) is not None:
            code, content = found
            if code in (_BINARY, _CONTINUED):
                held.append(content)
            elif code == _PING:
                self._frame(_PONG, content)
            elif code == _CLOSE:
                self.close()
            elif code != _PONG:
                raise ValueError("a frame is neither binary nor one of control")
        return b"".join(held)

    def _frame(self, code: int, content: bytes) -> None:
        size = len(content)
        if size < _TWO_BYTES:
            head = struct.pack(">BB", _FINAL | code, size)
        elif size <= 0xFFFF:
            head = struct.pack(">BBH", _FINAL | code, _TWO_BYTES, size)
        else:
            head = struct.pack(">BBQ", _FINAL | code, _EIGHT_BYTES, size)
        self._write(head + content)

    def _next(self) -> tuple[int, bytes] | None:
        """Takes the next frame out of the input; None as long as it is incomplete."""
        data = self._input
        if len(data) < 2:
            return None
        if not data[1] & _MASKED:
            raise ValueError("a client's frame is masked")
        size, at = data[1] & _LENGTH, 2
        if size >= _TWO_BYTES:
            form = struct.Struct(">H" if size == _TWO_BYTES else ">Q")
            if len(data) < at + form.size:
                return None
            (size,), at = form.unpack_from(data, at), at + form.size
        if size > _MOST_BYTES:
            raise ValueError("a frame is too large")
        end = at + _MASK_BYTES + size
        if len(data) < end:
            return None
        mask, content = bytes(data[at : at + _MASK_BYTES]), bytes(data[at + _MASK_BYTES : end])
        code = data[0] & 0x0F
        del data[:end]
        return code, _unmasked(content, mask)


def _unmasked(content: bytes, mask: bytes) -> bytes:
    size = len(content)
    repeated = (mask * (size // _MASK_BYTES + 1))[:size]
    return (int.from_bytes(content, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
