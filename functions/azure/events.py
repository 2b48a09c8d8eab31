"""Events as Event Hubs hands them over, as records of a stream.

What each event carries of its own stands in arrays beside the batch, in the order of the events:
https://learn.microsoft.com/azure/azure-functions/functions-bindings-event-hubs-trigger#event-metadata
"""

import typing
from datetime import UTC, datetime

import azure.functions as func

from shared.domain.ingest.stream_record import StreamRecord
from shared.domain.traces import traceparent_of


def stream_records(events: typing.List[func.EventHubEvent]) -> typing.Tuple[str, typing.List[StreamRecord]]:
    """The partition a batch came from, and its events in order.

    Raises KeyError where the host names no partition: guessing one would join two chains.
    """
    if not events:
        return "", []
    about = events[0].metadata or {}
    partition = str(about["PartitionContext"]["PartitionId"])
    properties = about.get("PropertiesArray") or [{} for _ in events]
    return partition, [_record(event, its) for event, its in zip(events, properties, strict=True)]


def _record(event: func.EventHubEvent, properties: typing.Mapping[str, typing.Any]) -> StreamRecord:
    enqueued = event.enqueued_time or datetime.now(UTC)
    return StreamRecord(
        body=event.get_body(),
        sequence=int(event.sequence_number or 0),
        enqueued_at=enqueued if enqueued.tzinfo else enqueued.replace(tzinfo=UTC),
        key=str(event.partition_key or ""),
        content_type=str(properties.get("content-type", "")),
        traceparent=traceparent_of(str(properties.get("traceparent", properties.get("Diagnostic-Id", "")))),
        properties={str(name): str(value) for name, value in properties.items()},
    )
