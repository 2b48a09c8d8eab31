"""A driver that is killed at any phase, and a run after it: the same tables, hash for hash, as without."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.layout import CHECKOUT
from shared.names import TABLES
from tests.patience import PATIENCE_S
from tests.spark.conftest import RawLake, driver_variables
from tests.spark.test_jobs import PATIENT, WEIGHT, Jobs

pytestmark = pytest.mark.timeout(1200)
EVERYTHING = bool(os.environ.get("GALEN_TEST_EVERYTHING"))
COMPARED = ["silver_patients", "silver_versions", "quarantine_set_aside"]
MOMENTS = [("merge patients", "written", "spark"), ("append patients", "committed", "few")]
MOMENTS += [("append versions", "written", "few")]
if EVERYTHING:
    COMPARED += ["silver_clinical_events", "silver_patient_360"]
    by_spark = (
        "merge patients",
        "set aside patients",
        "list versions",
        "merge clinical events",
        "merge patient 360",
    )
    by_files = ("append patients", "append versions")
    MOMENTS = [
        (phase, moment, road)
        for road, phases in (("spark", by_spark), ("few", by_files))
        for phase in phases
        for moment in ("before", "written", "committed")
    ]
AT_ONCE = 2


@pytest.fixture
def jobs(spark: Any, raw: RawLake) -> Jobs:
    return Jobs(spark, raw.root)


def run_silver(jobs: Jobs) -> None:
    from spark.jobs import events, silver
    from spark.schemas.silver import BY_NAME
    from tests.spark.killed_driver import MERGED

    list(silver.run(jobs.context, tuple(BY_NAME[name] for name in MERGED)))
    if EVERYTHING:
        list(events.run(jobs.context))


def hashes(jobs: Jobs) -> dict[str, str]:
    """Of all rows and columns of each table, in the order of their text."""
    found = {}
    for name in COMPARED:
        if not (Path(jobs.lake.root) / TABLES[name]).is_dir():
            continue
        rows = sorted(json.dumps(row, default=str, sort_keys=True) for row in jobs.rows(name))
        found[name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def kill(lakes: Sequence[tuple[Path, str, str, str]]) -> None:
    """Lets a driver of its own die in each lake at its moment, some at once."""
    environment = driver_variables()
    for start in range(0, len(lakes), AT_ONCE):
        running = []
        for lake, phase, moment, road in lakes[start : start + AT_ONCE]:
            with (lake.parent / "log").open("wb") as log:
                command = [sys.executable, "-m", "tests.spark.killed_driver", str(lake), phase, moment, road]
                running.append(
                    subprocess.Popen(
                        command, cwd=CHECKOUT, env=environment, start_new_session=True, stdout=log, stderr=log
                    )
                )
        for process, (lake, phase, moment, _) in zip(running, lakes[start:], strict=False):
            try:
                code = process.wait(PATIENCE_S)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
            assert code == -signal.SIGKILL, (phase, moment, (lake.parent / "log").read_text()[-2_000:])


def test_a_killed_run_done_again_leaves_the_tables_of_a_whole_one(spark: Any, tmp_path: Path) -> None:
    whole = RawLake(tmp_path / "whole" / "lake")
    jobs = Jobs(spark, whole.root)
    more = [WEIGHT] if EVERYTHING else []
    whole.stream(PATIENT, PATIENT | {"id": "p2", "gender": "male"}, *more)
    jobs.take()
    run_silver(jobs)
    whole.stream(
        PATIENT | {"gender": "other"},
        PATIENT | {"id": "p3"},
        PATIENT | {"id": "p4", "birthDate": "2031-01-01"},
        PATIENT | {"id": "p2", "gender": "unknown"},
        *(each | {"subject": {"reference": "Patient/p2"}} for each in more),
        enqueued_at="2026-01-02T00:00:00.000000Z",
    )
    jobs.take()
    lakes = [(tmp_path / f"{number}" / "lake", *moment) for number, moment in enumerate(MOMENTS)]
    for lake, *_ in lakes:
        shutil.copytree(whole.root, lake)
    before = {name: len(jobs.rows(name)) for name in ("silver_patients", "silver_versions")}
    run_silver(jobs)
    wanted = hashes(jobs)
    assert before == {"silver_patients": 2, "silver_versions": 2 + len(more)}
    assert len(jobs.rows("silver_patients")) == 3
    assert len(jobs.rows("silver_versions")) == 6 + 2 * len(more)
    assert [row["reason"] for row in jobs.rows("quarantine_set_aside")] == ["birth in the future"]
    kill(lakes)
    for lake, phase, moment, road in lakes:
        if (moment, road) == ("written", "spark"):
            assert files_beyond_the_log(lake), (phase, moment, road)
        again = Jobs(spark, lake)
        run_silver(again)
        assert hashes(again) == wanted, (phase, moment, road)


def test_two_runs_at_once_over_the_same_few_rows_add_each_of_them_once(jobs: Jobs, raw: RawLake) -> None:
    raw.stream(PATIENT)
    jobs.silver("silver_patients")
    raw.stream(PATIENT | {"id": "p2"}, enqueued_at="2026-01-02T00:00:00.000000Z")
    first, phases = jobs.context, []

    def another_run_first(phase: str) -> None:
        phases.append(phase)
        if phases.count("append patients") == 1 and phase == "append patients":
            jobs.context = first
            assert jobs.silver("silver_patients")["processed/patients"].rows == 1

    jobs.context = replace(first, on_phase=another_run_first)
    assert jobs.silver("silver_patients")["processed/patients"].rows == 0
    assert len(jobs.rows("silver_patients")) == len(jobs.rows("silver_versions")) == 2


def files_beyond_the_log(lake: Path) -> set[str]:
    """Data files that no commit names: what a killed write leaves behind."""
    found: set[str] = set()
    for name in COMPARED:
        table = lake / TABLES[name]
        named = {
            json.loads(line)["add"]["path"]
            for log in table.glob("_delta_log/*.json")
            for line in log.read_text().splitlines()
            if '"add"' in line[:8]
        }
        found |= {file.name for file in table.glob("*.parquet")} - named
    return found
