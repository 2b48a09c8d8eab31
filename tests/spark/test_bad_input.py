"""What is landed on the way from raw to silver: taken once, set aside with the reason and counted, and the rest goes on."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("deltalake", reason="not tested: the lake's tables, which need the lake group")

from shared.domain.fhir.json import decode_object
from shared.domain.ingest.expand import expand
from shared.domain.ingest.raw_line import parse_raw_line
from tests.spark.landed_lake import MADE, PYTHON, SPARK, LandedLake
from tests.spark.test_jobs import PATIENT, Jobs

FIRST, SECOND, LAST = 1, 2, 3
"""The runs after the one over nothing."""


@pytest.fixture(scope="module", params=[SPARK, PYTHON])
def lake(spark: Any, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LandedLake:
    return LandedLake(spark, tmp_path_factory.mktemp("landed") / "lake", request.param)


def test_each_raw_file_is_taken_into_bronze_exactly_once_by_the_ids_that_the_records_have(
    lake: LandedLake,
) -> None:
    line = parse_raw_line(decode_object(gzip.decompress(lake.bundle.read_bytes()).decode()))
    wanted = {(each.key.type, each.key.id, each.home) for each in expand(line, lambda _: []).replicas}
    found = [row for row in lake.read("bronze_resources") if row["raw_path"].endswith(lake.bundle.name)]
    assert len(found) == len(wanted) == 2
    assert {(row["type"], row["id"], row["home"]) for row in found} == wanted
    assert [report.rows for report in lake.reports] == [0, 7, 19, 0]
    assert len(lake.read("bronze_resources")) == 26
    assert not list(lake.raw.root.glob("bronze/**/.*.crc"))


def test_a_batch_whose_run_died_after_planning_it_is_completed_before_the_next(lake: LandedLake) -> None:
    batches = [row["batch"] for row in lake.read("bronze_resources")]
    assert [batches.count(number) for number in (1, 2, 3)] == [7, 1, 18]


def test_damaged_files_lines_and_holes_are_set_aside_and_a_mended_file_is_taken(lake: LandedLake) -> None:
    reasons = lake.reasons(FIRST)
    assert reasons.pop("validate: json-string", None) == 1
    assert reasons == {
        "raw file: cut gzip": 1,
        "raw file: it is empty": 1,
        "raw line: it is not what was landed": 2,
        "raw chain: a file is missing": 1,
    }
    assert "1 holes: raw chain: a file is missing" in lake.reports[FIRST].notes
    visits = [sum(row["type"] == "Encounter" for row in lake.read("bronze_resources", run)) for run in (1, 2)]
    assert visits == [2, 5], "the mended one, the one that was missing, and a new one"


def test_the_rules_of_the_doors_run_in_the_workers(lake: LandedLake) -> None:
    assert [note for note in lake.reports[FIRST].notes if "validate" in note]


def test_the_absurd_is_set_aside_and_the_last_good_version_stays(lake: LandedLake) -> None:
    assert lake.silver[SECOND]["processed/patients"].notes == (
        "1 set aside: birth in the future",
        "1 set aside: birth is not a date",
        "2 set aside: death before birth",
    )
    assert lake.silver[SECOND]["processed/observations"].notes == (
        "2 set aside: effective is not a date",
        "1 set aside: value is not a number",
    )
    assert sum(lake.reasons().values()) - sum(lake.reasons(FIRST).values()) == 7
    (last_good,) = (row for row in lake.read("silver_observations") if row["components"])
    assert (last_good["value"], len(last_good["components"])) == (2.0, 1)
    assert last_good["source_version"].startswith("2026-01-04")
    assert "\n" not in last_good["id"]


def test_the_newest_version_is_current_and_deletes_too(lake: LandedLake) -> None:
    patients = lake.read("silver_patients")
    (deleted,) = (row for row in patients if row["id"] == MADE["id"])
    assert (deleted["version"], deleted["deleted"], deleted["gender"]) == ("2", True, None)
    versions = [row for row in lake.read("silver_versions") if row["id"] == MADE["id"]]
    assert sorted(row["version"] for row in versions) == ["1", "2"]
    (newest,) = (row for row in patients if row["gender"] in ("male", "unknown"))
    assert newest["gender"] == "male"
    others = [row for row in patients if row not in (deleted, newest)]
    assert sorted(row["birth_text"] for row in others) == ["1980"] + 3 * ["1980-05-17"]
    assert [row["deceased"] for row in others if row["birth_text"] == "1980-05-17"] == 3 * [None]


def test_references_to_what_is_not_on_record_are_rows_until_it_comes(lake: LandedLake) -> None:
    assert lake.references[FIRST].notes == (
        "1 missing: Observation.encounter_id",
        "1 missing: Observation.patient_id",
    )
    assert lake.references[SECOND].notes == ("1 missing: Observation.encounter_id",)
    (row,) = lake.read("silver_unresolved_references")
    assert (row["type"], row["element"], row["target_type"], row["problem"]) == (
        "Observation", "encounter_id", "Encounter", "missing",
    )  # fmt: skip


def test_a_run_over_nothing_and_one_over_an_empty_line_change_nothing(lake: LandedLake) -> None:
    for run in (0, LAST):
        assert lake.silver[run]["processed/versions"].notes == ("nothing new",)
    for table in ("silver_patients", "silver_observations"):
        assert lake.read(table, SECOND) == lake.read(table, LAST)


def test_a_column_that_a_declaration_gained_is_added_and_said_and_a_changed_type_refused(
    spark: Any, raw: Any
) -> None:
    from spark.jobs.silver import run
    from spark.jobs.stops import SchemaRefused
    from spark.schemas.columns import number
    from spark.schemas.silver import PATIENTS

    jobs = Jobs(spark, raw.root)
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
