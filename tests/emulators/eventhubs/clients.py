"""The emulator as a process and the SDK's clients, as the tests use them."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient, PartitionContext

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]


class Emulator:
    """One emulator process on a data folder; it may be killed and started again on the same port."""

    def __init__(self, folder: Path, *hubs: str, options: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.port = 0
        self.connection_string = ""
        self._arguments = [word for hub in hubs for word in ("--hub", hub)] + list(options)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Emulator:
        """Start it and wait for the line that says it is ready."""
        command = [sys.executable, "-m", "local.emulators.eventhubs", "--data", str(self.folder)]
        command += ["--port", str(self.port), *self._arguments]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("Event Hubs ready: "), line
        self.connection_string = line.removeprefix("Event Hubs ready: ").strip()
        self.port = int(self.connection_string.partition("127.0.0.1:")[2].partition(";")[0])
        return self

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(PATIENCE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return code

    def stop(self) -> None:
        if self._process is not None:
            self.end(signal.SIGTERM)

    def producer(self, hub: str, **options: Any) -> EventHubProducerClient:
        settings = {"eventhub_name": hub, "retry_total": 0, **options}
        return EventHubProducerClient.from_connection_string(self.connection_string, **settings)

    def consumer(self, hub: str, group: str = "$Default", **options: Any) -> EventHubConsumerClient:
        settings = {
            "eventhub_name": hub,
            "consumer_group": group,
            "retry_total": 0,
            "socket_timeout": 0.05,
            **options,
        }
        return EventHubConsumerClient.from_connection_string(self.connection_string, **settings)

    def send(self, hub: str, *bodies: str, **target: Any) -> None:
        """Send one batch; `target` is partition_id or partition_key."""
        with self.producer(hub) as producer:
            producer.send_batch([EventData(body) for body in bodies], **target)


class Received:
    """What a consumer has got so far, and a way to wait for more."""

    def __init__(self) -> None:
        self.events: list[EventData] = []
        self.partitions: list[str] = []
        self.errors: list[Exception] = []
        self.metrics: list[Any] = []
        self._changed = threading.Condition()

    def take(self, context: PartitionContext, events: list[EventData]) -> None:
        with self._changed:
            for event in events:
                self.events.append(event)
                self.partitions.append(context.partition_id)
                self.metrics.append(context.last_enqueued_event_properties)
            self._changed.notify_all()

    def fail(self, _context: PartitionContext | None, error: Exception) -> None:
        with self._changed:
            self.errors.append(error)
            self._changed.notify_all()

    def wait_for_events(self, count: int) -> list[EventData]:
        with self._changed:
            done = self._changed.wait_for(lambda: len(self.events) >= count, PATIENCE_S)
        assert done, f"{len(self.events)} of {count} events came; errors: {self.errors}"
        return self.events

    def anything_within(self, seconds: float) -> bool:
        """Whether an event has come, waiting so long for it."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self.events), seconds)

    def wait_for_error(self) -> Exception:
        with self._changed:
            assert self._changed.wait_for(lambda: self.errors, PATIENCE_S), "no error came"
        return self.errors[0]

    @property
    def bodies(self) -> list[str]:
        return [event.body_as_str() for event in self.events]


@contextmanager
def receiving(client: EventHubConsumerClient, **options: Any) -> Iterator[Received]:
    """Receive on a thread of its own until the block ends."""
    received = Received()
    settings = {"on_error": received.fail, "starting_position": "-1", "max_wait_time": 0.05, **options}
    thread = threading.Thread(target=client.receive_batch, args=(received.take,), kwargs=settings)
    thread.start()
    try:
        yield received
    finally:
        client.close()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def receive(client: EventHubConsumerClient, count: int, **options: Any) -> Received:
    """Receive at least so many events and stop."""
    with receiving(client, **options) as received:
        received.wait_for_events(count)
    return received
