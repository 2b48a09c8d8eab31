"""The metrics of the whole platform: each process leaves its counts in the records, whoever is asked adds them up.

Instances of a function app cannot be scraped one by one, so a scrape of any one of them shows all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import HOME_LENGTH
from shared.domain.ingest.raw_line import sha256_hex
from shared.domain.observability.meter import ProcessMeter, samples_of
from shared.domain.observability.prometheus import Sample
from shared.domain.records import Kind
from shared.errors import AlreadyExists, GalenError, PreconditionFailed
from shared.ports.clock import Clock
from shared.ports.records import Compare, Query, Records
from shared.telemetry import note

TENANT: Final = "_platform"
EVERY_S: Final = 5.0
KEPT: Final = timedelta(hours=1)
_log = logging.getLogger("galen.metrics")


class Metrics:
    """Counts, and shows what was counted here and elsewhere."""

    def __init__(self, meter: ProcessMeter, records: Records, clock: Clock, process: str) -> None:
        self._meter = meter
        self._records = records
        self._clock = clock
        self._process = process
        self._last = ""
        self._stop = threading.Event()

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter."""
        self._meter.count(name, 1, **labels)

    def snapshot(self) -> list[Sample]:
        """All samples of the platform: this process as it is now, the others as of some seconds ago."""
        since = instant_text(self._clock.now() - KEPT)
        mine = f"metrics.{self._process}"
        others = self._records.query(
            Query(Kind.METRICS, TENANT, None, (Compare("at", ">=", since),), order_by="at")
        )
        exports = [json.decode_object(item["body"]) for item in others if item["id"] != mine]
        return samples_of([*exports, self._meter.export()])

    def publish(self) -> None:
        """Leave this process's counts for the others, where they changed."""
        text = json.encode(self._meter.export())
        if text == self._last:
            return
        item_id, home = f"metrics.{self._process}", sha256_hex(self._process.encode())[:HOME_LENGTH]
        item: dict[str, Any] = {"id": item_id, "tenant": TENANT, "home": home, "kind": Kind.METRICS.value}
        item |= {"at": instant_text(self._clock.now()), "body": text, "ttl": int(KEPT.total_seconds())}
        there = self._records.read(TENANT, home, item_id)
        try:
            if there is None:
                self._records.create(item)
            else:
                self._records.replace(item, there["_etag"])
            self._last = text
        except (AlreadyExists, PreconditionFailed):
            return

    def start(self, wait: Callable[[float], bool] | None = None) -> None:
        """Publish every few seconds from a thread of its own, as long as the process lives."""
        pause = wait or self._stop.wait

        def run() -> None:
            while not pause(EVERY_S):
                try:
                    self.publish()
                except GalenError as failure:
                    note(_log, logging.WARNING, "metrics not published", error=type(failure).__name__)

        threading.Thread(target=run, name="metrics", daemon=True).start()
