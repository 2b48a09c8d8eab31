"""The sections of an AMQP message, read and changed in place so that a publisher's bytes stay as they were.

http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-messaging-v1.0-os.html#type-message-format
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from .codec import DecodeError, Described, Long, Symbol, Timestamp, decode, encode, raw_items, skip

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS = 0x70, 0x71, 0x72
PROPERTIES, APPLICATION_PROPERTIES = 0x73, 0x74
DATA, SEQUENCE, VALUE, FOOTER = 0x75, 0x76, 0x77, 0x78
BATCH_FORMAT: Final = 0x80013700
PARTITION_KEY: Final = "x-opt-partition-key"

_BODY = {DATA, SEQUENCE, VALUE}
_SMALL_ULONG, _LARGE_ULONG = 0x53, 0x80
_U32 = struct.Struct(">I")
_I64 = struct.Struct(">q")


class Section(NamedTuple):
    """A section by its descriptor: where it starts, where its value starts and where it ends."""

    code: int
    start: int
    value: int
    end: int


def sections(message: bytes) -> Iterator[Section]:
    """The sections in their order; raises DecodeError for anything that is not a message."""
    position, size = 0, len(message)
    while position < size:
        start = position
        if message[position] != 0x00:
            raise DecodeError("a message consists of described sections")
        if message[position + 1 : position + 2] == b"\x53":
            code, value = message[position + 2] if position + 2 < size else -1, position + 3
        else:
            code, value = decode(message, position + 1)
        if not HEADER <= code <= FOOTER:
            raise DecodeError("a message has a section of unknown kind")
        position = skip(message, value)
        yield Section(code, start, value, position)


class Event(NamedTuple):
    """An event to be stored: its partition key, if any, and its encoded message."""

    key: str | None
    body: bytes


def events_of(message: bytes, message_format: int) -> list[Event]:
    """The events of a transfer: one, or those of a batch, whose data sections are encoded messages each.

    Raises DecodeError for what a consumer could not read.
    """
    if message_format != BATCH_FORMAT:
        return [Event(_checked_key(message), message)]
    batch_key = None
    events = []
    for section in sections(message):
        if section.code == MESSAGE_ANNOTATIONS:
            batch_key = _partition_key(decode(message, section.value)[0])
        elif section.code == DATA:
            body = decode(message, section.value)[0]
            if not isinstance(body, bytes):
                raise DecodeError("a batch consists of binary data sections")
            events.append(Event(_checked_key(body) or batch_key, body))
    if not events:
        raise DecodeError("a batch has at least one event")
    return events


def _checked_key(message: bytes) -> str | None:
    key, has_body = None, False
    for section in sections(message):
        if section.code == MESSAGE_ANNOTATIONS:
            key = _partition_key(decode(message, section.value)[0])
        has_body = has_body or section.code in _BODY
    if not has_body:
        raise DecodeError("a message has a body")
    return key


def _partition_key(annotations: Any) -> str | None:
    if not isinstance(annotations, dict):
        raise DecodeError("message annotations are a map")
    key = annotations.get(PARTITION_KEY)
    if isinstance(key, bytes):
        return key.decode("utf-8", "replace")
    return None if key is None else str(key)


class Stamp(NamedTuple):
    """What the broker says about an event."""

    sequence: int
    offset: int
    enqueued_at_ms: int
    key: bytes | None


def _key_of(name: str) -> bytes:
    return encode(Symbol(name))


_SEQUENCE_NUMBER = _key_of("x-opt-sequence-number") + b"\x81"
_OFFSET = _key_of("x-opt-offset") + b"\xa1"
_ENQUEUED_TIME = _key_of("x-opt-enqueued-time") + b"\x83"
_KEY = _key_of(PARTITION_KEY)
_OWN = {"x-opt-sequence-number", "x-opt-offset", "x-opt-enqueued-time", PARTITION_KEY}
_ANNOTATIONS_START = b"\x00\x53\x72\xd1"
_FIRST_ANNOTATED = MESSAGE_ANNOTATIONS


def stamped(message: bytes, stamp: Stamp, delivery_annotations: bytes = b"") -> bytes:
    """The message with the broker's annotations beside the publisher's; other sections keep their bytes."""
    offset = str(stamp.offset).encode()
    own = b"".join((
        _SEQUENCE_NUMBER, _I64.pack(stamp.sequence), _OFFSET, bytes((len(offset),)), offset,
        _ENQUEUED_TIME, _I64.pack(stamp.enqueued_at_ms),
    ))  # fmt: skip
    count = 6
    if stamp.key is not None:
        own += _KEY + b"\xb1" + _U32.pack(len(stamp.key)) + stamp.key
        count += 2
    header, rest = b"", 0
    if message[2] <= _FIRST_ANNOTATED or message[1] != _SMALL_ULONG:
        for section in sections(message):
            if section.code > _FIRST_ANNOTATED:
                break
            rest = section.end
            if section.code == HEADER:
                header = message[section.start : section.end]
            elif section.code == MESSAGE_ANNOTATIONS:
                kept = _publishers_annotations(message, section)
                own += b"".join(kept)
                count += len(kept)
    size = _U32.pack(len(own) + 4) + _U32.pack(count)
    return b"".join((header, delivery_annotations, _ANNOTATIONS_START, size, own, message[rest:]))


def _publishers_annotations(message: bytes, section: Section) -> list[bytes]:
    """Keys and values in turn, as they were encoded, without those that only the broker sets."""
    kept: list[bytes] = []
    items = raw_items(message, section.value)
    for key, value in zip(items[::2], items[1::2], strict=True):
        if decode(key)[0] not in _OWN:
            kept += (key, value)
    return kept


def runtime_metric(sequence: int, offset: int, at_ms: int, now_ms: int) -> bytes:
    """Delivery annotations that tell a receiver how far its partition has come."""
    return encode(
        Described(
            DELIVERY_ANNOTATIONS,
            {
                Symbol("last_enqueued_sequence_number"): Long(sequence),
                Symbol("last_enqueued_offset"): str(offset),
                Symbol("last_enqueued_time_utc"): Timestamp(at_ms),
                Symbol("runtime_info_retrieval_time_utc"): Timestamp(now_ms),
            },
        )
    )
