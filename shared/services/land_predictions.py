"""Land what models said live: from the change feed into `ml-features/live-predictions`, one line each, doubles harmless.

A RiskAssessment of a model follows from what is in raw and is in no raw file itself; the tables have it from here.
"""

from __future__ import annotations

import gzip
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.records import Door, Item, Kind
from shared.domain.stays.assessment import SYSTEM_MODELS, said_by
from shared.names import LIVE_PREDICTIONS
from shared.ports.lake import Lake
from shared.services.bodies import Bodies
from shared.services.dead_letters import DeadLetters
from shared.services.isolate import isolate

STAGE: Final = "land-predictions"
REMEMBERED: Final = 20_000
"""Versions that a process knows it has landed: each comes as the present one, and as history when another follows."""


class LandPredictions:
    """Writes files of predictions."""

    def __init__(self, lake: Lake, bodies: Bodies, dead_letters: DeadLetters) -> None:
        self._lake = lake
        self._bodies = bodies
        self._dead_letters = dead_letters
        self._landed: set[tuple[str, str, str]] = set()

    def land(self, items: Iterable[Item]) -> int:
        """Land the predictions among the items; how many. Raises Busy and Unavailable."""
        return isolate(STAGE, [item for item in items if _may_be_one(item)], self.redo, self._dead_letters)

    def redo(self, items: Sequence[Item]) -> int:
        """As `land`; what fails is raised, not set aside."""
        folders: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        seen: set[tuple[str, str, str]] = set()
        for item in filter(_may_be_one, items):
            version = item["tenant"], item["rid"], item["version"]
            row = None if version in self._landed or version in seen else self._row(item)
            seen.add(version)
            if row is not None:
                name = f"{item['rid']}/{item['version']}"
                folders[_folder(item)][name] = row
        for folder, rows in folders.items():
            name = hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()
            text = "".join(json.encode(rows[each]) + "\n" for each in sorted(rows))
            data = gzip.compress(text.encode(), compresslevel=1, mtime=0)
            self._lake.put_if_absent(f"{folder}/{name}.ndjson.gz", data)
        if len(self._landed) > REMEMBERED:
            self._landed.clear()
        self._landed |= seen
        return sum(map(len, folders.values()))

    def _row(self, item: Item) -> dict[str, Any] | None:
        text = self._bodies.text(item)
        # Most RiskAssessments are scores by rule, which are not decoded to see that.
        said = said_by(orjson.loads(text)) if SYSTEM_MODELS in text else None
        if said is None:
            return None
        return {
            "tenant": item["tenant"], "source_version": item["sv"], **said, "as_of": instant_text(said["as_of"]),
        }  # fmt: skip


def _may_be_one(item: Item) -> bool:
    """Whether an item of the feed is a RiskAssessment that this platform made."""
    return (
        item.get("kind") in (Kind.CURRENT, Kind.HISTORY)
        and item.get("door") == Door.SCORE
        and item["type"] == "RiskAssessment"
        and not item["deleted"]
    )


def _folder(item: Item) -> str:
    day = item["lastUpdated"].partition("T")[0]
    return f"{LIVE_PREDICTIONS}/t={item['tenant']}/d={day}"
