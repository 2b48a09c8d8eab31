"""The Event Hubs trigger: a receive loop for each partition this host owns, one batch of a partition at a time.

Behaviour of azure-sdk-for-net `EventHubListener.PartitionProcessor.cs`: the checkpoint moves after the invocation
whether it succeeded or not; it does not move when the host stops or the partition was lost meanwhile; a retry policy
holds it until it is exhausted; `minEventBatchSize` above one waits for that many events, at most `maxWaitTime`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any
from urllib.parse import urlsplit

from local.host.checkpoints import CONTAINER, BlobCheckpoints, BlobOwnership, blob_service, ensure_container
from local.host.engine import FunctionDefinition
from local.host.event_hub_metadata import batch_input, single_input
from local.host.event_hub_receiver import PartitionLost, PartitionReceiver, open_client
from local.host.invoker import Invoker, Stopping
from local.host.leases import Balancer
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


class PartitionPump:
    """Receives, invokes and checkpoints one partition on a thread of its own, until stopped or lost."""

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
        self._function = function
        self._partition = partition
        self._options = options
        self._checkpoints = checkpoints
        self._writer = CheckpointWriter(checkpoints, partition, options.checkpoint_frequency)
        self._receiver_after = receiver_after
        self._context = {**context, "PartitionId": partition}
        self._invoker = invoker
        self._single = str(function.trigger.get("cardinality", "MANY")).upper() == "ONE"
        self._stopping = threading.Event()
        self._lost = threading.Event()
        self._position: int | str = "@latest" if options.from_end else "-1"
        self._receiver: PartitionReceiver | None = None
        self._thread = threading.Thread(target=self._run, name=f"{function.name}-{partition}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, lost: bool = False) -> None:
        """Ask for the end; after a loss not even what is done is checkpointed, for the new owner is ahead."""
        if lost:
            self._lost.set()
        self._stopping.set()
        receiver = self._receiver
        if receiver is not None:
            receiver.wake()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._work()
                failures = 0
            except PartitionLost:
                # the new owner's claim shows in the ownership blob soon; until then do not fight for the link
                self._stopping.wait(2.0)
            except Exception as error:  # noqa: BLE001 - a broken connection must not end the partition
                failures += 1
                if failures in (1, 10) or failures % 100 == 0:
                    log.warning(
                        "%s: partition %s disconnected (%s)",
                        self._function.name,
                        self._partition,
                        _kind(error),
                    )
                self._stopping.wait(min(2.0, 0.1 * 2 ** min(failures, 6)))
        if not self._lost.is_set():
            self._writer.flush()

    def _work(self) -> None:
        """From connecting to a broken connection or the end."""
        if isinstance(self._position, str):
            stored = self._checkpoints.read(self._partition)
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
        """Whether the checkpoint may move behind the batch: after a failure too, but not while the host stops.

        `ProcessEventsAsync` looks at its cancellation tokens after the invocation, so the batch that was under way
        at a stop comes again, even where it succeeded.
        """
        trigger = self._function.trigger
        if self._single:
            data, metadata = single_input(batch[0], trigger, self._context)
        else:
            data, metadata = batch_input(batch, trigger, self._context)
        call: Any = self._invoker.invoke_from_thread(self._function, data, metadata, REASON)
        while True:
            try:
                call.result(10.0)
            except FutureTimeout:
                receiver.keep_alive()
                continue
            except Stopping:
                self._stopping.set()
                return False
            return not self._stopping.is_set()


class EventHubTrigger:
    """One function's listener: balances partitions with other hosts and runs a pump for each owned one."""

    def __init__(
        self, function: FunctionDefinition, options: EventHubOptions, invoker: Invoker, me: str
    ) -> None:
        trigger = function.trigger
        self._function = function
        self._options = options
        self._invoker = invoker
        self._me = me
        self._connection_string = connection(str(trigger["connection"]))
        self._storage = connection("Storage")
        self._hub = resolve(str(trigger["eventHubName"]))
        self._group = resolve(str(trigger.get("consumerGroup") or "$Default"))
        self._pumps: dict[str, PartitionPump] = {}
        self._balancer: Balancer | None = None
        self._stopping = threading.Event()
        self._starter = threading.Thread(target=self._start, name=f"start-{function.name}", daemon=True)

    def start(self) -> None:
        """Returns at once; connecting goes on until hub and storage answer."""
        self._starter.start()

    def _start(self) -> None:
        waited_s, warned = 0.1, False
        while not self._stopping.is_set():
            try:
                self._balancer = self._make_balancer()
            except Exception as error:  # noqa: BLE001 - the emulators may still be starting
                if not warned and waited_s > 3:
                    log.warning(
                        "%s: hub or checkpoint store not reachable yet (%s)",
                        self._function.name,
                        _kind(error),
                    )
                    warned = True
                self._stopping.wait(waited_s)
                waited_s = min(5.0, waited_s * 1.5)
            else:
                if not self._stopping.is_set():
                    self._balancer.start()
                return

    def _make_balancer(self) -> Balancer:
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

        def start_pump(partition: str) -> None:
            def receiver_after(position: int | str) -> PartitionReceiver:
                return PartitionReceiver(client, self._group, partition, position, self._options.prefetch)

            pump = PartitionPump(
                self._function, partition, self._options, checkpoints, receiver_after, context, self._invoker
            )
            self._pumps[partition] = pump
            pump.start()

        def stop_pump(partition: str) -> None:
            pump = self._pumps.pop(partition, None)
            if pump is not None:
                pump.stop(lost=True)

        ownership = BlobOwnership(container, prefix, self._me, partitions)
        return Balancer(self._function.name, self._me, ownership, start_pump, stop_pump)

    def stop(self, timeout_s: float) -> None:
        """End receiving, wait for the batches under way, write checkpoints, give the partitions up."""
        deadline = time.monotonic() + timeout_s
        self._stopping.set()
        self._starter.join(timeout_s)
        for pump in list(self._pumps.values()):
            pump.stop()
        if self._balancer is not None and self._balancer.started:
            self._balancer.stop()
        for pump in list(self._pumps.values()):
            pump.stop()
            pump.join(max(0.1, deadline - time.monotonic()))
        if self._balancer is not None:
            self._balancer.release_all()


def _kind(error: BaseException) -> str:
    condition = getattr(error, "condition", None)
    return (
        f"{type(error).__name__} {condition.decode()}"
        if isinstance(condition, bytes)
        else type(error).__name__
    )
