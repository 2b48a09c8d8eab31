"""The publisher's side: a transfer becomes events in one partition, acknowledged once they are written."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from local.emulators.faults import Rule

from .codec import DecodeError, Described
from .frames import AmqpError, frame, rejected
from .hub import Hub
from .link import ReceivingLink
from .log import PartitionLog
from .message import events_of

if TYPE_CHECKING:
    from .session import Session

_LOG = logging.getLogger(__name__)
AMQP_MESSAGE: Final = 0
SERVER_BUSY: Final = "com.microsoft:server-busy"
FAULT_CONDITIONS: Final = {
    408: "com.microsoft:timeout", 429: SERVER_BUSY, 500: "amqp:internal-error", 503: SERVER_BUSY,
}  # fmt: skip


class Publisher(ReceivingLink):
    """A link to a hub, which routes by key or in turn, or to one of its partitions."""

    def __init__(
        self, session: Session, handle: int, node: str, hub: Hub, partition: PartitionLog | None
    ) -> None:
        super().__init__(session, handle, node)
        self._hub = hub
        self._partition = partition

    def take_delivery(self, first: list[Any], take: Callable[[], Described]) -> None:
        """Takes a delivery, unless a fault was asked for that keeps it or its acknowledgement from arriving."""
        connection = self.session.connection
        rule = connection.faults.pick(f"SEND {self._hub.name}") if connection.faults else None
        if rule is None:
            self.settle(first, take())
        elif rule.status == 0 and not rule.applied:
            connection.abort()
        else:
            connection.later(rule.latency_ms / 1000, lambda: self._take_with(rule, first, take))

    def _take_with(self, rule: Rule, first: list[Any], take: Callable[[], Described]) -> None:
        connection = self.session.connection
        if rule.refuses and rule.status:
            self.settle(
                first, rejected(AmqpError(FAULT_CONDITIONS[rule.status], "A failure that was asked for."))
            )
            return
        state = take()
        if rule.applied:
            connection.abort()
        elif rule.cut_after is not None:
            answer = frame(self.session.channel, self.disposition(first, state))
            connection.cut(answer, min(rule.cut_after, len(answer) - 1))
        else:
            self.settle(first, state)

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
