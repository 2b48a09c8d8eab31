"""What the app asks the hubs, over the wire: generations and last sequences, by one client a hub that is asked again."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from azure.eventhub import EventHubConsumerClient

from shared.adapters.azure.streams import EventHubsStreams
from shared.errors import Unavailable
from tests.emulators.eventhubs.clients import Emulator

HUB = "vital-signs"


@pytest.fixture
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("hubs"), f"{HUB}:2:galen").start()
    yield running
    running.stop()


def test_one_client_a_hub_answers_again_and_again_and_after_the_hubs_were_away(emulator: Emulator) -> None:
    made: list[str] = []

    def connect(hub: str) -> EventHubConsumerClient:
        made.append(hub)
        return EventHubConsumerClient.from_connection_string(
            emulator.connection_string, consumer_group="galen", eventhub_name=hub, retry_total=0
        )

    streams = EventHubsStreams(connect)
    before = streams.positions(HUB)
    assert before.generation == streams.generation(HUB)
    assert before.last == {"0": -1, "1": -1}
    emulator.end(signal.SIGKILL)
    with pytest.raises(Unavailable):
        streams.positions(HUB)
    emulator.start()
    assert streams.positions(HUB) == before
    assert made == [HUB]
