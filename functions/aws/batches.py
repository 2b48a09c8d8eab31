"""Batches of Kinesis and of DynamoDB Streams: their records as the use cases take them, and what Lambda is answered.

https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
"""

import base64
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from functions.aws.telling import leave
from shared.domain.ingest.stream_record import StreamRecord

if TYPE_CHECKING:
    from shared.bootstrap import Services

Event = Mapping[str, Any]
Answer = dict[str, list[dict[str, str]]]
Done = TypeVar("Done")
_log = logging.getLogger("galen.batches")


def kinesis_records(records: Sequence[Event]) -> tuple[str, list[StreamRecord]]:
    """The shard a batch came from, and its records in order.

    Raises ValueError where a record names no shard, or another one: two chains must never be joined.
    """
    shards = {record["eventID"].rpartition(":")[0] for record in records}
    if len(shards) != 1 or "" in shards:
        raise ValueError("a batch is of one shard")
    return shards.pop(), [_stream_record(record["kinesis"]) for record in records]


def _stream_record(about: Event) -> StreamRecord:
    return StreamRecord(
        body=base64.b64decode(about["data"]),
        sequence=int(about["sequenceNumber"]),
        enqueued_at=datetime.fromtimestamp(about["approximateArrivalTimestamp"], UTC),
        key=about["partitionKey"],
    )


def counted(services: "Services", work: Callable[[], Done]) -> Done:
    """What the work of one invocation answers, its counts left where others find them."""
    try:
        return work()
    finally:
        leave(services)


def answered(first: str, handle: Callable[[], object]) -> Answer:
    """What Lambda is told of a batch whose first record has that sequence number.

    A store that is busy or unreachable is all that a use case raises of what may be handed over again; then the batch
    begins anew at its first record, and what was done changes nothing the second time. Anything else goes to Lambda, which
    halves the batch until the one record is found and set aside.
    """
    from shared.errors import Busy, Unavailable
    from shared.telemetry import note

    try:
        handle()
    except (Busy, Unavailable) as failure:
        note(_log, logging.WARNING, "batch handed back", error=type(failure).__name__)
        return {"batchItemFailures": [{"itemIdentifier": first}]}
    return {"batchItemFailures": []}
