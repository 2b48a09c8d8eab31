"""Bad input on the way from raw to silver: set aside with the reason, counted, and the rest goes on."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.spark.test_jobs import PATIENT, WEIGHT, Jobs

pytestmark = [
    pytest.mark.spark,
    pytest.mark.timeout(300),
    # Spark's Python side leaves its sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def jobs(spark: Any, raw: Any) -> Jobs:
    return Jobs(spark, raw.root)


def _reasons(jobs: Jobs) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in jobs.rows("quarantine_set_aside"):
        found[row["reason"]] = found.get(row["reason"], 0) + 1
    return found


def test_damaged_files_lines_and_holes_are_set_aside_and_a_mended_file_is_taken(jobs: Jobs, raw: Any) -> None:
    raw.stream(PATIENT)
    cut = raw.stream(PATIENT | {"id": "p2"})
    whole = cut.read_bytes()
    cut.write_bytes(whole[:-9])
    changed = raw.stream(PATIENT | {"id": "p3"}, PATIENT | {"id": "p4"})
    lines = gzip.decompress(changed.read_bytes()).splitlines()
    changed.write_bytes(gzip.compress(lines[0][:-20] + b"\n" + lines[1] + b"\n"))
    missing = raw.stream(PATIENT | {"id": "p5"})
    kept = missing.read_bytes()
    missing.unlink()
    raw.stream(PATIENT | {"id": "p6"})
    raw.stream().write_bytes(gzip.compress(b""))
    report = jobs.take()
    assert report.rows == 3
    assert _reasons(jobs) == {
        "raw file: cut gzip": 1,
        "raw file: it is empty": 1,
        "raw line: it is not what was landed": 1,
        "raw chain: a file is missing": 1,
    }
    assert "1 holes: raw chain: a file is missing" in report.notes
    cut.write_bytes(whole)
    missing.write_bytes(kept)
    assert jobs.take().rows == 2
    assert jobs.take().rows == 0


def test_the_absurd_and_the_changed_are_set_aside_and_the_last_good_version_stays(
    jobs: Jobs, raw: Any
) -> None:
    raw.stream(PATIENT, WEIGHT)
    jobs.silver("silver_patients", "silver_observations")
    later = "2026-01-02T00:00:00.000000Z"
    raw.stream(
        PATIENT | {"deceasedDateTime": "1979-01-01"},
        PATIENT | {"id": "p2", "birthDate": "2031-01-01"},
        PATIENT | {"id": "p3", "birthDate": "1980", "deceasedDateTime": "1980-03"},
        PATIENT | {"id": "p4", "birthDate": 19800517},
        WEIGHT | {"id": "o2", "effectiveDateTime": "2020-02-31"},
        WEIGHT | {"id": "o3", "valueQuantity": {"value": "heavy", "code": "kg"}},
        enqueued_at=later,
    )
    reports = jobs.silver("silver_patients", "silver_observations")
    assert reports["processed/patients"].notes == (
        "1 set aside: birth in the future",
        "1 set aside: birth is not a date",
        "1 set aside: death before birth",
    )
    assert reports["processed/observations"].notes == (
        "1 set aside: effective is not a date",
        "1 set aside: value is not a number",
    )
    assert sum(_reasons(jobs).values()) == 5
    assert sorted(row["birth_text"] for row in jobs.rows("silver_patients")) == ["1980", "1980-05-17"]
    assert [row["deceased"] for row in jobs.rows("silver_patients") if row["birth_text"] == "1980-05-17"] == [
        None
    ]
