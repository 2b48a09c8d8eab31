"""Raw to gold on real patients and multiples of them: resources a second by layer, and increments against full runs.

A multiple is made of copies of the same bundles with every UUID rewritten, so that it holds that many patients. What is
timed are the jobs themselves, in a session that has run once before; landing and session start are not.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from local.bench.cpu_time import cpu_time_s
from shared.domain.ingest.raw_line import RawLine
from shared.names import RawZone

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TENANT: Final = "default"
_AT: Final = "2026-01-01T00:00:00.000000Z"
_BUNDLES_A_FILE: Final = 20
PHASES: Final = ("bronze", "silver", "gold", "checks")
"""The layers, and the expectations that stand before promotion."""


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds by phase of one run over `resources` new resources of `patients` new patients, and their processor time."""

    what: str
    patients: int
    resources: int
    seconds: dict[str, float]
    cpu_s: dict[str, float]


class Landing:
    """Lands bundles as the stream door does, into a folder."""

    def __init__(self, root: Path) -> None:
        self._folder = root / f"raw/{RawZone.PATIENT_RECORDS}/clinical-events/g1/t={_TENANT}/p=0"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sequence = 0

    def land(self, texts: Iterator[str]) -> int:
        """Lands the bundles; returns how many resources they hold."""
        resources = 0
        lines: list[str] = []
        for text in texts:
            resources += resources_in(text)
            lines.append(self._line(text))
            if len(lines) == _BUNDLES_A_FILE:
                self._write(lines)
                lines = []
        if lines:
            self._write(lines)
        return resources

    def _line(self, text: str) -> str:
        body = text.encode()
        line = RawLine(
            tenant=_TENANT,
            door="stream",
            zone=RawZone.PATIENT_RECORDS,
            source=_TENANT,
            stream="clinical-events",
            generation="g1",
            partition="0",
            sequence=self._sequence,
            enqueued_at=_AT,
            landed_at=_AT,
            sha256=hashlib.sha256(body).hexdigest(),
            body=body,
        )
        self._sequence += 1
        return line.to_json()

    def _write(self, lines: Sequence[str]) -> None:
        path = self._folder / f"{self._sequence - len(lines):020d}.ndjson.gz"
        path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 3))


def copies(texts: Sequence[str], first: int, last: int) -> Iterator[str]:
    """Copies `first` to `last` of the bundles; copy 0 is the bundles themselves."""
    for number in range(first, last):
        for text in texts:
            yield text if number == 0 else _UUID.sub(partial(_renamed, number), text)


def resources_in(text: str) -> int:
    """How many resources a bundle holds."""
    return len(json.loads(text)["entry"])


def with_resources_near(texts: Sequence[str], wanted: float) -> list[str]:
    """The first bundles that hold no more resources than `wanted` together, and one of the others if that comes nearer."""
    sizes = [resources_in(text) for text in texts]
    first = sum(1 for total in accumulate(sizes) if total <= wanted)
    missing = wanted - sum(sizes[:first])
    nearest = sorted(range(first, len(texts)), key=lambda place: abs(sizes[place] - missing))[:1]
    # Without any bundle there would be no increment.
    return [*texts[:first], *(texts[place] for place in nearest if not first or sizes[place] < 2 * missing)]


def _renamed(number: int, found: re.Match[str]) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{number}/{found[0]}"))


class Bench:
    """Lakes of growing size, one after another, in one session."""

    def __init__(self, spark: Any, folder: Path, texts: Sequence[str], say: Callable[[str], None]) -> None:
        self._spark = spark
        self._folder = folder
        self._texts = texts
        self._say = say

    def multiples(self, chosen: Sequence[int]) -> Iterator[Run]:
        """A full run for each multiple, and after each an increment of one resource in a hundred."""
        self._say("a first run, not measured, warms the session")
        self._run(self._lake("warm-up", self._texts[:2]), "warm-up", 2, 0)
        for number in chosen:
            lake = self._folder / f"x{number}"
            landing = Landing(lake)
            resources = landing.land(copies(self._texts, 0, number))
            self._say(f"×{number}: {resources:,} resources")
            yield self._run(lake, f"×{number}", number * len(self._texts), resources)
            few = with_resources_near(self._texts, resources / 100)
            more = landing.land(copies(few, number, number + 1))
            yield self._run(lake, f"×{number} + 1 %", len(few), more)

    def _lake(self, name: str, texts: Sequence[str]) -> Path:
        Landing(self._folder / name).land(iter(texts))
        return self._folder / name

    def _run(self, lake: Path, what: str, patients: int, resources: int) -> Run:
        from spark.jobs.context import RunContext
        from spark.jobs.graph import plan
        from spark.paths import LakeRoot

        context = RunContext(self._spark, LakeRoot(str(lake)))
        seconds, cpu_s = dict.fromkeys(PHASES, 0.0), dict.fromkeys(PHASES, 0.0)
        for job in plan("all"):
            phase = "checks" if job.name.startswith("quality-") else job.layer
            module, _, function = job.entry.partition(":")
            started, used = time.perf_counter(), cpu_time_s()
            list(getattr(import_module(module), function)(context))
            seconds[phase] += time.perf_counter() - started
            cpu_s[phase] += cpu_time_s() - used
        self._say(f"{what}: " + ", ".join(f"{name} {each:.1f} s" for name, each in seconds.items()))
        return Run(what, patients, resources, seconds, cpu_s)
