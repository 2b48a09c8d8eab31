"""AMQP 1.0 frames, performatives and errors, as this broker writes them.

http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html
"""

from __future__ import annotations

import struct
from typing import Any, Final

from .codec import DecodeError, Described, Encoded, Symbol, decode, encode, raw_items, skip

OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)
SASL_MECHANISMS, SASL_INIT, SASL_CHALLENGE, SASL_RESPONSE, SASL_OUTCOME = range(0x40, 0x45)

AMQP_HEADER: Final = b"AMQP\x00\x01\x00\x00"
SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
HEADER_SIZE: Final = 8
MAX_FRAME_SIZE: Final = 65536
MIN_FRAME_SIZE: Final = 512
EMPTY_FRAME: Final = b"\x00\x00\x00\x08\x02\x00\x00\x00"

_FRAME = struct.Struct(">IBBH")
# The Python SDK reads fields by their position and fails on a list that leaves the trailing nulls out.
_FIELD_COUNT = {
    OPEN: 10, BEGIN: 8, ATTACH: 14, FLOW: 11, TRANSFER: 11, DISPOSITION: 6, DETACH: 3, END: 1, CLOSE: 1
}  # fmt: skip
_MAX_FIELDS = 16

_ACCEPTED, _REJECTED, _ERROR = 0x24, 0x25, 0x1D
ACCEPTED: Final = Described(_ACCEPTED, [])


class AmqpError(Exception):
    """A condition that ends a link, session or connection, or rejects a delivery."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.condition = condition
        self.description = description

    def described(self) -> Described:
        """The error list; all three fields are there because clients wait for ever on a shorter one."""
        return Described(_ERROR, [Symbol(self.condition), self.description, None])


def rejected(error: AmqpError) -> Described:
    """The delivery state that tells a publisher why its message was not taken."""
    return Described(_REJECTED, [error.described()])


def frame(channel: int, body: bytes, *, sasl: bool = False) -> bytes:
    """One frame with its header; an empty body makes the heartbeat."""
    return _FRAME.pack(len(body) + HEADER_SIZE, 2, 1 if sasl else 0, channel) + body


def performative(code: int, fields: list[Any]) -> bytes:
    """An encoded performative with every field of its type present."""
    missing = _FIELD_COUNT.get(code, 0) - len(fields)
    return b"\x00\x53" + bytes((code,)) + encode(fields + [None] * max(missing, 0))


def parse_performative(body: bytes) -> tuple[int, list[Any], int]:
    """Code, fields (padded with None) and the position of the payload behind them; raises DecodeError."""
    described, position = decode(body)
    if not isinstance(described, Described) or not isinstance(described.value, list):
        raise DecodeError("a frame body must start with a performative")
    if type(described.descriptor) is not int:
        raise DecodeError("performatives are known by their numeric descriptors only")
    fields = described.value
    fields.extend([None] * (_MAX_FIELDS - len(fields)))
    return described.descriptor, fields, position


def raw_fields(body: bytes) -> list[Encoded]:
    """The fields of a performative as they came, so that an attach is answered with its own source."""
    raw = [Encoded(item) for item in raw_items(body, skip(body, 1))]
    return raw + [Encoded(b"\x40")] * (_MAX_FIELDS - len(raw))


def frame_header(data: bytes | bytearray, position: int) -> tuple[int, int, int, int]:
    """Size, data offset in bytes, type and channel of the frame at `position`."""
    size, offset, kind, channel = _FRAME.unpack_from(data, position)
    return size, offset * 4, kind, channel


# Every event goes out in at least one transfer: its performative has a fixed shape and is packed at once.
_TRANSFER_FRAME = struct.Struct(">IBBH 3s BBB BI BI BBI B B B 5s")
_CONTINUED_FRAME = struct.Struct(">IBBH 3s BBB BI B B B B B 5s")
TRANSFER_OVERHEAD: Final = _TRANSFER_FRAME.size
_DESCRIPTOR, _NULLS = b"\x00\x53\x14", b"\x40" * 5
_LIST_SIZE = _TRANSFER_FRAME.size - HEADER_SIZE - 5
_CONTINUED_LIST_SIZE = _CONTINUED_FRAME.size - HEADER_SIZE - 5


def transfer_frame(channel: int, handle: int, delivery_id: int, payload: bytes, *, more: bool) -> bytes:
    """The first frame of a settled delivery of message format 0."""
    return _TRANSFER_FRAME.pack(
        TRANSFER_OVERHEAD + len(payload), 2, 0, channel, _DESCRIPTOR, 0xC0, _LIST_SIZE, 11,
        0x70, handle, 0x70, delivery_id, 0xA0, 4, delivery_id, 0x43, 0x41, 0x41 if more else 0x42, _NULLS,
    ) + payload  # fmt: skip


def continued_frame(channel: int, handle: int, payload: bytes, *, more: bool) -> bytes:
    """A further frame of a delivery that was begun by `transfer_frame`."""
    return _CONTINUED_FRAME.pack(
        _CONTINUED_FRAME.size + len(payload), 2, 0, channel, _DESCRIPTOR, 0xC0, _CONTINUED_LIST_SIZE, 11,
        0x70, handle, 0x40, 0x40, 0x40, 0x41, 0x41 if more else 0x42, _NULLS,
    ) + payload  # fmt: skip
