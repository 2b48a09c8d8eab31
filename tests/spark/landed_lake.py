"""A lake on which all that can be landed lies side by side, and what the jobs made of it: bronze, silver, references.

One story by either road. Nothing is there; then good and bad files lie there; then the bad ones were put right, a run died
after it had planned a batch, and newer, older and absurd versions came; in the end an empty line.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from shared.names import TABLES
from tests.spark.conftest import RawLake
from tests.spark.test_jobs import PATIENT, WEIGHT, Jobs, encounter

SPARK, PYTHON = "Spark", "Python, where few rows are new"
NAMES = ("silver_patients", "silver_observations")
NEWER = PATIENT | {"id": "p8", "gender": "male"}
MADE = {"type": "Patient", "id": "c1", "client": "k", "request_sha256": "0"}
BORN = {"body": '{"resourceType":"Patient","id":"c1","gender":"other"}'}
BUNDLED = [{"resource": PATIENT}, {"resource": WEIGHT}]
REFUSED = "refused"
ABSURD = {"effectiveDateTime": "2020-02-31"}
LATER = "2026-01-02T00:00:00.000000Z"


def rules(resource: dict[str, Any]) -> list[Any]:
    """The rules of the doors for one resource: those that silver is to judge would not come so far."""
    from spark.transforms.validating import validate

    return validate(resource) if resource.get("id") == REFUSED else []


def visit(number: int) -> dict[str, Any]:
    """An encounter, of which no table is looked at here."""
    return encounter(f"e{number}", "2020-02-03T09:00:00Z")


class LandedLake:
    """`reports` are those of bronze, run by run; `read` is a table as it was after a run, counted from 0."""

    def __init__(self, spark: Any, root: Path, road: str) -> None:
        self.raw = RawLake(root)
        self.jobs = Jobs(spark, root, rules)
        self.road = road
        self.reports: list[Any] = []
        self.silver: list[dict[str, Any]] = []
        self.references: list[Any] = []
        self._kept: list[dict[str, list[dict[str, Any]]]] = []
        self._run(by=road)
        self._land_good_and_bad()
        # Silver goes on by Spark from what it began without.
        self._run(by=road, silver_by=PYTHON)
        self._put_right()
        self._land_versions()
        self._run(by=road)
        self.raw.stream()
        self._run(by=PYTHON)

    def _run(self, by: str, silver_by: str | None = None) -> None:
        from spark.jobs import references

        self.jobs.go_by_spark(by == SPARK)
        self.reports.append(self.jobs.take())
        self.jobs.go_by_spark((silver_by or by) == SPARK)
        self.silver.append(self.jobs.silver_alone(*NAMES))
        self.references.append(next(iter(references.run(self.jobs.context)), None))
        there = [name for name in TABLES if (self.raw.root / TABLES[name] / "_delta_log").is_dir()]
        self._kept.append({name: self.jobs.rows(name) for name in there})

    def read(self, table: str, run: int = -1) -> list[dict[str, Any]]:
        return self._kept[run][table]

    def reasons(self, run: int = -1) -> dict[str, int]:
        """How many were set aside, by reason."""
        found: dict[str, int] = {}
        for row in self.read("quarantine_set_aside", run):
            found[row["reason"]] = found.get(row["reason"], 0) + 1
        return found

    def _land_good_and_bad(self) -> None:
        raw = self.raw
        self.bundle = raw.stream({"resourceType": "Bundle", "type": "collection", "entry": BUNDLED})
        lost = {"subject": {"reference": "Patient/p9"}, "encounter": {"reference": "Encounter/e9"}}
        raw.stream(WEIGHT | {"id": "o9"} | lost, WEIGHT | {"id": REFUSED, "status": 1})
        raw.stream(NEWER, enqueued_at="2026-03-01T00:00:00.000000Z")
        raw.commits(MADE | {"version": "2", "deleted": True, "last_updated": LATER})
        self._cut = raw.stream(visit(1))
        self._whole = self._cut.read_bytes()
        self._cut.write_bytes(self._whole[:-9])
        changed = raw.stream(visit(2), visit(3))
        lines = gzip.decompress(changed.read_bytes()).splitlines()
        changed.write_bytes(gzip.compress(lines[0][:-20] + b"\n" + lines[1] + b"\n"))
        self._missing = raw.stream(visit(4))
        self._kept_back = self._missing.read_bytes()
        self._missing.unlink()
        raw.stream(visit(5))
        raw.stream().write_bytes(gzip.compress(b""))
        raw.write(raw.root / "raw/safety-reports/hub/0.ndjson.gz", ['{"tenant": "t", "body": 5}'])

    def _put_right(self) -> None:
        self._cut.write_bytes(self._whole)
        self._missing.write_bytes(self._kept_back)
        new = self.raw.stream(visit(6))
        self.jobs.go_by_spark(self.road == SPARK)
        dead = self.jobs.bronze()
        dead.plan(2, [file for file in dead.waiting([]) if file[0].endswith(new.name)])

    def _land_versions(self) -> None:
        raw = self.raw
        # Older ones of what is on record already.
        raw.stream(NEWER | {"gender": "unknown"}, enqueued_at="2026-02-01T00:00:00.000000Z")
        raw.commits(
            MADE | {"version": "1", "deleted": False, "last_updated": "2026-01-01T00:00:00.000000Z"} | BORN
        )
        raw.stream(
            PATIENT | {"deceasedDateTime": "1979-01-01"},
            PATIENT | {"id": "p2", "birthDate": "2031-01-01"},
            PATIENT | {"id": "p3", "birthDate": "1980", "deceasedDateTime": "1980-03"},
            PATIENT | {"id": "p4", "birthDate": 19800517},
            WEIGHT | {"id": "o2"} | ABSURD,
            WEIGHT | {"id": "o3", "valueQuantity": {"value": "heavy", "code": "kg"}},
            PATIENT | {"id": "p9"},
            enqueued_at=LATER,
        )
        # Of these, good versions and newer ones that are not come in one batch.
        weighed = WEIGHT | {"id": "o4", "component": [{"valueQuantity": {"value": 1, "code": "kg"}}]}
        for day, value in (3, 1), (4, 2):
            good = weighed | {"valueQuantity": {"value": value, "code": "kg"}}
            raw.stream(good, PATIENT | {"id": "p5"}, enqueued_at=f"2026-01-0{day}T00:00:00.000000Z")
        dead = PATIENT | {"id": "p5", "deceasedDateTime": "1979"}
        raw.stream(weighed | ABSURD, dead, enqueued_at="2026-01-05T00:00:00.000000Z")
        raw.stream(weighed | ABSURD | {"issued": LATER}, enqueued_at="2026-01-06T00:00:00.000000Z")
