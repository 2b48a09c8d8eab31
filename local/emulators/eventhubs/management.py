"""READ of hubs and partitions at `$management`, as the SDKs ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .codec import Int, Long, Timestamp, array

if TYPE_CHECKING:
    from .hub import Hub, Namespace

_HUB_TYPE: Final = "com.microsoft:eventhub"
_PARTITION_TYPE: Final = "com.microsoft:partition"
_STRING: Final = 0xB1


@dataclass(frozen=True)
class Answer:
    """Status as in HTTP, a text for people and the body of the reply."""

    code: int
    description: str
    body: dict[str, Any] | None = None


def read(namespace: Namespace, request: Mapping[str, Any]) -> Answer:
    """The answer to a request by its application properties."""
    if request.get("operation") != "READ":
        return Answer(400, "Only READ is known at $management.")
    name, kind = str(request.get("name", "")), request.get("type")
    hub = namespace.hub(name)
    if hub is None:
        return Answer(404, f"The messaging entity '{name}' could not be found.")
    if kind == _HUB_TYPE:
        return Answer(200, "OK", _hub_properties(hub))
    if kind == _PARTITION_TYPE:
        return _partition_answer(hub, str(request.get("partition")))
    return Answer(400, f"Entities of type '{kind}' are not known at $management.")


def _hub_properties(hub: Hub) -> dict[str, Any]:
    return {
        "name": hub.name,
        "type": _HUB_TYPE,
        "created_at": Timestamp(hub.created_at_ms),
        "partition_count": Int(len(hub.partitions)),
        "partition_ids": array(_STRING, hub.partition_ids),
        # The Go SDK expects it.
        "georeplication_factor": Int(1),
    }


def _partition_answer(hub: Hub, partition_id: str) -> Answer:
    partition = hub.partition(partition_id)
    if partition is None:
        return Answer(404, f"The hub '{hub.name}' has no partition '{partition_id}'.")
    partition.expire()
    tail = partition.tail
    properties = {
        "name": hub.name,
        "type": _PARTITION_TYPE,
        "partition": partition_id,
        "begin_sequence_number": Long(partition.begin_sequence),
        "last_enqueued_sequence_number": Long(tail.sequence),
        "last_enqueued_offset": str(tail.offset),
        "last_enqueued_time_utc": Timestamp(tail.at_ms),
        "is_partition_empty": partition.is_empty,
    }
    return Answer(200, "OK", properties)
