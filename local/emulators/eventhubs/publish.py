"""The publisher's side: a transfer becomes events in one partition, acknowledged once they are written."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from .codec import DecodeError
from .frames import AmqpError
from .hub import Hub
from .link import ReceivingLink
from .log import PartitionLog
from .message import events_of

if TYPE_CHECKING:
    from .session import Session

_LOG = logging.getLogger(__name__)
AMQP_MESSAGE: Final = 0
SERVER_BUSY: Final = "com.microsoft:server-busy"


class Publisher(ReceivingLink):
    """A link to a hub, which routes by key or in turn, or to one of its partitions."""

    def __init__(
        self, session: Session, handle: int, node: str, hub: Hub, partition: PartitionLog | None
    ) -> None:
        super().__init__(session, handle, node)
        self._hub = hub
        self._partition = partition

    def receive(self, message: bytes, message_format: int) -> None:
        try:
            events = events_of(message, message_format)
        except DecodeError as error:
            raise AmqpError("amqp:decode-error", f"The event cannot be decoded: {error}.") from error
        throttle = self.session.connection.namespace.throttle
        if throttle is not None and not throttle.admits(len(events), len(message)):
            raise AmqpError(SERVER_BUSY, "The request was throttled: the throughput units are used up.")
        partition = self._partition or self._hub.route(events[0].key)
        entries = [(None if event.key is None else event.key.encode(), event.body) for event in events]
        try:
            partition.append(entries, kind=AMQP_MESSAGE)
        except ValueError as error:
            raise AmqpError("com.microsoft:argument-error", f"The event cannot be kept: {error}.") from error
        except OSError as error:
            _LOG.exception("A batch could not be written to its log.")
            raise AmqpError("amqp:internal-error", "The event could not be written to disk.") from error
