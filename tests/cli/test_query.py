"""`local query`: SQL over Delta tables now and as they were, and the statements for other engines."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("deltalake", reason="not tested: `local query`, which needs the lake group")
pytest.importorskip("duckdb", reason="not tested: `local query`, which needs the lake group")

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from local.cli.main import main
from local.exits import CommandStopped
from shared.names import TABLES

SCHEMA = pa.schema(
    [
        ("id", pa.string()), ("birth_on", pa.date32()), ("value", pa.decimal128(10, 2)), ("at", pa.timestamp("us", "UTC")),
        ("codes", pa.list_(pa.string())), ("dead", pa.bool_()),
    ]
)  # fmt: skip
FIRST = {
    "id": "a", "birth_on": date(2000, 1, 2), "value": Decimal("1.50"), "at": datetime(2026, 1, 1, 12, tzinfo=UTC),
    "codes": ["x", "y"], "dead": False,
}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "lake/galen" / TABLES["silver_patients"]
    write_deltalake(folder, pa.Table.from_pylist([FIRST], SCHEMA), description="People's rows")
    write_deltalake(folder, pa.Table.from_pylist([{"id": "b"}], SCHEMA), mode="append")
    return tmp_path


def query(data: Path, *arguments: str) -> int:
    return main(["query", *arguments, "--data", str(data)])


def rows(data: Path, capfdbinary: Any, *arguments: str) -> list[Any]:
    assert query(data, *arguments, "--format", "ndjson") == 0
    return [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]


def test_a_query_gives_every_column_as_json(data: Path, capfdbinary: Any) -> None:
    assert query(data, "select * from silver_patients order by id", "--format", "ndjson") == 0
    assert capfdbinary.readouterr().out.decode().splitlines() == [
        '{"id":"a","birth_on":"2000-01-02","value":1.50,"at":"2026-01-01T12:00:00+00:00","codes":["x","y"],"dead":false}',
        '{"id":"b","birth_on":null,"value":null,"at":null,"codes":null,"dead":null}',
    ]


def test_tables_are_read_as_of_a_version_or_an_instant(data: Path, capfdbinary: Any) -> None:
    count = "select count(*) as n from SILVER_PATIENTS"
    first = DeltaTable(data / "lake/galen" / TABLES["silver_patients"]).history()[-1]["timestamp"]
    at = datetime.fromtimestamp(first / 1000, UTC).isoformat()
    assert rows(data, capfdbinary, count) == [{"n": 2}]
    assert rows(data, capfdbinary, count, "--as-of", "0") == [{"n": 1}]
    assert rows(data, capfdbinary, count, "--as-of", at) == [{"n": 1}]


def test_without_a_query_the_tables_are_listed(data: Path, capfdbinary: Any) -> None:
    assert rows(data, capfdbinary) == [
        {"table": "silver_patients", "path": TABLES["silver_patients"], "version": 1}
    ]


def test_columns_of_one_name_are_told_apart(data: Path, capfdbinary: Any) -> None:
    sql = "select a.id, b.id from silver_patients a join silver_patients b using (id) where a.id = 'a'"
    assert rows(data, capfdbinary, sql) == [{"id": "a", "id_2": "a"}]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["select * from nowhere"], "the query is wrong"),
        (["selec 1"], "the query is wrong"),
        (["select 1; select 2"], "one SELECT statement"),
        (["create table x as select 1"], "one SELECT statement"),
        (["select * from read_text('/etc/hostname')"], "the query"),
        (["select * from silver_patients", "--as-of", "99"], "silver_patients cannot be read"),
        (["select 1", "--as-of", "yesterday"], "a version"),
        (["select 1", "--ddl", "synapse"], "not both"),
    ],
)
def test_what_is_no_query_of_the_lake_ends_with_2(data: Path, arguments: list[str], problem: str) -> None:
    with pytest.raises(CommandStopped, match=problem) as stopped:
        query(data, *arguments)
    assert stopped.value.exit_code == 2


def test_an_empty_lake_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CommandStopped, match="local spark all"):
        query(tmp_path, "select 1")


@pytest.mark.parametrize(
    ("dialect", "parts"),
    [
        ("databricks", [
            "CREATE TABLE IF NOT EXISTS galen.silver_patients USING DELTA LOCATION 's3a://lake/x/processed/patients';",
            "IS 'People''s rows';",
            "CREATE OR REPLACE VIEW galen.silver_patients_v AS SELECT * FROM galen.silver_patients;",
        ]),
        ("snowflake", [
            "URL = 's3://lake/x/'",
            '  "value" DECIMAL(10,2) AS (value:"value"::DECIMAL(10,2)),',
            '  "codes" VARIANT AS (value:"codes"::VARIANT),',
            "LOCATION = @galen.lake/processed/patients/ FILE_FORMAT = (TYPE = PARQUET) TABLE_FORMAT = DELTA",
        ]),
        ("synapse", [
            "CREATE EXTERNAL DATA SOURCE galen_lake WITH (LOCATION = 's3a://lake/x');",
            "  [birth_on] DATE,\n  [value] DECIMAL(10,2),\n  [at] DATETIME2(6),",
            "OPENROWSET(BULK 'processed/patients/', DATA_SOURCE = 'galen_lake', FORMAT = 'DELTA')",
        ]),
    ],
)  # fmt: skip
def test_other_engines_get_external_tables_and_views(
    data: Path, capfdbinary: Any, dialect: str, parts: list[str]
) -> None:
    assert query(data, "--ddl", dialect, "--root", "s3a://lake/x/") == 0
    said = capfdbinary.readouterr().out.decode()
    assert [part for part in parts if part not in said] == []


def test_azure_is_written_as_snowflake_writes_it(data: Path, capfdbinary: Any) -> None:
    assert query(data, "--ddl", "snowflake", "--root", "abfss://galen@acc.dfs.core.windows.net/lake") == 0
    assert b"URL = 'azure://acc.blob.core.windows.net/galen/lake/'" in capfdbinary.readouterr().out


def test_the_sql_database_is_asked_and_never_written(tmp_path: Path, capfdbinary: Any) -> None:
    import sqlite3

    (tmp_path / "sql").mkdir()
    connection = sqlite3.connect(tmp_path / "sql" / "galen.sqlite")
    connection.execute(
        'CREATE TABLE "PatientAdverseEventReport" (safetyreportid, "reaction.reactionmeddrapt")'
    )
    connection.execute("INSERT INTO \"PatientAdverseEventReport\" VALUES ('1', 'Cough')")
    connection.commit()
    connection.close()
    sql = 'select * from "PatientAdverseEventReport"'
    assert rows(tmp_path, capfdbinary, sql, "--database") == [
        {"safetyreportid": "1", "reaction.reactionmeddrapt": "Cough"}
    ]
    assert rows(tmp_path, capfdbinary, "--database") == [{"table": "PatientAdverseEventReport"}]
    for wrong in (
        'delete from "PatientAdverseEventReport"',
        "select nothing from nowhere",
        "select 1; select 2",
    ):
        with pytest.raises(CommandStopped) as stopped:
            query(tmp_path, wrong, "--database")
        assert stopped.value.exit_code == 2
    assert len(rows(tmp_path, capfdbinary, sql, "--database")) == 1


def test_a_database_that_is_not_there_or_has_clients_of_its_own_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandStopped, match="local spark all"):
        query(tmp_path, "select 1", "--database")
    with pytest.raises(CommandStopped, match="goes with a query alone"):
        query(tmp_path, "select 1", "--database", "--as-of", "1")
    monkeypatch.setenv("GALEN_SQL_URL", "jdbc:sqlserver://server")
    with pytest.raises(CommandStopped, match="clients of its own"):
        query(tmp_path, "select 1", "--database")
