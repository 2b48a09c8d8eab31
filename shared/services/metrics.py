"""The metrics of the whole platform: each process leaves its counts in the records, whoever is asked adds them up.

Instances of a function app cannot be scraped one by one, so a scrape of any one of them shows all. Prometheus takes a
counter that falls for one that began anew and counts all of it again, so the counts of a process that ended are kept: a
living one folds them into a total. An item says how much of it the total has (`base`), and total and item change in one
batch, so that each count is in exactly one of them however often a fold is cut off or a process comes back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.observability.meter import Export, ProcessMeter, Sums, samples_of
from shared.domain.observability.prometheus import Sample
from shared.domain.records import Item, Kind
from shared.errors import AlreadyExists, GalenError, PreconditionFailed
from shared.ports.clock import Clock
from shared.ports.records import BatchRefused, Compare, Create, Query, Records, Replace, Write
from shared.telemetry import note

TENANT: Final = "_platform"
HOME: Final = "metrics"
TOTAL: Final = "metrics.total"
EVERY_S: Final = 5.0
FOLD_EVERY: Final = 12
"""Rounds of publishing between two looks for processes that ended: a minute."""
REFRESHED: Final = timedelta(minutes=10)
"""A process whose counts do not change says so often that it lives."""
SILENT: Final = timedelta(hours=1)
"""So long without a sign, and a process has ended; its gauges are no longer shown, its counts are folded."""
FOLDED_TTL_S: Final = 7 * 86_400
"""How long the item of a folded process stays, in case the process was only suspended."""
MAX_FOLDED: Final = 25
_READS: Final = 5
_EMPTY: Final[Export] = {"counters": [], "gauges": [], "histograms": []}
_log = logging.getLogger("galen.metrics")


class Metrics:
    """Counts, and shows what was counted here and elsewhere."""

    def __init__(self, meter: ProcessMeter, records: Records, clock: Clock, process: str) -> None:
        self._meter = meter
        self._records = records
        self._clock = clock
        self._id = f"metrics.{process}"
        self._last = ""
        self._published_at = ""
        self._one_by_one = threading.Lock()
        self._stop = threading.Event()

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter."""
        self._meter.count(name, 1, **labels)

    def snapshot(self) -> list[Sample]:
        """All samples of the platform. The other processes' are some seconds old; no later snapshot of any shows less."""
        self.publish()
        total, items = self._read()
        sums, seen = Sums(), self._ago(SILENT)
        sums.add(_export(total))
        for item in items:
            _add(sums, item)
        return samples_of(sums, [_export(item) for item in items if item["at"] >= seen])

    def publish(self) -> None:
        """Leave this process's counts for the others, where they changed or a sign of life is due."""
        with self._one_by_one:
            text = json.encode(self._meter.export())
            if text != self._last or self._published_at <= self._ago(REFRESHED):
                self._write(text)

    def leave(self) -> None:
        """Publish at the end of an invocation: between two of them Lambda stops every thread, and may end the process.

        What cannot be published now is with the next invocation; it is no reason to fail this one.
        """
        try:
            self.publish()
        except GalenError as failure:
            note(_log, logging.WARNING, "metrics not published", error=type(failure).__name__)

    def _write(self, text: str) -> None:
        now = instant_text(self._clock.now())
        item: Item = {"id": self._id, "tenant": TENANT, "home": HOME, "kind": Kind.METRICS.value}
        item |= {"at": now, "body": text, "folded": False}
        there = self._records.read(TENANT, HOME, self._id)
        try:
            if there is not None:
                self._records.replace({**item, "base": there["base"]}, there["_etag"])
            else:
                # What was there before, if anything, was folded and has expired.
                self._records.create({**item, "base": self._last or json.encode(_EMPTY)})
        except (AlreadyExists, PreconditionFailed):
            return  # folded at this moment, or written by an earlier try: the next round reads it
        self._last, self._published_at = text, now

    def fold(self) -> int:
        """Add the counts of processes that ended to the total; of how many."""
        dead = (Compare("folded", "=", False), Compare("at", "<", self._ago(SILENT)))
        ended = list(self._records.query(Query(Kind.METRICS, TENANT, HOME, dead, limit=MAX_FOLDED)))
        if not ended:
            return 0
        total = self._records.read(TENANT, HOME, TOTAL)
        sums = Sums()
        sums.add(_export(total))
        writes: list[Write] = []
        for item in ended:
            _add(sums, item)
            folded = {**_plain(item), "base": item["body"], "folded": True, "ttl": FOLDED_TTL_S}
            writes.append(Replace(folded, item["_etag"]))
        try:
            self._records.commit(TENANT, HOME, [self._total(total, sums), *writes])
        except BatchRefused:
            return 0  # another instance was faster, or one of them lives: the next look tells
        return len(ended)

    def start(self, wait: Callable[[float], bool] | None = None) -> None:
        """Publish every few seconds from a thread of its own, as long as the process lives."""
        pause = wait or self._stop.wait

        def run() -> None:
            rounds = 0
            while not pause(EVERY_S):
                rounds += 1
                try:
                    self.publish()
                    if rounds % FOLD_EVERY == 0:
                        self.fold()
                except GalenError as failure:
                    note(_log, logging.WARNING, "metrics not published", error=type(failure).__name__)

        threading.Thread(target=run, name="metrics", daemon=True).start()

    def _read(self) -> tuple[Item | None, list[Item]]:
        """The total and the items that are not wholly in it, as they were at one moment: a fold in between is noticed."""
        unfolded = Query(Kind.METRICS, TENANT, HOME, (Compare("folded", "=", False),), order_by="at")
        for _ in range(_READS):
            total = self._records.read(TENANT, HOME, TOTAL)
            items = list(self._records.query(unfolded))
            after = self._records.read(TENANT, HOME, TOTAL)
            if (total or {}).get("_etag") == (after or {}).get("_etag"):
                break
        return total, items

    def _total(self, there: Item | None, sums: Sums) -> Write:
        item: dict[str, Any] = {"id": TOTAL, "tenant": TENANT, "home": HOME, "kind": Kind.METRICS.value}
        item |= {"at": instant_text(self._clock.now()), "body": json.encode(sums.export()), "folded": True}
        return Replace(item, there["_etag"]) if there else Create(item)

    def _ago(self, age: timedelta) -> str:
        return instant_text(self._clock.now() - age)


def _add(sums: Sums, item: Item) -> None:
    """What an item holds beyond what the total has of it."""
    sums.add(_export(item))
    sums.add(_export(item, "base"), -1)


def _export(item: Item | None, name: str = "body") -> Export:
    return json.decode_object(item[name]) if item else _EMPTY


def _plain(item: Item) -> Item:
    return {name: value for name, value in item.items() if not name.startswith("_")}
