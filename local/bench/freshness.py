"""Landed to visible in gold: raw files land at a rate while the continuous jobs run over an empty lake of their own.

A file is visible when the pass that took it into bronze has written the gold table that counts its encounters, and whole
when that pass has ended, with every other table of gold. Files are taken in the order of their names, so that the resources
bronze has taken say which files it has. At the end gold itself is asked: it must count every encounter that was landed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from local.layout import CHECKOUT
from shared.domain.ingest.raw_line import RawLine
from shared.names import TABLES, RawZone

GOAL_S: Final = 300.0
_GOLD: Final = TABLES["gold_encounters_per_condition_and_age"]
_BRONZE: Final = TABLES["bronze_resources"]
_LONGEST_S: Final = 900.0
_FOLDER: Final = f"raw/{RawZone.PATIENT_RECORDS}/clinical-events/g1/t=default/p=0"
_A_VISIT: Final = 3
"""Resources of one visit: patient, encounter, condition."""


@dataclass(slots=True)
class Run:
    """When each file was landed, and with which last resource; when gold and the whole pass had how many resources."""

    landed: list[tuple[float, int]] = field(default_factory=list)
    written: list[tuple[float, int]] = field(default_factory=list)
    passes: list[tuple[float, int]] = field(default_factory=list)
    gold: int = 0

    def delays_s(self, reached: list[tuple[float, int]]) -> list[float]:
        """Of each file the seconds until it was reached, in order of size; files that never were are left out."""
        found = []
        for at, last in self.landed:
            seen = next((end for end, taken in reached if taken >= last), None)
            if seen is not None:
                found.append(seen - at)
        return sorted(found)


class FreshnessBench:
    """One run in `folder`, by a process with `environment`."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._lake = folder / "lake"
        self._log = folder / "spark.log"
        self._environment = environment
        self._resources = 0
        self._visits = 0
        self._current = threading.Condition()
        self.run = Run()

    def measure(self, seconds: float, every_s: float, visits: int) -> Run:
        """Lands a file of so many visits every so often, then waits until all are visible."""
        self._land(visits)
        command = [sys.executable, "-m", "spark.jobs", "all", "--continuous", "--lake", str(self._lake)]
        with self._log.open("wb") as log, subprocess.Popen(
            command, cwd=CHECKOUT, env=self._environment, stdout=subprocess.PIPE, stderr=log, text=True, encoding="utf-8"
        ) as process:  # fmt: skip
            listener = threading.Thread(target=self._listen, args=(process,), daemon=True)
            listener.start()
            try:
                self._wait_for(self._resources, process)
                self.run.landed.clear()  # the first pass has the start of Spark in it
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    self._land(visits)
                    time.sleep(every_s)
                self._wait_for(self._resources, process)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait()
                listener.join()
        self.run.gold = _encounters_in(self._lake / _GOLD)
        return self.run

    @property
    def visits(self) -> int:
        """Encounters landed so far, which gold is to count."""
        return self._visits

    def end_of_log(self) -> str:
        """The last lines that Spark wrote."""
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-15:])

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        taken = 0
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "table" and event["table"] == _BRONZE:
                taken += event["rows"]
            if event["event"] == "table" and event["table"] == _GOLD:
                self.run.written.append((time.monotonic(), taken))
            if event["event"] == "current":
                with self._current:
                    self.run.passes.append((time.monotonic(), taken))
                    self._current.notify_all()
        with self._current:
            self._current.notify_all()

    def _wait_for(self, resources: int, process: subprocess.Popen[str]) -> None:
        with self._current:
            self._current.wait_for(
                lambda: (
                    process.poll() is not None or (self.run.passes and self.run.passes[-1][1] >= resources)
                ),
                _LONGEST_S,
            )
        if not self.run.passes or self.run.passes[-1][1] < resources:
            raise RuntimeError(f"the continuous jobs did not take in what was landed:\n{self.end_of_log()}")

    def _land(self, visits: int) -> None:
        """One file, whole from the moment it has its name."""
        folder = self._lake / _FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self._resources:020d}.ndjson.gz"
        lines = [self._line(each) for _ in range(visits) for each in self._visit()]
        hidden = folder / f".{name}.part"
        hidden.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
        os.replace(hidden, folder / name)  # noqa: PTH105 - one call, one name
        self.run.landed.append((time.monotonic(), self._resources))

    def _visit(self) -> list[dict[str, Any]]:
        self._visits += 1
        number = self._visits
        patient = {"reference": f"Patient/p{number}"}
        code = {
            "coding": [{"system": "http://snomed.info/sct", "code": "38341003", "display": "Hypertension"}]
        }
        return [
            {"resourceType": "Patient", "id": f"p{number}", "gender": "female", "birthDate": "1980-05-17"},
            {
                "resourceType": "Encounter", "id": f"e{number}", "status": "finished", "class": {"code": "AMB"},
                "subject": patient, "period": {"start": "2026-01-05T09:00:00Z", "end": "2026-01-05T09:30:00Z"},
            },
            {
                "resourceType": "Condition", "id": f"c{number}", "code": code, "subject": patient,
                "encounter": {"reference": f"Encounter/e{number}"},
            },
        ]  # fmt: skip

    def _line(self, resource: dict[str, Any]) -> str:
        body = json.dumps(resource).encode()
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        line = RawLine(
            tenant="default", door="stream", zone=RawZone.PATIENT_RECORDS, source="default", stream="clinical-events",
            generation="g1", partition="0", sequence=self._resources, enqueued_at=now, landed_at=now,
            sha256=hashlib.sha256(body).hexdigest(), body=body,
        )  # fmt: skip
        self._resources += 1
        return line.to_json()


def _encounters_in(table: Path) -> int:
    """The sum of the gold table's counts, read from the files that its Delta log names."""
    import pyarrow.parquet as pq

    files: set[str] = set()
    for log in sorted((table / "_delta_log").glob("*.json")):
        for action in map(json.loads, log.read_text("utf-8").splitlines()):
            if "add" in action:
                files.add(action["add"]["path"])
            if "remove" in action:
                files.discard(action["remove"]["path"])
    return sum(
        sum(pq.read_table(table / each, columns=["encounters"])["encounters"].to_pylist()) for each in files
    )


def figures(run: Run, visits: int) -> dict[str, Any]:
    """What is printed: seconds from landed to visible, and to the end of the pass, by share of the files."""
    delays = run.delays_s(run.written)
    whole = run.delays_s(run.passes)

    def share(seconds: list[float], part: float) -> float:
        return round(seconds[min(len(seconds) - 1, int(len(seconds) * part))], 1)

    return {
        "files": len(run.landed),
        "visible": len(delays),
        "visits": visits,
        "in_gold": run.gold,
        "passes": len(run.passes),
        "median_s": share(delays, 0.5),
        "p95_s": share(delays, 0.95),
        "longest_s": round(delays[-1], 1),
        "whole_p95_s": share(whole, 0.95),
        "goal_p95_s": GOAL_S,
    }
