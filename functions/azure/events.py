"""Events as Event Hubs hands them over, as records of a stream."""

import typing
from datetime import UTC, datetime

import azure.functions as func

from shared.domain.ingest.stream_record import StreamRecord


def stream_records(events: typing.List[func.EventHubEvent]) -> typing.Tuple[str, typing.List[StreamRecord]]:
    """The partition a batch came from, and its events in order."""
    partition = (
        str((events[0].metadata or {}).get("PartitionContext", {}).get("PartitionId", "0")) if events else "0"
    )
    return partition, [_record(event) for event in events]


def _record(event: func.EventHubEvent) -> StreamRecord:
    enqueued = event.enqueued_time or datetime.now(UTC)
    properties = (event.metadata or {}).get("Properties") or {}
    return StreamRecord(
        body=event.get_body(),
        sequence=int(event.sequence_number or 0),
        enqueued_at=enqueued if enqueued.tzinfo else enqueued.replace(tzinfo=UTC),
        key=str(event.partition_key or ""),
        content_type=str(properties.get("content-type", "")),
        traceparent=str(properties.get("traceparent", properties.get("Diagnostic-Id", ""))),
        properties={str(name): str(value) for name, value in properties.items()},
    )
