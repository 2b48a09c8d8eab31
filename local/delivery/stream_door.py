"""The stream door: events to the hubs, partition key the home of the patient, which is a hash of it."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final

from azure.eventhub import EventData, EventDataBatch, EventHubProducerClient

from local.delivery.kinesis_door import KinesisDoor
from local.delivery.parcels import HUB_LIMIT_BYTES, Parcel
from shared.adapters.aws.connections import AwsPlace, client
from shared.settings import AWS, Settings

_OPEN_BATCHES: Final = 64
NO_KEY: Final = "0"


class StreamDoor:
    """Sends parcels in order per patient; events of one patient share a batch. `accepted` hears of what the hub took."""

    def __init__(self, connection: str, accepted: Callable[[list[Parcel]], None] = lambda _: None) -> None:
        self._connection = connection
        self._accepted = accepted
        self._parcels: dict[tuple[str, str], list[Parcel]] = defaultdict(list)
        self._producers: dict[str, EventHubProducerClient] = {}
        self._batches: OrderedDict[tuple[str, str], EventDataBatch] = OrderedDict()

    def __enter__(self) -> StreamDoor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        for producer in self._producers.values():
            producer.close()

    def send(self, parcel: Parcel) -> None:
        """Put it in its patient's batch, which leaves when it is full or `flush` is called."""
        at = parcel.hub, parcel.key or NO_KEY
        event = EventData(parcel.body)
        batch = self._batches.get(at) or self._new(at)
        try:
            batch.add(event)
        except ValueError:
            self._leave(at)
            self._new(at).add(event)
        self._parcels[at].append(parcel)
        if self._batches[at].size_in_bytes > HUB_LIMIT_BYTES // 4:
            self._leave(at)

    def flush(self) -> None:
        """Send what waits; everything sent before is accepted when this returns."""
        for at in list(self._batches):
            self._leave(at)

    def _new(self, at: tuple[str, str]) -> EventDataBatch:
        if len(self._batches) >= _OPEN_BATCHES:
            self._leave(next(iter(self._batches)))
        hub, key = at
        batch: EventDataBatch = self._producer(hub).create_batch(partition_key=key)
        self._batches[at] = batch
        return batch

    def _leave(self, at: tuple[str, str]) -> None:
        batch = self._batches.pop(at)
        if len(batch):
            self._producer(at[0]).send_batch(batch)
            self._accepted(self._parcels.pop(at, []))

    def _producer(self, hub: str) -> Any:
        if hub not in self._producers:
            self._producers[hub] = EventHubProducerClient.from_connection_string(
                self._connection, eventhub_name=hub
            )
        return self._producers[hub]


def stream_door(settings: Settings, accepted: Callable[[list[Parcel]], None]) -> StreamDoor | KinesisDoor:
    """The door of the cloud that the platform runs on."""
    return (
        KinesisDoor(settings, accepted)
        if settings.cloud == AWS
        else StreamDoor(settings.event_hubs, accepted)
    )


@contextmanager
def sender(settings: Settings, hub: str) -> Iterator[Callable[[bytes, str], None]]:
    """What sends one event with its key, and returns when the hub has it."""
    if settings.cloud == AWS:
        streams, name = client("kinesis", AwsPlace(settings.region, settings.endpoint)), settings.streams[hub]
        yield lambda body, key: streams.put_record(StreamName=name, PartitionKey=key, Data=body)
        streams.close()
        return
    with EventHubProducerClient.from_connection_string(settings.event_hubs, eventhub_name=hub) as producer:
        yield lambda body, key: producer.send_event(EventData(body), partition_key=key)
