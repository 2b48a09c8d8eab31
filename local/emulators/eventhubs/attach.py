"""What a client's attach asks for: publishing, receiving, `$cbs` or `$management`.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from .codec import Described
from .deliver import Subscriber
from .frames import AmqpError
from .hub import Hub
from .link import Link
from .log import BeyondEndError, PartitionLog
from .publish import Publisher
from .requests import CBS, MANAGEMENT, CbsRequests, ManagementRequests, Replies

if TYPE_CHECKING:
    from .session import Session

NOT_FOUND: Final = "amqp:not-found"
OUT_OF_RANGE: Final = "com.microsoft:argument-out-of-range"
ARGUMENT_ERROR: Final = "com.microsoft:argument-error"
_EPOCH: Final = "com.microsoft:epoch"
_RUNTIME_METRIC: Final = "com.microsoft:enable-receiver-runtime-metric"
_SELECTOR = re.compile(
    r"\s*amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time)\s*(>=|>)\s*'?(@latest|-?\d+)'?\s*"
)


def open_link(session: Session, handle: int, fields: list[Any]) -> Link:
    """The link for an attach; raises AmqpError where it is refused."""
    client_receives = bool(fields[2])
    source, target = _terminus(fields[5]), _terminus(fields[6])
    address = source[0] if client_receives else target[0]
    node = _path(address)
    if node in (CBS, MANAGEMENT):
        if client_receives:
            return Replies(session, handle, node, reply_to=str(target[0] or ""))
        return (CbsRequests if node == CBS else ManagementRequests)(session, handle, node)
    parts = node.split("/")
    session.connection.authorize(node)
    hub = session.connection.namespace.hub(parts[0])
    if hub is None:
        raise AmqpError(NOT_FOUND, f"The messaging entity '{parts[0]}' could not be found.")
    if client_receives:
        return _subscriber(session, handle, hub, parts, source, fields)
    return Publisher(session, handle, node, hub, _target_partition(hub, parts))


def _terminus(value: Any) -> list[Any]:
    fields = value.value if isinstance(value, Described) and isinstance(value.value, list) else []
    return fields + [None] * (12 - len(fields))


def _path(address: Any) -> str:
    if isinstance(address, bytes):
        address = address.decode("utf-8", "replace")
    if not isinstance(address, str) or not address.strip("/"):
        raise AmqpError("amqp:invalid-field", "A link needs the address of a hub, of $cbs or of $management.")
    return (urlsplit(address).path if "://" in address else address).strip("/")


def _target_partition(hub: Hub, parts: list[str]) -> PartitionLog | None:
    if len(parts) == 1:
        return None
    if len(parts) == 3 and parts[1].lower() == "partitions":
        return _partition(hub, parts[2])
    raise AmqpError(NOT_FOUND, "A publisher's address is HUB or HUB/Partitions/ID.")


def _partition(hub: Hub, partition_id: str) -> PartitionLog:
    partition = hub.partition(partition_id)
    if partition is None:
        raise AmqpError(
            OUT_OF_RANGE,
            f"The specified partition is invalid for an EventHub partition sender or receiver. "
            f"It should be between 0 and {len(hub.partitions) - 1}.",
        )
    return partition


def _subscriber(
    session: Session, handle: int, hub: Hub, parts: list[str], source: list[Any], fields: list[Any]
) -> Subscriber:
    if len(parts) != 5 or parts[1].lower() != "consumergroups" or parts[3].lower() != "partitions":
        raise AmqpError(NOT_FOUND, "A receiver's address is HUB/ConsumerGroups/GROUP/Partitions/ID.")
    group = parts[2].lower()
    if group not in hub.groups:
        raise AmqpError(NOT_FOUND, f"The consumer group '{parts[2]}' could not be found.")
    partition = _partition(hub, parts[4])
    subscriber = Subscriber(
        session,
        handle,
        "/".join(parts),
        partition,
        partition.reader(_start(partition, source[7])),
        owner_level=_owner_level(fields[13]),
        wants_metric=_RUNTIME_METRIC in _symbols(fields[12]),
    )
    hub.ownership.admit(group, parts[4], subscriber)
    subscriber.on_release = lambda: hub.ownership.leave(group, parts[4], subscriber)
    return subscriber


def _owner_level(properties: Any) -> int | None:
    level = properties.get(_EPOCH) if isinstance(properties, dict) else None
    return level if isinstance(level, int) else None


def _symbols(value: Any) -> list[str]:
    """A field that is a symbol or an array of them."""
    return value if isinstance(value, list) else [value]


def _start(partition: PartitionLog, filters: Any) -> int:
    """The sequence number that a source's filter asks for; without a filter that of the oldest event kept."""
    partition.expire()
    for value in (filters or {}).values():
        selector = value.value if isinstance(value, Described) else value
        if isinstance(selector, bytes):
            selector = selector.decode("utf-8", "replace")
        match = _SELECTOR.fullmatch(selector) if isinstance(selector, str) else None
        if match is None:
            raise AmqpError(ARGUMENT_ERROR, "A receiver's filter selects by offset, sequence number or time.")
        return _position(partition, match[1], match[3], inclusive=match[2] == ">=")
    return partition.begin_sequence


def _position(partition: PartitionLog, annotation: str, value: str, *, inclusive: bool) -> int:
    if value == "@latest":
        return partition.next_sequence
    number = int(value)
    if number < 0:
        return partition.begin_sequence
    try:
        if annotation == "offset":
            return partition.after_offset(number, inclusive=inclusive)
        if annotation == "sequence-number":
            return partition.after_sequence(number, inclusive=inclusive)
        return partition.after_time(number, inclusive=inclusive)
    except BeyondEndError as error:
        raise AmqpError(ARGUMENT_ERROR, str(error)) from error
