"""The emulators by themselves, through Microsoft's SDKs: events, items and files a second, start, restart, memory."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from azure.cosmos import CosmosClient, PartitionKey
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.storage.blob import BlobServiceClient

from local.emulators.served import ServedEmulators
from shared.adapters.azure.transport import transport
from shared.names import HUB_PARTITIONS

GOALS: Final[Mapping[str, float]] = {
    "events_in_per_s": 8_000, "events_out_per_s": 8_000, "items_per_s": 3_000, "small_files_per_s": 300,
    "large_files_mb_per_s": 150, "start_s": 2, "restart_s": 0.5, "memory_mb": 250,
}  # fmt: skip
# Of these the figure is to stay below the goal.
AT_MOST: Final = frozenset({"start_s", "restart_s", "memory_mb"})
_EVENT_BYTES = 1024
_ITEM_BYTES = 500
_BATCH = 100
_SMALL_BYTES, _LARGE_BYTES = 2048, 8 << 20
_HUB = "vital-signs"
_CLIENTS = 2
_RECEIVE_LIMIT_S = 120
_MB = 1_000_000


@dataclass(slots=True)
class Emulated:
    """The figures by name, each with its goal in `GOALS`; the processor time that an event, item or file costs."""

    figures: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    processor_us: dict[str, float] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """The figures that are not what they are to be."""
        return [name for name, figure in self.figures.items() if not reached(name, figure)]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "figures": self.figures,
            "goals": dict(GOALS),
            "counts": self.counts,
            "emulator_processor_us": self.processor_us,
            "missed": self.missed,
        }


def reached(name: str, figure: float) -> bool:
    """Whether a figure is what it is to be."""
    return figure <= GOALS[name] if name in AT_MOST else figure >= GOALS[name]


def measure_emulators(events: int, items: int, files: int) -> Emulated:
    """Returns what all three do one after the other on an empty folder, and how fast they start again on the full one."""
    measured = Emulated(counts={"events": events, "items": items, "small_files": files})
    figures = measured.figures
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with ServedEmulators(Path(folder)) as served:
            figures["start_s"] = _seconds_since(began)
            measured.counts["memory_at_start_mb"] = round(served.memory_mb())
            for name, emulator, work, count, unit in _works(events, items, files):
                before = served.processor_s()
                figures[name] = round(unit * work(served.connections[emulator], count))
                measured.processor_us[name] = round(1e6 * (served.processor_s() - before) / count, 1)
            figures["memory_mb"] = round(served.memory_mb())
        began = time.perf_counter()
        with ServedEmulators(Path(folder)):
            figures["restart_s"] = _seconds_since(began)
    return measured


def _works(
    events: int, items: int, files: int
) -> tuple[tuple[str, str, Callable[[str, int], float], int, float], ...]:
    """What is measured: figure, emulator, the work that returns how many a second, how many, and the unit of one."""
    small, large = partial(_write_files, size=_SMALL_BYTES), partial(_write_files, size=_LARGE_BYTES)
    return (
        ("events_in_per_s", "eventhubs", _send, events, 1),
        ("events_out_per_s", "eventhubs", _receive, events, 1),
        ("items_per_s", "cosmos", _write_items, items, 1),
        ("small_files_per_s", "datalake", small, files, 1),
        ("large_files_mb_per_s", "datalake", large, max(files // 50, 4), _LARGE_BYTES / _MB),
    )


def _seconds_since(began: float) -> float:
    return round(time.perf_counter() - began, 2)


def _per_s(count: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def _shared(work: Callable[[int], None]) -> None:
    """Lets several clients work at once, each told its number."""
    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(work, range(_CLIENTS)))


def _send(connection: str, count: int) -> float:
    body = bytes(_EVENT_BYTES)

    def send(client: int) -> None:
        with EventHubProducerClient.from_connection_string(connection, eventhub_name=_HUB) as producer:
            left = count // _CLIENTS
            partitions = cycle(range(client, HUB_PARTITIONS, _CLIENTS))
            while left:
                # None stays empty: the SDK waits a fifth of a second for each partition that has nothing to read.
                batch = producer.create_batch(partition_id=str(next(partitions)))
                while left:
                    try:
                        batch.add(EventData(body))
                    except ValueError:  # the batch is full
                        break
                    left -= 1
                producer.send_batch(batch)

    return _per_s(count // _CLIENTS * _CLIENTS, lambda: _shared(send))


def _receive(connection: str, count: int) -> float:
    wanted = count // _CLIENTS * _CLIENTS
    seen = 0
    complete = threading.Event()
    lock = threading.Lock()
    consumer = EventHubConsumerClient.from_connection_string(connection, "$default", eventhub_name=_HUB)

    def take(_: Any, events: list[EventData]) -> None:
        nonlocal seen
        with lock:
            seen += len(events)
            if seen >= wanted:
                complete.set()

    def receive() -> None:
        reader = threading.Thread(
            target=consumer.receive_batch, args=(take,),
            kwargs={"starting_position": "-1", "max_batch_size": 1000, "prefetch": 3000}, daemon=True,
        )  # fmt: skip
        reader.start()
        if not complete.wait(_RECEIVE_LIMIT_S):
            raise RuntimeError(f"{seen} of {wanted} events came back")

    try:
        return _per_s(wanted, receive)
    finally:
        consumer.close()


def _write_items(connection: str, count: int) -> float:
    text = "x" * _ITEM_BYTES
    batches = max(count // _BATCH // _CLIENTS, 1)
    with CosmosClient.from_connection_string(connection, transport=transport()) as client:
        database = client.create_database("bench")
        container = database.create_container("items", PartitionKey("/tenant"))

        def write(number: int) -> None:
            for _ in range(batches):
                tenant = f"{number}-{uuid.uuid4()}"
                made = [
                    ("create", ({"id": str(at), "tenant": tenant, "text": text},)) for at in range(_BATCH)
                ]
                container.execute_item_batch(made, partition_key=tenant)

        return _per_s(batches * _BATCH * _CLIENTS, lambda: _shared(write))


def _write_files(connection: str, count: int, size: int) -> float:
    body = bytes(size)
    name = f"bench{size}"
    each = max(count // _CLIENTS, 1)
    with BlobServiceClient.from_connection_string(connection, transport=transport()) as service:
        container = service.create_container(name)

        def write(number: int) -> None:
            for at in range(each):
                container.upload_blob(f"{number}/{at}", body)

        return _per_s(each * _CLIENTS, lambda: _shared(write))
