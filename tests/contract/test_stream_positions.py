"""Every hub tells its generation, and of each partition the last sequence number: in memory, Event Hubs, Kinesis."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient

from shared.adapters.aws.streams import KinesisStreams
from shared.adapters.azure.streams import EventHubsStreams
from shared.adapters.memory.streams import MemoryStreams
from shared.ports.streams import Streams
from tests.contract.conftest import OTHER_HUBS
from tests.emulators.eventhubs.clients import Emulator

HUB = "vital-signs"
_NAMESPACE = Path(__file__).with_name("microsoft.eventhubs.json")
"""What Microsoft's emulator is started with, and ours."""
Send = Callable[[str, Sequence[bytes]], None]
"""Sends events with one partition key."""


@pytest.fixture
def memory() -> tuple[Streams, Send]:
    last = {"0": -1, "1": -1}

    def send(_: str, bodies: Sequence[bytes]) -> None:
        last["0"] += len(bodies)

    return MemoryStreams(last={HUB: last}), send


@pytest.fixture
def event_hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Streams, Send]]:
    emulator = Emulator(tmp_path_factory.mktemp("hubs"), options=("--config", str(_NAMESPACE)))
    place = OTHER_HUBS or emulator.start().connection_string

    def connect(hub: str) -> EventHubConsumerClient:
        return EventHubConsumerClient.from_connection_string(place, consumer_group="galen", eventhub_name=hub)

    def send(key: str, bodies: Sequence[bytes]) -> None:
        with EventHubProducerClient.from_connection_string(place, eventhub_name=HUB) as producer:
            producer.send_batch([EventData(body) for body in bodies], partition_key=key)

    yield EventHubsStreams(connect), send
    emulator.stop()


@pytest.fixture
def kinesis_stream(kinesis: Any) -> tuple[Streams, Send]:
    name = f"{HUB}-{uuid.uuid4().hex}"
    kinesis.create_stream(StreamName=name, ShardCount=2)

    def send(key: str, bodies: Sequence[bytes]) -> None:
        kinesis.put_records(StreamName=name, Records=[{"PartitionKey": key, "Data": body} for body in bodies])

    return KinesisStreams(kinesis, {HUB: name}), send


@pytest.fixture(params=["memory", "event_hubs", "kinesis_stream"])
def hub(request: pytest.FixtureRequest) -> tuple[Streams, Send]:
    made: tuple[Streams, Send] = request.getfixturevalue(request.param)
    return made


def test_what_was_sent_moves_one_partition_on_and_the_generation_stays(hub: tuple[Streams, Send]) -> None:
    streams, send = hub
    before = streams.positions(HUB)
    assert before.generation == streams.generation(HUB) != ""
    assert len(before.last) == 2
    for key in ("a patient", "a patient"):
        send(key, [b"one", b"two"])
    after = streams.positions(HUB)
    assert after.generation == before.generation
    (moved,) = (each for each in after.last if after.last[each] != before.last[each])
    assert after.last[moved] >= max(before.last[moved], -1) + 4


def test_an_unchanged_hub_tells_the_same_again(hub: tuple[Streams, Send]) -> None:
    streams, send = hub
    send("a patient", [b"one"])
    assert streams.positions(HUB) == streams.positions(HUB)
