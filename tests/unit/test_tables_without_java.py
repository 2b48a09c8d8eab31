"""The silver tables by the Python engine alone, without Spark."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("deltalake", reason="not tested: tables without Java, which need the lake group")
pytest.importorskip("pyarrow", reason="not tested: tables without Java, which need the lake group")

from shared.domain.ingest.raw_line import RawLine
from shared.names import TABLES, RawZone
from spark.plain.build import build

PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "F", "birthDate": "1980-05-17"}


def _land(lake: Path, name: int, *resources: dict[str, Any], enqueued_at: str) -> None:
    lines = []
    for number, resource in enumerate(resources):
        body = json.dumps(resource).encode()
        line = RawLine(
            tenant="default",
            door="stream",
            zone=RawZone.PATIENT_RECORDS,
            source="default",
            stream="clinical-events",
            generation="g1",
            partition="0",
            sequence=name + number,
            enqueued_at=enqueued_at,
            landed_at="2026-01-01T00:00:01.000000Z",
            sha256=hashlib.sha256(body).hexdigest(),
            body=body,
        )
        lines.append(line.to_json())
    folder = lake / "raw/patient-records/clinical-events/g1/t=default/p=0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name:020d}.ndjson.gz").write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))


def _rows(lake: Path, table: str) -> list[dict[str, Any]]:
    from deltalake import DeltaTable

    rows: list[dict[str, Any]] = DeltaTable(lake / TABLES[table]).to_pyarrow_table().to_pylist()
    return rows


def test_the_newest_version_is_shown_and_the_absurd_is_set_aside(tmp_path: Path) -> None:
    _land(tmp_path, 0, PATIENT | {"gender": "M"}, enqueued_at="2026-03-01T00:00:00.000000Z")
    _land(
        tmp_path,
        1,
        PATIENT,
        PATIENT | {"id": "p2", "deceasedDateTime": "1979"},
        {
            "resourceType": "Observation",
            "id": "o1",
            "code": {},
            "valueQuantity": {"value": "heavy", "code": "kg"},
        },
        enqueued_at="2026-02-01T00:00:00.000000Z",
    )
    reports = {report.table: report for report in build(tmp_path, lambda _: [])}
    assert [(row["gender"], row["birth_text"]) for row in _rows(tmp_path, "silver_patients")] == [
        ("male", "1980-05-17")
    ]
    assert reports["processed/patients"].notes == ("1 set aside",)
    assert sorted(row["reason"] for row in _rows(tmp_path, "quarantine_set_aside")) == [
        "death before birth",
        "value is not a number",
    ]
    assert len(_rows(tmp_path, "silver_versions")) == 4


def test_building_again_gives_the_same_rows(tmp_path: Path) -> None:
    _land(tmp_path, 0, PATIENT, enqueued_at="2026-03-01T00:00:00.000000Z")
    for _ in build(tmp_path, lambda _: []):
        pass
    first = _rows(tmp_path, "silver_patients")
    for _ in build(tmp_path, lambda _: []):
        pass
    assert _rows(tmp_path, "silver_patients") == first


def test_the_last_good_version_stays_where_newer_ones_are_absurd(tmp_path: Path) -> None:
    for day, more in enumerate(
        ({"gender": "M"}, {}, {"deceasedDateTime": "1979"}, {"birthDate": "2031-01-01"})
    ):
        _land(tmp_path, day, PATIENT | more, enqueued_at=f"2026-01-{day + 1:02}T00:00:00.000000Z")
    list(build(tmp_path, lambda _: []))
    (row,) = _rows(tmp_path, "silver_patients")
    assert (row["gender"], row["birth_text"]) == ("female", "1980-05-17")
    assert [each["reason"] for each in _rows(tmp_path, "quarantine_set_aside")] == ["birth in the future"]


def test_a_table_has_the_same_columns_whoever_makes_it() -> None:
    pytest.importorskip("pyspark", reason="not tested: Spark's schemas, which need the spark group")
    from deltalake import Schema

    from spark.plain.arrow_types import arrow_schema
    from spark.schemas.derived import DERIVED
    from spark.schemas.silver import SILVER
    from spark.schemas.struct import struct_of

    for table in (*SILVER, *DERIVED):
        by_spark = json.loads(struct_of(table).json())["fields"]
        assert json.loads(Schema.from_arrow(arrow_schema(table)).to_json())["fields"] == by_spark, table.name


def test_a_table_of_a_type_of_which_nothing_came_is_there_and_empty_and_takes_what_comes(
    tmp_path: Path,
) -> None:
    from deltalake import DeltaTable

    from spark.schemas.columns import COLUMN_CLASSIFICATION
    from spark.schemas.silver import SILVER

    _land(tmp_path, 0, PATIENT, enqueued_at="2026-03-01T00:00:00.000000Z")
    assert [report.table for report in build(tmp_path, lambda _: [])] == [
        "processed/patients",
        "processed/versions",
    ]
    for table in SILVER:
        found = DeltaTable(tmp_path / table.path)
        assert (found.metadata().description, found.version()) == (table.comment, 0)
        assert found.count() == (table.type == "Patient")
        said = {field.name: field.metadata for field in found.schema().fields}
        assert said == {
            column.name: {"comment": column.comment, COLUMN_CLASSIFICATION: str(column.classification)}
            for column in table.columns
        }
    allergy = {"resourceType": "AllergyIntolerance", "id": "a1", "patient": {"reference": "Patient/p1"}}
    _land(tmp_path, 1, allergy, enqueued_at="2026-03-02T00:00:00.000000Z")
    list(build(tmp_path, lambda _: []))
    assert len(_rows(tmp_path, "silver_allergies")) == 1
    assert DeltaTable(tmp_path / TABLES["silver_coverage"]).version() == 0
