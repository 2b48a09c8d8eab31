"""Land what was committed by HTTP: from the change feed into `raw/commits`, each version one line, doubles harmless."""

from __future__ import annotations

import gzip
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.ingest.chain import MAX_FILE_BYTES
from shared.domain.ingest.raw_line import SCHEMA_VERSION, gunzip_bounded
from shared.domain.records import Door, Item, Kind
from shared.names import RawZone, Zone
from shared.ports.clock import Clock
from shared.ports.lake import Lake
from shared.ports.meter import Meter
from shared.services.bodies import Bodies
from shared.services.dead_letters import DeadLetters
from shared.services.isolate import isolate

FOLDER: Final = f"{Zone.RAW}/{RawZone.COMMITS}"
MAX_LINES: Final = 1_000
_AFTER_SLASH: Final = chr(ord("/") + 1)
"""Behind a folder's name it sorts after everything in the folder."""
Version = tuple[str, str, str]
"""Type, id and versionId."""


def is_landable(item: Item) -> bool:
    """Whether an item of the feed is a version that came by HTTP."""
    return item.get("kind") in (Kind.CURRENT, Kind.HISTORY) and item.get("door") == Door.HTTP


class LandCommits:
    """Writes commit files."""

    def __init__(
        self,
        lake: Lake,
        bodies: Bodies,
        clock: Clock,
        meter: Meter,
        dead_letters: DeadLetters,
    ) -> None:
        self._dead_letters = dead_letters
        self._lake = lake
        self._bodies = bodies
        self._clock = clock
        self._meter = meter

    def land(self, items: Iterable[Item]) -> int:
        """Land those of the items that came by HTTP; how many. Raises Busy and Unavailable."""
        landable = [item for item in items if is_landable(item)]
        return isolate("land-commits", landable, self.redo, self._dead_letters)

    def redo(self, items: Sequence[Item]) -> int:
        """As `land`; what fails is raised, not set aside."""
        folders: dict[str, dict[Version, Item]] = defaultdict(dict)
        for item in filter(is_landable, items):
            folders[folder_of(item)][item["type"], item["rid"], item["version"]] = item
        for folder, versions in folders.items():
            ordered = sorted(versions)
            with self._meter.span("land commits", next(iter(versions.values())).get("trace", "")):
                for start in range(0, len(ordered), MAX_LINES):
                    self._write(folder, [versions[version] for version in ordered[start : start + MAX_LINES]])
        landed = sum(map(len, folders.values()))
        if landed:
            self._meter.count("galen_lines_total", landed, door=Door.HTTP)
        return landed

    def _write(self, folder: str, items: list[Item]) -> None:
        named = "\n".join(f"{item['type']}/{item['rid']}/{item['version']}" for item in items)
        name = hashlib.sha256(named.encode()).hexdigest()
        landed_at = instant_text(self._clock.now())
        text = "".join(json.encode(self._line(item, landed_at)) + "\n" for item in items)
        data = gzip.compress(text.encode(), compresslevel=1, mtime=0)
        self._lake.put_if_absent(f"{folder}/{name}.ndjson.gz", data, metadata={"count": str(len(items))})

    def _line(self, item: Item, landed_at: str) -> dict[str, Any]:
        return {
            "v": SCHEMA_VERSION,
            "door": Door.HTTP.value,
            "tenant": item["tenant"],
            "type": item["type"],
            "id": item["rid"],
            "version": item["version"],
            "deleted": item["deleted"],
            "last_updated": item["lastUpdated"],
            "source_version": item["sv"],
            "content_hash": item["hash"],
            "home": item["home"],
            "client": item.get("client", ""),
            "traceparent": item.get("trace", ""),
            "request_sha256": item.get("request", ""),
            "landed_at": landed_at,
            "body": self._bodies.text(item),
        }

    def last_landed_at(self) -> str:
        """When a commit was last landed, of those made today or yesterday; else the empty string."""
        now = self._clock.now()
        days = [instant_text(now - timedelta(days=back)).partition("T")[0] for back in (0, 1)]
        folders = [f"{tenant}/d={day}" for tenant in self._tenants() for day in days]
        return max((file.modified_at for folder in folders for file in self._lake.list(folder)), default="")

    def _tenants(self) -> Iterator[str]:
        """The tenants' folders, each by the first file in it."""
        after = ""
        while first := next(self._lake.list(FOLDER, after=after), None):
            tenant = "/".join(first.path.split("/")[:3])
            yield tenant
            after = f"{tenant}{_AFTER_SLASH}"


def folder_of(item: Item) -> str:
    """By the day of the commit as the version itself says it, so that a sweep need not list every file there ever was."""
    day = item["lastUpdated"].partition("T")[0]
    return f"{FOLDER}/t={item['tenant']}/d={day}"


def read_commits(data: bytes) -> Iterator[dict[str, Any]]:
    """The lines of a commit file."""
    for line in gunzip_bounded(data, MAX_FILE_BYTES).split(b"\n"):
        if line:
            yield json.decode_own(line)
