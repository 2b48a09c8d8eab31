"""Events over the wire with the SDK: batches, properties, keys, groups, metrics, the asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.aio import EventHubConsumerClient as AsyncConsumer
from azure.eventhub.aio import EventHubProducerClient as AsyncProducer
from azure.eventhub.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType

from local.emulators.eventhubs.partitioning import partition_of
from tests.emulators.eventhubs.clients import Emulator, receive, receiving
from tests.patience import PATIENCE_S


def test_delivers_a_batch_in_order_with_contiguous_sequence_numbers(emulator: Emulator, hub: str) -> None:
    emulator.send(hub, "first", "second", partition_id="1")
    emulator.send(hub, "third", partition_id="1")
    received = receive(emulator.consumer(hub), 3, partition_id="1")
    assert received.bodies == ["first", "second", "third"]
    assert [event.sequence_number for event in received.events] == [0, 1, 2]
    offsets = [int(event.offset or "") for event in received.events]
    assert offsets == sorted(set(offsets))


def test_delivers_a_single_event_within_moments_of_its_enqueued_time(emulator: Emulator, hub: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    with emulator.producer(hub) as producer:
        producer.send_event(EventData("alone"), partition_id="0")
    event = receive(emulator.consumer(hub), 1, partition_id="0").events[0]
    assert event.enqueued_time is not None
    assert before <= event.enqueued_time <= datetime.now(UTC)


def test_keeps_properties_of_every_type_and_binary_bodies(emulator: Emulator, hub: str) -> None:
    event = EventData(b"\x00\xff\x80")
    event.properties = {
        "text": "SpO₂",
        "count": 5,
        "big": 2**30,
        "share": 0.5,
        "raw": b"\x00\xff",
        "flag": True,
    }
    event.content_type, event.message_id, event.correlation_id = "application/fhir+json", "m-1", "c-1"
    with emulator.producer(hub) as producer:
        batch = producer.create_batch(partition_key="k")
        batch.add(event)
        producer.send_batch(batch)
    with receiving(emulator.consumer(hub), partition_id=str(partition_of("k", 4))) as received:
        got = received.wait_for_events(1)[0]
    assert b"".join(cast(Iterable[bytes], got.body)) == b"\x00\xff\x80"
    assert got.properties == {
        b"text": "SpO₂".encode(), b"count": 5, b"big": 2**30, b"share": 0.5, b"raw": b"\x00\xff", b"flag": True,
    }  # fmt: skip
    assert (got.content_type, got.message_id, got.correlation_id) == ("application/fhir+json", "m-1", "c-1")
    assert got.partition_key == b"k"


def test_keeps_the_publishers_annotations_beside_its_own(emulator: Emulator, hub: str) -> None:
    message = AmqpAnnotatedMessage(data_body=b"x", annotations={"x-trace": "abc", "x-opt-offset": "forged"})
    with emulator.producer(hub) as producer:
        producer.send_batch([message], partition_id="0")
    annotations = receive(emulator.consumer(hub), 1, partition_id="0").events[0].raw_amqp_message.annotations
    assert annotations is not None
    assert annotations[b"x-trace"] == b"abc"
    assert annotations[b"x-opt-offset"] != b"forged"


def test_carries_value_bodies(emulator: Emulator, hub: str) -> None:
    with emulator.producer(hub) as producer:
        producer.send_batch([AmqpAnnotatedMessage(value_body={"rate": 80})], partition_id="0")
    event = receive(emulator.consumer(hub), 1, partition_id="0").events[0]
    assert event.body_type == AmqpMessageBodyType.VALUE
    assert event.body == {b"rate": 80}


def test_puts_events_with_one_key_into_the_services_partition(emulator: Emulator, hub: str) -> None:
    keys = [f"patient-{number}" for number in range(12)]
    with emulator.producer(hub) as producer:
        for key in keys:
            producer.send_batch([EventData(key)], partition_key=key)
    received = receive(emulator.consumer(hub), len(keys))
    placed = dict(zip(received.bodies, received.partitions, strict=True))
    assert placed == {key: str(partition_of(key, 4)) for key in keys}


def test_spreads_events_without_a_key_over_all_partitions(emulator: Emulator, hub: str) -> None:
    with emulator.producer(hub) as producer:
        for _ in range(4):
            producer.send_batch([EventData("x")])
        empty = [producer.get_partition_properties(str(number))["is_empty"] for number in range(4)]
    assert empty == [False] * 4


def test_gives_every_consumer_group_all_events(emulator: Emulator, hub: str) -> None:
    emulator.send(hub, "a", "b", partition_id="0")
    for group in ("$Default", "scoring", "LANDING"):
        assert receive(emulator.consumer(hub, group), 2, partition_id="0").bodies == ["a", "b"]


def test_reports_the_last_enqueued_event_with_each_delivery(emulator: Emulator, hub: str) -> None:
    emulator.send(hub, "a", "b", "c", partition_id="2")
    received = receive(emulator.consumer(hub), 3, partition_id="2", track_last_enqueued_event_properties=True)
    assert received.metrics[0]["sequence_number"] == 2
    assert received.metrics[0]["offset"] == received.events[2].offset
    assert received.metrics[0]["enqueued_time"] == received.events[2].enqueued_time


def test_describes_the_hub_and_its_partitions(emulator: Emulator, hub: str) -> None:
    emulator.send(hub, "a", "b", partition_id="3")
    with emulator.consumer(hub) as client:
        properties = client.get_eventhub_properties()
        used, unused = client.get_partition_properties("3"), client.get_partition_properties("0")
    assert properties["eventhub_name"] == hub
    assert properties["partition_ids"] == ["0", "1", "2", "3"]
    assert properties["created_at"] <= datetime.now(UTC)
    assert (used["beginning_sequence_number"], used["last_enqueued_sequence_number"]) == (0, 1)
    assert not used["is_empty"]
    assert (unused["last_enqueued_sequence_number"], unused["last_enqueued_offset"]) == (-1, "-1")
    assert unused["is_empty"]


def test_delivers_what_is_sent_while_a_receiver_waits(emulator: Emulator, hub: str) -> None:
    with receiving(emulator.consumer(hub), partition_id="0") as received, emulator.producer(hub) as producer:
        for number in range(3):
            producer.send_batch([EventData(str(number))], partition_id="0")
            received.wait_for_events(number + 1)
    assert received.bodies == ["0", "1", "2"]


def test_carries_batches_of_a_megabyte_in_many_frames(emulator: Emulator, hub: str) -> None:
    with emulator.producer(hub) as producer:
        batch = producer.create_batch(partition_id="0")
        assert batch.max_size_in_bytes == 1024 * 1024
        with suppress(ValueError):  # the SDK's word for a full batch
            while True:
                batch.add(EventData(f"{len(batch):05}" + "z" * 10_000))
        assert batch.size_in_bytes > 1024 * 1024 - 20_000
        producer.send_batch(batch)
    received = receive(emulator.consumer(hub, prefetch=30), len(batch), partition_id="0")
    assert [body[:5] for body in received.bodies] == [f"{number:05}" for number in range(len(batch))]


def test_serves_the_asynchronous_clients(emulator: Emulator, hub: str) -> None:
    async def round_trip() -> list[str]:
        name: Any = {"eventhub_name": hub}
        async with AsyncProducer.from_connection_string(emulator.connection_string, **name) as producer:
            await producer.send_batch([EventData("one"), EventData("two")], partition_id="0")
        bodies: list[str] = []
        done = asyncio.Event()

        async def take(_context: object, event: EventData | None) -> None:
            assert event is not None
            bodies.append(event.body_as_str())
            if len(bodies) == 2:
                done.set()

        consumer = AsyncConsumer.from_connection_string(
            emulator.connection_string, consumer_group="$Default", **name
        )
        async with consumer:
            receiving = asyncio.create_task(consumer.receive(take, starting_position="-1"))
            await asyncio.wait_for(done.wait(), PATIENCE_S)
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)
        return bodies

    assert asyncio.run(round_trip()) == ["one", "two"]


def test_serves_the_buffered_producer(emulator: Emulator, hub: str) -> None:
    sent: list[int] = []
    producer = EventHubProducerClient.from_connection_string(
        emulator.connection_string,
        eventhub_name=hub,
        buffered_mode=True,
        on_success=lambda events, _partition: sent.append(len(events)),
        on_error=lambda _events, _partition, error: pytest.fail(str(error)),
        max_wait_time=0.1,
    )
    with producer:
        for number in range(50):
            producer.send_event(EventData("x"), partition_key=str(number))
    assert sum(sent) == 50
