"""Throughput of each door: from the first byte sent until the last resource is found by search, with exact totals."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from local.bench.figures import spread
from local.delivery.account import Account
from local.delivery.aftermath import settle
from local.delivery.api import Api
from local.delivery.deliver import Delivery
from local.delivery.show import progress
from local.delivery.sources import Document, documents
from local.delivery.target import Target
from local.exits import USAGE, CommandStopped
from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey

DATA_VARIABLE: Final = "GALEN_TEST_DATA"
ARCHIVE: Final = "synthea-r4.tar.xz"
_PROBE_EVERY_S: Final = 0.05
_PROBED_AT_ONCE: Final = 4


@dataclass(slots=True)
class DoorResult:
    """What one door did."""

    account: Account
    bundles: int
    latencies_s: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        megabytes = self.account.sent_bytes / 1e6
        return {
            **self.account.as_json(),
            "bundles": self.bundles,
            "mb_per_s": round(megabytes / self.account.seconds, 2),
            "accepted_to_searchable": {"samples": len(self.latencies_s), **spread(self.latencies_s)},
        }


def real_bundles() -> list[Document]:
    """The Synthea bundles, in an order that mixes large and small and is always the same. Raises CommandStopped."""
    folder = os.environ.get(DATA_VARIABLE)
    archive = Path(folder or ".") / ARCHIVE
    if not folder or not archive.exists():
        raise CommandStopped(
            f"the bench sends real resources: set {DATA_VARIABLE} to a folder that holds {ARCHIVE}", USAGE
        )
    return sorted(documents([archive]), key=lambda each: hashlib.sha256(each.name.encode()).digest())


def portions(bundles: Sequence[Document], doors: Sequence[str], resources: int) -> dict[str, list[Document]]:
    """For each door other patients, with at least `resources` resources, as long as there are any."""
    rest: Iterator[Document] = iter(bundles)
    chosen: dict[str, list[Document]] = {}
    for door in doors:
        mine, count = [], 0
        while count < resources and (bundle := next(rest, None)) is not None:
            mine.append(bundle)
            count += len(json.decode_object(bundle.body)["entry"])
        chosen[door] = mine
    return chosen


def run_door(target: Target, door: str, bundles: list[Document]) -> DoorResult:
    """Send the bundles; everything that costs the sender time is done before the clock starts."""
    probe = SearchProbe(target.api)
    with progress(door) as report, probe:
        delivery = Delivery(target, door, report, probe.accepted)
        items = list(delivery.ready(bundles))
        probe.since = delivery.restart_clock()
        account = delivery.run(items)
    settle(target, account, delivery.started_at, at_most_s=5.0)
    return DoorResult(account, len(bundles), probe.latencies_s)


class SearchProbe:
    """Asks, for the last resource of each document, when search first finds it after the door has accepted it.

    The oldest few are asked for at a time, so that asking stays a small part of the load; a time is an upper bound.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._waiting: list[tuple[float, ResourceKey]] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probe", daemon=True)
        self.since = ""
        self.latencies_s: list[float] = []

    def __enter__(self) -> SearchProbe:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def accepted(self, keys: Sequence[ResourceKey]) -> None:
        """Watch for the last of them from now on."""
        if keys:
            with self._lock:
                self._waiting.append((time.monotonic(), keys[-1]))

    def _run(self) -> None:
        while not (self._stop.is_set() and not self._waiting):
            with self._lock:
                oldest = self._waiting[:_PROBED_AT_ONCE]
            found = [each for each in oldest if self._finds(each[1])]
            now = time.monotonic()
            with self._lock:
                self._waiting = [each for each in self._waiting if each not in found]
            self.latencies_s += [now - at for at, _ in found]
            if not found:
                self._stop.wait(_PROBE_EVERY_S)
                if self._stop.is_set():
                    return

    def _finds(self, key: ResourceKey) -> bool:
        return bool(self._api.total(key.type, _id=key.id, _lastUpdated=f"ge{self.since}"))
