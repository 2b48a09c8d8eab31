"""What the app asks Event Hubs itself: creation times and last sequence numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC
from typing import Any

from azure.eventhub import EventHubConsumerClient
from azure.eventhub.exceptions import EventHubError

from shared.errors import Unavailable
from shared.ports.streams import Positions


class EventHubsStreams:
    """The hubs of one namespace. `connect` makes a client for a hub.

    A client is kept for its credential, which keeps its token. It holds no connection: the SDK opens one for each
    question and closes it (`_management_request` of azure-eventhub 5.15), so what counts is to ask little.
    """

    def __init__(self, connect: Callable[[str], EventHubConsumerClient]) -> None:
        self._connect = connect
        self._clients: dict[str, EventHubConsumerClient] = {}
        self._lock = threading.Lock()

    def generation(self, hub: str) -> str:
        return _generation(self._ask(hub, lambda client: client.get_eventhub_properties()))

    def positions(self, hub: str) -> Positions:
        def ask(client: EventHubConsumerClient) -> Positions:
            about = client.get_eventhub_properties()
            found = {each: client.get_partition_properties(each) for each in about["partition_ids"]}
            last = {each: int(found[each]["last_enqueued_sequence_number"]) for each in found}
            return Positions(_generation(about), last)

        positions: Positions = self._ask(hub, ask)
        return positions

    def _ask(self, hub: str, question: Callable[[EventHubConsumerClient], Any]) -> Any:
        try:
            with self._lock:
                client = self._clients.get(hub) or self._clients.setdefault(hub, self._connect(hub))
            return question(client)
        except (EventHubError, OSError) as failure:
            raise Unavailable from failure


def _generation(about: dict[str, Any]) -> str:
    return str(about["created_at"].astimezone(UTC).strftime("%Y%m%dT%H%M%S%f"))
