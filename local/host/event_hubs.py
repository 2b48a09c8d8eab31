"""The Event Hubs trigger: a receive loop for each partition this host owns, one batch of a partition at a time.

Behaviour of azure-sdk-for-net `EventHubListener.PartitionProcessor.cs`: the checkpoint moves after the invocation
whether it succeeded or not; it does not move when the host stops or the partition was lost meanwhile; a retry policy
holds it until it is exhausted; `minEventBatchSize` above one waits for that many events, at most `maxWaitTime`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from local.host.checkpoints import CONTAINER, BlobCheckpoints, BlobOwnership, blob_service, ensure_container
from local.host.engine import FunctionDefinition
from local.host.event_hub_metadata import batch_input, single_input
from local.host.event_hub_receiver import PartitionLost, PartitionReceiver, open_client
from local.host.invoker import Invoker
from local.host.leased_trigger import LeasedTrigger, Pump
from local.host.settings import EventHubOptions, connection, resolve

log = logging.getLogger("host")

REASON = "(null)"
"""The reason the real host logs for stream triggers."""
_IDLE_WAIT_S = 60.0
_CHECKPOINT_SPACING_S = 1.0


def namespace_of(connection_string: str) -> str:
    """The host name in the `Endpoint` of a connection string, which checkpoints are filed under."""
    parts = dict(part.split("=", 1) for part in connection_string.split(";") if "=" in part)
    endpoint = {name.strip().lower(): value for name, value in parts.items()}.get("endpoint", "")
    return urlsplit(endpoint).hostname or "unknown"


class CheckpointWriter:
    """Spaces out the writes of one partition's checkpoint; the newest position wins.

    The real host writes after every batch. Writing at most ten times a second keeps a laptop free and only makes a
    redelivery after a crash longer, which handlers must bear anyway.
    """

    def __init__(self, checkpoints: BlobCheckpoints, partition: str, frequency: int) -> None:
        self._checkpoints = checkpoints
        self._partition = partition
        self._frequency = frequency
        self._batches = 0
        self._pending: tuple[int, str] | None = None
        self._written_at = 0.0

    def done(self, sequence: int, offset: str) -> None:
        """A batch ended here; every `batchCheckpointFrequency`-th one counts."""
        self._batches += 1
        if self._batches % self._frequency == 0:
            self._pending = (sequence, offset)

    def due_in_s(self) -> float | None:
        """Seconds until `flush` should be called, None while nothing is pending."""
        if self._pending is None:
            return None
        return max(0.0, self._written_at + _CHECKPOINT_SPACING_S - time.monotonic())

    def flush(self) -> None:
        """Write what is pending; on an error it stays pending."""
        if self._pending is None:
            return
        sequence, offset = self._pending
        self._written_at = time.monotonic()
        try:
            self._checkpoints.write(self._partition, sequence, offset)
        except Exception as error:  # noqa: BLE001 - the next flush writes a newer position
            log.warning(
                "A checkpoint of partition %s was not written (%s)", self._partition, type(error).__name__
            )
            return
        self._pending = None


class PartitionPump(Pump):
    """Receives, invokes and checkpoints one partition."""

    def __init__(
        self,
        function: FunctionDefinition,
        partition: str,
        options: EventHubOptions,
        checkpoints: BlobCheckpoints,
        receiver_after: Callable[[int | str], PartitionReceiver],
        context: dict[str, str],
        invoker: Invoker,
    ) -> None:
        super().__init__(function, invoker, partition)
        self._options = options
        self._checkpoints = checkpoints
        self._writer = CheckpointWriter(checkpoints, partition, options.checkpoint_frequency)
        self._receiver_after = receiver_after
        self._context = {**context, "PartitionId": partition}
        self._single = str(function.trigger.get("cardinality", "MANY")).upper() == "ONE"
        self._position: int | str = "@latest" if options.from_end else "-1"
        self._receiver: PartitionReceiver | None = None

    def stop(self, *, lost: bool = False) -> None:
        super().stop(lost=lost)
        receiver = self._receiver
        if receiver is not None:
            receiver.wake()

    def _end(self) -> None:
        if not self._lost.is_set():
            self._writer.flush()

    def _work(self) -> None:
        try:
            self._receive()
        except PartitionLost:
            # the new owner's claim shows in the ownership blob soon; until then do not fight for the link
            self._stopping.wait(2.0)

    def _receive(self) -> None:
        """From connecting to a broken connection or the end."""
        if isinstance(self._position, str):
            stored = self._checkpoints.read(self._part)
            self._position = self._position if stored is None else stored
        receiver = self._receiver_after(self._position)
        self._receiver = receiver
        try:
            while not self._stopping.is_set():
                events = self._collect(receiver)
                if events:
                    self._dispatch(receiver, events)
        finally:
            self._receiver = None
            receiver.close()

    def _collect(self, receiver: PartitionReceiver) -> list[Any]:
        """The next batch; writes the pending checkpoint while nothing arrives."""
        due_s = self._writer.due_in_s()
        if due_s == 0.0:
            self._writer.flush()
            due_s = None
        events = receiver.receive(self._options.max_batch, _IDLE_WAIT_S if due_s is None else due_s)
        if not events or self._options.min_batch <= 1:
            return events
        deadline = time.monotonic() + self._options.max_wait_s
        while len(events) < self._options.min_batch and not self._stopping.is_set():
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                break
            events += receiver.receive(self._options.max_batch - len(events), remaining_s)
        return events

    def _dispatch(self, receiver: PartitionReceiver, events: Sequence[Any]) -> None:
        for batch in [[event] for event in events] if self._single else [events]:
            if self._stopping.is_set() or not self._invoke(receiver, batch):
                return
            last = batch[-1]
            self._position = last.sequence_number
            self._writer.done(last.sequence_number, str(last.offset))

    def _invoke(self, receiver: PartitionReceiver, batch: Sequence[Any]) -> bool:
        trigger = self._function.trigger
        if self._single:
            data, metadata = single_input(batch[0], trigger, self._context)
        else:
            data, metadata = batch_input(batch, trigger, self._context)
        return self._invoked(data, metadata, REASON, receiver.keep_alive)


class EventHubTrigger(LeasedTrigger):
    """Partitions are shared out by ownership blobs, a pump for each one owned."""

    def __init__(
        self, function: FunctionDefinition, options: EventHubOptions, invoker: Invoker, me: str
    ) -> None:
        super().__init__(function, invoker, me)
        trigger = function.trigger
        self._options = options
        self._connection_string = connection(str(trigger["connection"]))
        self._storage = connection("Storage")
        self._hub = resolve(str(trigger["eventHubName"]))
        self._group = resolve(str(trigger.get("consumerGroup") or "$Default"))

    def _connect(self) -> tuple[BlobOwnership, Callable[[str], PartitionPump]]:
        client = open_client(self._connection_string, self._hub, self._group)
        partitions = client.get_partition_ids()
        namespace = namespace_of(self._connection_string)
        prefix = f"{namespace}/{self._hub}/{self._group}"
        container = ensure_container(blob_service(self._storage), CONTAINER)
        checkpoints = BlobCheckpoints(container, prefix, self._me)
        context = {
            "FullyQualifiedNamespace": namespace,
            "EventHubName": self._hub,
            "ConsumerGroup": self._group,
            "Owner": self._me,
        }

        def pump_of(partition: str) -> PartitionPump:
            def receiver_after(position: int | str) -> PartitionReceiver:
                return PartitionReceiver(client, self._group, partition, position, self._options.prefetch)

            return PartitionPump(
                self._function, partition, self._options, checkpoints, receiver_after, context, self._invoker
            )

        return BlobOwnership(container, prefix, self._me, partitions), pump_of
