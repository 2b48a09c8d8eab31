"""Prove that every version committed by HTTP is in a commit file, and land those that are not.

Versions are looked at by their `lastUpdated`, window after window. It is stamped before the version is on record, so a
window is looked at only when no request can be at work any more that began in it; and what was decided in it but not written
yet (a transaction that a busy store left to the sweeper, a move half way) is looked at again until it is written. How far
the sweep has come is kept in the records: however long nobody swept, nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from shared.domain.fhir.dates import instant_text
from shared.domain.records import Door, Item, Kind
from shared.ports.clock import Clock
from shared.ports.lake import Lake
from shared.ports.meter import Meter
from shared.ports.records import Compare, Query, Records, put_over
from shared.services.fhir.intents import ASIDE, STORED, intents_in, span_of
from shared.services.land_commits import LandCommits, folder_of, read_commits
from shared.services.metrics import TENANT
from shared.services.write import moves_under_way

GRACE: Final = timedelta(minutes=5)
"""An invocation works no longer: what is stamped earlier is on record, or decided and unfinished. Time for the feed, too."""
EVERY: Final = timedelta(minutes=1)
FIRST_WINDOW: Final = timedelta(hours=1)
"""How far back the first sweep of a platform looks."""
SLICE: Final = timedelta(hours=1)
TAKE: Final = timedelta(seconds=30)
"""After so long the next sweep goes on with the next slice."""
HOME: Final = "sweep"
PLACE: Final = "sweep.commits"
Span = tuple[str, str]
"""The first and the last `lastUpdated` of some versions."""


class CommitSweep:
    """Compares commits with commit files."""

    def __init__(
        self, lake: Lake, records: Records, commits: LandCommits, clock: Clock, meter: Meter
    ) -> None:
        self._lake = lake
        self._records = records
        self._commits = commits
        self._clock = clock
        self._meter = meter

    def run(self) -> int:
        """Land what is in no commit file, once a minute; how many were missing. Raises Busy and Unavailable."""
        began = self._clock.now()
        place = self._records.read(TENANT, HOME, PLACE)
        since = place["until"] if place else instant_text(began - GRACE - FIRST_WINDOW)
        until = instant_text(began - GRACE)
        if since > instant_text(began - GRACE - EVERY):
            return 0
        # Before the versions are read: what is finished in between is looked at once more, not left out.
        unfinished = sorted(set(self._unfinished()))
        missing = sum(self._land(low, high) for low, high in (place or {}).get("unfinished", ()))
        for end in _slices(since, until):
            missing += self._land(since, end)
            since, place = end, self._keep(place, end, unfinished)
            if self._clock.now() - began > TAKE:
                break
        if missing:
            self._meter.count("galen_commits_found_unlanded_total", missing)
        return missing

    def _unfinished(self) -> Iterator[Span]:
        """Of what is decided and not on record yet."""
        for status in (STORED, ASIDE):
            yield from map(span_of, intents_in(self._records, status))
        for pointer in moves_under_way(self._records):
            stamped = pointer["pending"]["lastUpdated"]
            yield stamped, stamped

    def _land(self, since: str, until: str) -> int:
        # Asked twice rather than held: a window may be an hour of bodies.
        folders = {folder_of(item) for item in self._committed(since, until)}
        landed = {name for folder in folders for name in self._landed(folder, since)}
        return self._commits.land(item for item in self._committed(since, until) if _name(item) not in landed)

    def _committed(self, since: str, until: str) -> Iterator[Item]:
        where = (
            Compare("door", "=", Door.HTTP),
            Compare("lastUpdated", ">=", since),
            Compare("lastUpdated", "<=", until),
        )
        for kind in (Kind.CURRENT, Kind.HISTORY):
            yield from self._records.query(Query(kind, None, None, where, order_by="lastUpdated"))

    def _landed(self, folder: str, since: str) -> Iterator[tuple[str, ...]]:
        tenant = folder.split("/")[2].removeprefix("t=")
        for file in self._lake.list(folder):
            if file.modified_at >= since[: len("YYYY-MM-DDTHH:MM:SS")]:
                for line in read_commits(self._lake.read(file.path)):
                    yield tenant, line["type"], line["id"], line["version"]

    def _keep(self, place: Item | None, until: str, unfinished: Iterable[Span]) -> Item:
        item: Item = {"id": PLACE, "tenant": TENANT, "home": HOME, "kind": Kind.PLACE.value, "until": until}
        item["unfinished"] = [list(span) for span in unfinished]
        etag = put_over(self._records, item, place)
        if etag is None:
            # Another sweep was at it too, and looked at the same or more.
            return self._records.read(TENANT, HOME, PLACE) or item
        return {**item, "_etag": etag}


def _slices(since: str, until: str) -> Iterator[str]:
    """The ends of windows of at most `SLICE` that lead from one instant to another."""
    while since < until:
        since = min(until, instant_text(datetime.fromisoformat(since) + SLICE))
        yield since


def _name(item: Item) -> tuple[str, ...]:
    return item["tenant"], item["type"], item["rid"], item["version"]
