"""AMQP values: what is written is read back, and damaged bytes give an error instead of a crash."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

import pytest
from azure.eventhub._pyamqp._decode import decode_payload
from hypothesis import given, settings
from hypothesis import strategies as st

from local.emulators.eventhubs.codec import (
    DecodeError,
    Described,
    Long,
    Symbol,
    Timestamp,
    ULong,
    array,
    decode,
    encode,
    raw_items,
    skip,
)
from local.emulators.eventhubs.frames import performative, transfer_frame
from local.emulators.eventhubs.message import Stamp, events_of, stamped

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=300)
    | st.binary(max_size=300)
    | st.uuids()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
)
FEW = settings(max_examples=150, deadline=None, derandomize=True)


@FEW
@given(VALUES)
def test_reads_back_what_it_writes(value: Any) -> None:
    data = encode(value)
    assert decode(data) == (value, len(data))
    assert skip(data, 0) == len(data)


@FEW
@given(st.binary(max_size=60))
def test_damaged_bytes_are_a_decode_error_and_nothing_else(data: bytes) -> None:
    for read in (
        lambda: decode(data),
        lambda: skip(data, 0),
        lambda: raw_items(data, 0),
        lambda: events_of(data, 0),
    ):
        with suppress(DecodeError):
            read()


def test_a_value_nested_without_end_is_a_decode_error() -> None:
    with pytest.raises(DecodeError):
        decode(b"\x00" * 100_000)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (ULong(16), "5310"),
        (Long(-1), "81ffffffffffffffff"),
        (Timestamp(1), "830000000000000001"),
        (Symbol("a"), "a30161"),
        (uuid.UUID(int=1), "9800000000000000000000000000000001"),
        (Described(0x24, []), "005324c00100"),
        (array(0xB1, ["a", "b"]), "f00000000f00000002b100000001610000000162"),
    ],
)
def test_writes_the_specified_bytes(value: Any, data: str) -> None:
    assert encode(value).hex() == data


def test_reads_every_form_of_array() -> None:
    assert decode(bytes.fromhex("e00602a3016101 62".replace(" ", "")))[0] == ["a", "b"]
    assert decode(bytes.fromhex("e00202 41".replace(" ", "")))[0] == [True, True]
    assert decode(bytes.fromhex("e0010053".replace(" ", "")))[0] == []


def test_performatives_have_all_their_fields() -> None:
    assert decode(performative(0x16, []))[0].value == [None] * 3


def test_the_packed_transfer_is_the_performative_it_stands_for() -> None:
    packed = transfer_frame(3, 7, 300, b"payload", more=False)
    described, end = decode(packed, 8)
    assert int.from_bytes(packed[:4], "big") == len(packed)
    assert described == Described(0x14, [7, 300, (300).to_bytes(4, "big"), 0, True, False] + [None] * 5)
    assert packed[8 + end - 8 :] == b"payload"


def test_annotations_are_inserted_without_touching_other_sections() -> None:
    properties = encode(Described(0x73, ["id"]))
    annotations = encode(Described(0x72, {Symbol("x-own"): ULong(9), Symbol("x-opt-offset"): "forged"}))
    body = encode(Described(0x75, b"body"))
    event = encode(Described(0x70, [True])) + annotations + properties + body
    message = stamped(event, Stamp(5, 70, 9, b"key"))
    assert message.endswith(properties + body)
    read = decode_payload(memoryview(message))
    assert read.header is not None
    assert read.header.durable is True
    assert read.message_annotations == {
        b"x-opt-sequence-number": 5, b"x-opt-offset": b"70", b"x-opt-enqueued-time": 9,
        b"x-opt-partition-key": b"key", b"x-own": 9,
    }  # fmt: skip
