"""The receiver's side: a partition's events from a position on, pushed as soon as they are appended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .frames import AmqpError, transfer_frame
from .link import SendingLink
from .log import PartitionLog, Reader
from .message import Stamp, runtime_metric, stamped
from .publish import FAULT_CONDITIONS
from .segment import LogCorruptError, Record

if TYPE_CHECKING:
    from .session import Session

_LOG = logging.getLogger(__name__)
_EVENTS_PER_TURN: Final = 128
_BYTES_PER_TURN: Final = 512 * 1024


class Subscriber(SendingLink):
    """A receiver of one partition.

    It sends a bounded amount in each turn of the event loop, so that one that catches up does not hold up
    publishers and other receivers.
    """

    def __init__(
        self,
        session: Session,
        handle: int,
        node: str,
        partition: PartitionLog,
        reader: Reader,
        *,
        owner_level: int | None,
        wants_metric: bool,
    ) -> None:
        super().__init__(session, handle, node)
        self.owner_level = owner_level
        self.on_release: Callable[[], None] = lambda: None
        self._partition = partition
        self._reader = reader
        self._wants_metric = wants_metric
        self._turn: asyncio.Handle | None = None

    def start(self) -> None:
        self._partition.listen(self._schedule)

    def release(self) -> None:
        super().release()
        self._partition.unlisten(self._schedule)
        if self._turn is not None:
            self._turn.cancel()
        self.on_release()

    def pump(self) -> None:
        try:
            records = self._next_records()
        except LogCorruptError as error:
            _LOG.error("A log cannot be read: %s", error)
            self.end(AmqpError("amqp:internal-error", "The log is damaged; see the emulator's output."))
            return
        if records and self._struck(records):
            return
        metric = self._metric() if self._wants_metric and records else b""
        for record in records:
            stamp = Stamp(record.sequence, record.offset, record.enqueued_at_ms, record.key)
            self.deliver(stamped(record.body, stamp, metric))
        if records:
            self._schedule()

    def _struck(self, records: list[Record]) -> bool:
        """Whether a fault was asked for that keeps these events from arriving whole and at once."""
        connection = self.session.connection
        rule = connection.faults.pick(f"RECEIVE {self.node}") if connection.faults else None
        if rule is None:
            return False
        self._reader.next_sequence = records[0].sequence
        if rule.cut_after is not None:
            stamp = Stamp(records[0].sequence, records[0].offset, records[0].enqueued_at_ms, records[0].key)
            begun = transfer_frame(
                self.session.channel, self.handle, 0, stamped(records[0].body, stamp, b""), more=False
            )
            connection.cut(begun, min(rule.cut_after, len(begun) - 1))
        elif rule.status:
            self.end(AmqpError(FAULT_CONDITIONS[rule.status], "A failure that was asked for."))
        elif rule.status == 0:
            connection.abort()
        else:
            connection.later(rule.latency_ms / 1000, self._schedule)
        return True

    def _next_records(self) -> list[Record]:
        """What may go out in this turn; the reader stands behind it then."""
        if not self.may_send():
            return []
        records = self._reader.read(min(self.credit, _EVENTS_PER_TURN))
        size_bytes = 0
        for number, record in enumerate(records, start=1):
            size_bytes += len(record.body)
            if size_bytes > _BYTES_PER_TURN:
                self._reader.next_sequence = record.sequence + 1
                return records[:number]
        return records

    def _metric(self) -> bytes:
        tail = self._partition.tail
        return runtime_metric(tail.sequence, tail.offset, tail.at_ms, self.session.connection.now_ms())

    def _schedule(self) -> None:
        if self._turn is None and self.may_send() and not self._reader.at_end():
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        self.pump()
