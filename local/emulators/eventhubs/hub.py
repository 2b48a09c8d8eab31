"""The namespace and its hubs: partitions on disk, consumer groups and the routing of events."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.emulators import clock

from .config import DEFAULT_GROUP, ConfigError, HubConfig
from .log import PartitionLog, sync_folder
from .ownership import Ownership
from .partitioning import partition_of
from .throttle import Throttle

DEFAULT_RETENTION_MS = 24 * 60 * 60 * 1000


def wall_clock_ms() -> int:
    return clock.now_ns() // 1_000_000


@dataclass(frozen=True)
class Storage:
    """How partitions are kept; see PartitionLog."""

    folder: Path
    clock_ms: Callable[[], int] = wall_clock_ms
    retention_ms: int = DEFAULT_RETENTION_MS
    fsync: bool = False


class Hub:
    """One event hub.

    Its generation is the instant of its creation, kept over restarts: with partition and sequence number it
    identifies an event for ever, even where the data is deleted and the hub made anew.
    """

    def __init__(self, config: HubConfig, storage: Storage) -> None:
        self.name = config.name
        folder = storage.folder / config.name.lower()
        self.created_at_ms = _generation(folder, config, storage.clock_ms())
        self.groups = {group.lower() for group in (DEFAULT_GROUP, *config.groups)}
        self.partitions = [
            PartitionLog(
                folder / str(number),
                clock_ms=storage.clock_ms,
                retention_ms=storage.retention_ms,
                fsync=storage.fsync,
            )
            for number in range(config.partition_count)
        ]
        self.ownership = Ownership()
        self._next_partition = 0

    @property
    def partition_ids(self) -> list[str]:
        return [str(number) for number in range(len(self.partitions))]

    def partition(self, partition_id: str) -> PartitionLog | None:
        """The partition with this id, or None."""
        return self.partitions[int(partition_id)] if partition_id in self.partition_ids else None

    def route(self, key: str | None) -> PartitionLog:
        """The partition for a key; without one, each in its turn."""
        if key is not None:
            return self.partitions[partition_of(key, len(self.partitions))]
        self._next_partition = (self._next_partition + 1) % len(self.partitions)
        return self.partitions[self._next_partition]


class Namespace:
    """All hubs of one data folder, which it locks: a second process on the same folder is refused."""

    def __init__(self, hubs: Sequence[HubConfig], storage: Storage, throttle: Throttle | None = None) -> None:
        storage.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(storage.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise ConfigError(f"{storage.folder} is in use by another emulator") from error
        self.throttle = throttle
        self._hubs = {config.name.lower(): Hub(config, storage) for config in hubs}

    def hub(self, name: str) -> Hub | None:
        """The hub with this name in any case, or None."""
        return self._hubs.get(name.lower())

    def close(self) -> None:
        for hub in self._hubs.values():
            for partition in hub.partitions:
                partition.close()
        os.close(self._lock)


def _generation(folder: Path, config: HubConfig, now_ms: int) -> int:
    """The instant at which the hub was first made; raises ConfigError where it would lose partitions."""
    path = folder / "hub.json"
    folder.mkdir(parents=True, exist_ok=True)
    known = {"created_at_ms": now_ms, "partitions": 0}
    if path.exists():
        known = json.loads(path.read_text("utf-8"))
    if known["partitions"] > config.partition_count:
        raise ConfigError(
            f"hub {config.name} has {known['partitions']} partitions on disk and cannot shrink to "
            f"{config.partition_count}: configure at least as many or delete {folder}"
        )
    if known["partitions"] < config.partition_count:
        known["partitions"] = config.partition_count
        fresh = path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(known, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(folder)
    return int(known["created_at_ms"])
