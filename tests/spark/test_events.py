"""Clinical events and rows of patients: what moved, was deleted or came anew, by Spark and by the files alone."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.spark.conftest import RawLake
from tests.spark.test_jobs import PATIENT, WEIGHT, Jobs, condition, encounter

EVENTS, PATIENTS = "silver_clinical_events", "silver_patient_360"


@pytest.fixture
def jobs(spark: Any, raw: Any) -> Jobs:
    return Jobs(spark, raw.root)


def written(resource: dict[str, Any], on: str, *, deleted: bool = False) -> dict[str, Any]:
    """A commit as the API makes it: what it wrote keeps its id whatever its patient."""
    commit = {"type": resource["resourceType"], "id": resource["id"], "client": "k", "request_sha256": "0"}
    commit |= {"version": on, "last_updated": f"{on}T00:00:00.000000Z", "deleted": deleted}
    return commit if deleted else commit | {"body": json.dumps(resource)}


def counted(jobs: Jobs) -> dict[str, tuple[int, ...]]:
    """By patient encounters, conditions, what was measured last, and the batch."""
    return {
        row["patient_id"]: (row["encounters"], row["conditions"], len(row["latest"]), row["batch"])
        for row in jobs.rows(PATIENTS)
    }


def of_events(jobs: Jobs) -> dict[str, int]:
    from spark.jobs import events

    return {report.table: report.rows for report in events.run(jobs.context)}


def sorted_rows(jobs: Jobs, table: str) -> list[str]:
    return sorted(str(row) for row in jobs.rows(table))


def test_an_event_that_moves_changes_both_patients_a_deletion_takes_it_away_and_the_rest_is_left(
    jobs: Jobs, raw: RawLake, tmp_path: Path
) -> None:
    people = [PATIENT | {"id": f"p{number}"} for number in (1, 2, 3)]
    visits = [encounter(id_, "2020-02-03T09:00:00Z") for id_ in ("e1", "e2")]
    sick = condition("c1", "e1", "a")
    raw.commits(*(written(each, "2026-01-01") for each in (*people, *visits, sick, WEIGHT)))
    names = ("silver_patients", "silver_encounters", "silver_conditions", "silver_observations")
    jobs.silver(*names)
    assert of_events(jobs) == {"processed/clinical-events": 4, "processed/patient-360": 3}
    assert counted(jobs) == {"p1": (2, 1, 1, 1), "p2": (0, 0, 0, 1), "p3": (0, 0, 0, 1)}

    moved = sick | {"subject": {"reference": "Patient/p2"}}
    raw.commits(written(moved, "2026-01-02"), written(visits[1], "2026-01-03", deleted=True))
    jobs.silver(*names)
    other = Jobs(jobs.spark, shutil.copytree(raw.root, tmp_path / "other"))
    assert of_events(jobs) == {"processed/clinical-events": 2, "processed/patient-360": 2}
    assert counted(jobs) == {"p1": (1, 0, 1, 1), "p2": (0, 1, 0, 2), "p3": (0, 0, 0, 1)}
    gone = [row for row in jobs.rows(EVENTS) if row["deleted"]]
    assert [(row["type"], row["id"], row["patient_id"], row["at"]) for row in gone] == [
        ("Encounter", "e2", None, None)
    ]
    assert of_events(jobs) == {"processed/clinical-events": 0, "processed/patient-360": 0}

    if os.environ.get("GALEN_TEST_EVERYTHING"):
        other.go_by_spark()
        of_events(other)
        for table in (EVENTS, PATIENTS):
            assert sorted_rows(other, table) == sorted_rows(jobs, table)


def test_a_run_that_ends_between_the_two_tables_is_completed_by_the_next(jobs: Jobs, raw: RawLake) -> None:
    raw.stream(PATIENT, encounter("e1", "2020-02-03T09:00:00Z"))
    jobs.silver("silver_patients", "silver_encounters")
    of_events(jobs)
    raw.stream(encounter("e2", "2020-02-04T09:00:00Z"), enqueued_at="2026-01-02T00:00:00.000000Z")
    jobs.silver("silver_patients", "silver_encounters")
    whole = jobs.context

    def end(phase: str) -> None:
        if phase == "merge patient 360":
            raise KeyboardInterrupt

    jobs.context = replace(whole, on_phase=end)
    with pytest.raises(KeyboardInterrupt):
        of_events(jobs)
    assert [row["encounters"] for row in jobs.rows(PATIENTS)] == [1]
    jobs.context = whole
    assert of_events(jobs) == {"processed/clinical-events": 0, "processed/patient-360": 1}
    assert [row["encounters"] for row in jobs.rows(PATIENTS)] == [2]
