"""What is refused, and that the SDK learns of it at once instead of waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from azure.eventhub import EventData, EventHubProducerClient, TransportType
from azure.eventhub.exceptions import AuthenticationError, ConnectError, EventHubError

from tests.emulators.eventhubs.clients import Emulator, receiving

AT_ONCE_S = 50
"""Less than the minute for which the SDK waits for an answer."""


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    started_at = time.monotonic()
    yield
    assert time.monotonic() - started_at < AT_ONCE_S


def test_refuses_a_wrong_key(emulator: Emulator, hub: str) -> None:
    wrong = emulator.connection_string.replace("SAS_KEY_VALUE", "WRONG")
    producer = EventHubProducerClient.from_connection_string(wrong, eventhub_name=hub, retry_total=0)
    with producer, pytest.raises(AuthenticationError, match="invalid signature"):
        producer.send_event(EventData("x"))


def test_refuses_an_unknown_policy(emulator: Emulator, hub: str) -> None:
    wrong = emulator.connection_string.replace("RootManageSharedAccessKey", "Nobody")
    producer = EventHubProducerClient.from_connection_string(wrong, eventhub_name=hub, retry_total=0)
    with producer, pytest.raises(AuthenticationError, match="invalid signature"):
        producer.get_eventhub_properties()


def test_refuses_an_unknown_hub(emulator: Emulator) -> None:
    with emulator.producer("nowhere") as producer:
        with pytest.raises(ConnectError, match="could not be found"):
            producer.send_event(EventData("x"))
        with pytest.raises(ConnectError, match="could not be found"):
            producer.get_eventhub_properties()


def test_refuses_an_unknown_partition(emulator: Emulator, hub: str) -> None:
    with emulator.producer(hub) as producer, pytest.raises(ConnectError, match="Invalid partition 9"):
        producer.send_event(EventData("x"), partition_id="9")


def test_refuses_an_unknown_partition_of_a_receiver(emulator: Emulator, hub: str) -> None:
    with receiving(emulator.consumer(hub), partition_id="9") as received:
        assert "Wrong partition id:9" in str(received.wait_for_error())


def test_refuses_an_unknown_consumer_group(emulator: Emulator, hub: str) -> None:
    with receiving(emulator.consumer(hub, "nobody"), partition_id="0") as received:
        assert "consumer group 'nobody' could not be found" in str(received.wait_for_error())


def test_refuses_an_event_above_one_megabyte(emulator: Emulator, hub: str) -> None:
    with emulator.producer(hub) as producer:
        with pytest.raises(EventHubError, match="limit is 1048576 bytes"):
            producer.send_event(EventData("z" * 1_100_000), partition_id="0")
        producer.send_event(EventData("small"), partition_id="0")
        assert producer.get_partition_properties("0")["last_enqueued_sequence_number"] == 0


def test_answers_server_busy_above_the_throughput_units(launch: Callable[..., Emulator]) -> None:
    emulator = launch("busy:1", options=("--throughput-units", "1"))
    bodies = ["z" * 1000] * 900
    with emulator.producer("busy") as producer, ExitStack() as until_busy:
        until_busy.enter_context(pytest.raises(EventHubError, match="throttled"))
        for _ in range(10):
            producer.send_batch([EventData(body) for body in bodies])


def test_names_the_transport_it_does_not_speak(emulator: Emulator, hub: str) -> None:
    """AMQP over WebSocket and TLS are refused by closing the connection, not by silence."""
    producer = EventHubProducerClient.from_connection_string(
        emulator.connection_string.replace("UseDevelopmentEmulator=true;", ""),
        eventhub_name=hub,
        retry_total=0,
        custom_endpoint_address=f"sb://127.0.0.1:{emulator.port}",
        transport_type=TransportType.Amqp,
    )
    with producer, pytest.raises(ConnectError):
        producer.send_event(EventData("x"))
