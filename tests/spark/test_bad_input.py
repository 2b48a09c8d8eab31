"""Bad input on the way from raw to silver: set aside with the reason, counted, and the rest goes on."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import Any

import pytest

from tests.spark.test_jobs import PATIENT, WEIGHT, Jobs

NEWER = PATIENT | {"id": "p8", "gender": "male"}
MADE = {"type": "Patient", "id": "c1", "client": "k", "request_sha256": "0"}
BORN = {"body": '{"resourceType":"Patient","id":"c1","gender":"other"}'}


@pytest.fixture
def jobs(spark: Any, raw: Any) -> Jobs:
    return Jobs(spark, raw.root)


def _reasons(jobs: Jobs) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in jobs.rows("quarantine_set_aside"):
        found[row["reason"]] = found.get(row["reason"], 0) + 1
    return found


@pytest.mark.parametrize("by", ["Spark", "Python, where few rows are new"])
def test_damaged_files_lines_and_holes_are_set_aside_and_a_mended_file_is_taken(
    jobs: Jobs, raw: Any, by: str
) -> None:
    if by == "Spark":
        jobs.by_spark()
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
    raw.write(raw.root / "raw/safety-reports/hub/0.ndjson.gz", ['{"tenant": "t", "body": 5}'])
    report = jobs.take()
    assert report.rows == 3
    assert _reasons(jobs) == {
        "raw file: cut gzip": 1,
        "raw file: it is empty": 1,
        "raw line: it is not what was landed": 2,
        "raw chain: a file is missing": 1,
    }
    assert "1 holes: raw chain: a file is missing" in report.notes
    cut.write_bytes(whole)
    missing.write_bytes(kept)
    assert jobs.take().rows == 2


@pytest.mark.parametrize("by", ["Spark", "Python, where few rows are new"])
def test_the_newest_good_version_is_current_deletes_too_the_absurd_is_set_aside_and_lost_references_are_rows(
    jobs: Jobs, raw: Any, by: str
) -> None:
    from spark.jobs.references import run

    assert jobs.silver("silver_patients")["processed/versions"].notes == ("nothing new",)
    lost = {"subject": {"reference": "Patient/p9"}, "encounter": {"reference": "Encounter/e9"}}
    raw.stream(PATIENT, WEIGHT, WEIGHT | {"id": "o9"} | lost)
    raw.stream(NEWER, enqueued_at="2026-03-01T00:00:00.000000Z")
    raw.commits(MADE | {"version": "2", "deleted": True, "last_updated": "2026-01-02T00:00:00.000000Z"})
    jobs.silver("silver_patients", "silver_observations")
    (report,) = run(jobs.context)
    assert report.notes == ("1 missing: Observation.encounter_id", "1 missing: Observation.patient_id")
    absurd = {"effectiveDateTime": "2020-02-31"}
    later = "2026-01-02T00:00:00.000000Z"
    if by == "Spark":
        jobs.by_spark()
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
        WEIGHT | {"id": "o2"} | absurd,
        WEIGHT | {"id": "o3", "valueQuantity": {"value": "heavy", "code": "kg"}},
        PATIENT | {"id": "p9"},
        enqueued_at=later,
    )
    # Of these, good versions and newer ones that are not come in one batch.
    weighed = WEIGHT | {"id": "o4", "component": [{"valueQuantity": {"value": 1, "code": "kg"}}]}
    for day, value in (3, 1), (4, 2):
        good = weighed | {"valueQuantity": {"value": value, "code": "kg"}}
        raw.stream(good, PATIENT | {"id": "p5"}, enqueued_at=f"2026-01-0{day}T00:00:00.000000Z")
    dead = PATIENT | {"id": "p5", "deceasedDateTime": "1979"}
    raw.stream(weighed | absurd, dead, enqueued_at="2026-01-05T00:00:00.000000Z")
    raw.stream(weighed | absurd | {"issued": later}, enqueued_at="2026-01-06T00:00:00.000000Z")
    reports = jobs.silver("silver_patients", "silver_observations")
    assert reports["processed/patients"].notes == (
        "1 set aside: birth in the future",
        "1 set aside: birth is not a date",
        "2 set aside: death before birth",
    )
    assert reports["processed/observations"].notes == (
        "2 set aside: effective is not a date",
        "1 set aside: value is not a number",
    )
    assert sum(_reasons(jobs).values()) == 7
    patients = jobs.rows("silver_patients")
    (deleted,) = (row for row in patients if row["id"] == MADE["id"])
    assert (deleted["version"], deleted["deleted"], deleted["gender"]) == ("2", True, None)
    versions = [row for row in jobs.rows("silver_versions") if row["id"] == MADE["id"]]
    assert sorted(row["version"] for row in versions) == ["1", "2"]
    (newest,) = (row for row in patients if row["gender"] in ("male", "unknown"))
    assert newest["gender"] == "male"
    others = [row for row in patients if row not in (deleted, newest)]
    assert sorted(row["birth_text"] for row in others) == ["1980"] + 3 * ["1980-05-17"]
    assert [row["deceased"] for row in others if row["birth_text"] == "1980-05-17"] == 3 * [None]
    (last_good,) = (row for row in jobs.rows("silver_observations") if row["components"])
    assert (last_good["value"], len(last_good["components"])) == (2.0, 1)
    assert last_good["source_version"].startswith("2026-01-04")
    assert "\n" not in last_good["id"]
    (report,) = run(jobs.context)
    assert report.notes == ("1 missing: Observation.encounter_id",)
    (row,) = jobs.rows("silver_unresolved_references")
    assert (row["type"], row["element"], row["target_type"], row["problem"]) == (
        "Observation", "encounter_id", "Encounter", "missing",
    )  # fmt: skip
    raw.stream()
    jobs.silver("silver_patients")
    assert jobs.rows("silver_patients") == patients


def test_a_column_that_a_declaration_gained_is_added_and_said_and_a_changed_type_refused(
    jobs: Jobs, raw: Any
) -> None:
    from spark.jobs.silver import run
    from spark.jobs.stops import SchemaRefused
    from spark.schemas.columns import number
    from spark.schemas.silver import PATIENTS

    raw.stream(PATIENT)
    jobs.take()
    older = replace(
        PATIENTS, fields=tuple(each for each in PATIENTS.fields if each.columns[0].name != "language")
    )
    list(run(jobs.context, (older,)))
    assert "language" not in jobs.rows("silver_patients")[0]
    language = {"communication": [{"language": {"coding": [{"code": "de"}]}}]}
    raw.stream(PATIENT | {"id": "p2"} | language)
    jobs.take()
    changed = tuple(
        number("gender", "a number now") if each == text_of(PATIENTS, "gender") else each
        for each in PATIENTS.fields
    )
    with pytest.raises(SchemaRefused, match="processed/patients: the type of gender was changed"):
        list(run(jobs.context, (replace(PATIENTS, fields=changed),)))
    report = next(each for each in run(jobs.context, (PATIENTS,)) if each.table == "processed/patients")
    assert report.notes == ("new column language",)
    assert {row["id"][:0] + str(row["language"]) for row in jobs.rows("silver_patients")} == {"None", "de"}


def text_of(table: Any, name: str) -> Any:
    return next(each for each in table.fields if each.columns[0].name == name)
