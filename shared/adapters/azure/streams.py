"""What the app asks Event Hubs itself: creation times and last sequence numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from azure.eventhub import EventHubConsumerClient
from azure.eventhub.exceptions import EventHubError

from shared.errors import Unavailable


class EventHubsStreams:
    """The hubs of one namespace. `connect` makes a client for a hub."""

    def __init__(self, connect: Callable[[str], EventHubConsumerClient]) -> None:
        self._connect = connect

    def generation(self, hub: str) -> str:
        properties = self._ask(hub, lambda client: client.get_eventhub_properties())
        return str(properties["created_at"].astimezone(UTC).strftime("%Y%m%dT%H%M%S%f"))

    def last_sequences(self, hub: str) -> dict[str, int]:
        def ask(client: EventHubConsumerClient) -> dict[str, int]:
            partitions = client.get_partition_ids()
            found = {each: client.get_partition_properties(each) for each in partitions}
            return {each: int(about["last_enqueued_sequence_number"]) for each, about in found.items()}

        return dict(self._ask(hub, ask))

    def _ask(self, hub: str, question: Callable[[EventHubConsumerClient], Any]) -> Any:
        try:
            with self._connect(hub) as client:
                return question(client)
        except (EventHubError, OSError) as failure:
            raise Unavailable from failure
