"""Where a receiver starts: by offset, sequence number or time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from azure.eventhub import EventData

from tests.emulators.eventhubs.clients import Emulator, receive, receiving


@pytest.fixture
def three(emulator: Emulator, hub: str) -> list[EventData]:
    """Three events in partition 0, sent one after the other."""
    with emulator.producer(hub) as producer:
        for body in ("a", "b", "c"):
            producer.send_batch([EventData(body)], partition_id="0")
    return receive(emulator.consumer(hub), 3, partition_id="0").events


def from_position(emulator: Emulator, hub: str, position: Any, *, inclusive: bool = False) -> str:
    """The body of the first event that comes."""
    received = receive(
        emulator.consumer(hub),
        1,
        partition_id="0",
        starting_position=position,
        starting_position_inclusive=inclusive,
    )
    return received.bodies[0]


def test_starts_after_or_at_a_sequence_number(emulator: Emulator, hub: str, three: list[EventData]) -> None:
    assert from_position(emulator, hub, 1) == "c"
    assert from_position(emulator, hub, 1, inclusive=True) == "b"


def test_starts_after_or_at_an_offset(emulator: Emulator, hub: str, three: list[EventData]) -> None:
    assert from_position(emulator, hub, three[1].offset) == "c"
    assert from_position(emulator, hub, three[1].offset, inclusive=True) == "b"


def test_starts_at_an_enqueued_time(emulator: Emulator, hub: str, three: list[EventData]) -> None:
    assert three[0].enqueued_time is not None
    assert from_position(emulator, hub, three[0].enqueued_time, inclusive=True) == "a"
    assert from_position(emulator, hub, three[0].enqueued_time - timedelta(hours=1)) == "a"


def test_latest_gives_only_what_comes_afterwards(
    emulator: Emulator, hub: str, three: list[EventData]
) -> None:
    client = emulator.consumer(hub)
    with receiving(client, partition_id="0", starting_position="@latest") as received:
        # Nothing says when the link stands, and what is sent before is none of its business.
        emulator.send(hub, "new", partition_id="0")
        while not received.anything_within(0.2):
            emulator.send(hub, "new", partition_id="0")
    assert set(received.bodies) == {"new"}


def test_a_position_behind_the_end_is_refused_with_the_last_one_there_is(
    emulator: Emulator, hub: str, three: list[EventData]
) -> None:
    client = emulator.consumer(hub)
    with receiving(client, partition_id="0", starting_position="999999") as received:
        assert "The supplied offset '999999' is invalid" in str(received.wait_for_error())
    client = emulator.consumer(hub)
    with receiving(client, partition_id="0", starting_position=77) as received:
        assert "The last sequence number in the system is '2'" in str(received.wait_for_error())
