"""PatientAdverseEventReport in a SQL database: the rows of gold, however often and however badly the load ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="not tested: the SQL database, whose load needs Spark")

from shared.names import SQL_PASSWORD, SQL_URL, SQL_USER, TABLES
from spark.jobs.context import RunContext
from spark.jobs.sql import run
from spark.jobs.stops import DatabaseRefused
from spark.paths import LakeRoot
from spark.sql.database import JdbcDatabase, SqliteDatabase, database_of, quoted
from spark.sql.load import COLUMNS, TABLE, load

SCHEMA = (
    "safetyreportid STRING, transmissiondate_converted DATE, patientonsetage INT, patientsex INT, "
    "`reaction.reactionmeddrapt` STRING, drug_name STRING, drug_characterization INT, drug_indication STRING, "
    "is_overdose BOOLEAN"
)


def row(report: str, reaction: str, drug: str = "ASPIRIN", *, age: int | None = 40) -> tuple[Any, ...]:
    from datetime import date

    return report, date(2026, 3, 29), age, 2, reaction, drug, 1, None, "overdose" in reaction


FIRST = [
    row("1", "Headache"),
    row("1", "Headache"),  # the same drug named twice
    row("1", "Röteln"),
    row("2", "Accidental overdose", 'O\'NEIL "X"; DROP TABLE reports', age=None),
    row("3", "Cough"),
]


@pytest.fixture(params=["sqlite", "jdbc"])
def database(request: pytest.FixtureRequest, spark: Any, tmp_path: Path) -> Any:
    """SQLite, and Apache Derby by its JDBC driver, which Spark brings: the road to Azure SQL."""
    if request.param == "sqlite":
        return SqliteDatabase(tmp_path / "sql" / "galen.sqlite", spark)
    return JdbcDatabase(f"jdbc:derby:memory:{tmp_path.name};create=true", spark)


def frame(spark: Any, rows: Iterable[tuple[Any, ...]]) -> Any:
    return spark.createDataFrame(list(rows), SCHEMA)


def shown(database: Any) -> list[tuple[Any, ...]]:
    """The rows as they stand in the database; SQLite has neither days nor truths of its own."""
    schema = SCHEMA
    if isinstance(database, SqliteDatabase):
        schema = schema.replace("DATE", "STRING").replace("BOOLEAN", "INT")
    rows = [tuple(row) for row in database.read(TABLE, schema).collect()]
    return sorted(((row[0], str(row[1]), *row[2:8], bool(row[8])) for row in rows), key=repr)


def wanted(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(((r[0], str(r[1]), *r[2:]) for r in rows), key=repr)


def test_a_load_writes_what_changed_and_takes_away_what_is_gone_and_one_that_was_cut_off_is_made_good(
    spark: Any, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(database, frame(spark, FIRST)) == (3, 5)
    assert shown(database) == wanted(FIRST)
    assert load(database, frame(spark, FIRST)) == (0, 5)
    assert shown(database) == wanted(FIRST)

    later = [*FIRST[:3], row("2", "Nausea"), row("4", "Fall")]
    put_aside = database.put_aside

    def cut(table: str, rows: Any) -> None:
        put_aside(table, rows)
        if "rows_aside" in table:
            raise DatabaseRefused("the connection is gone")

    monkeypatch.setattr(database, "put_aside", cut)
    with pytest.raises(DatabaseRefused):
        load(database, frame(spark, later))
    assert shown(database) == wanted(FIRST)
    monkeypatch.undo()
    assert load(database, frame(spark, later)) == (3, 5)
    assert shown(database) == wanted(later)


def test_a_table_that_somebody_emptied_or_added_to_is_loaded_anew_and_a_full_load_is_one(
    spark: Any, database: Any
) -> None:
    load(database, frame(spark, FIRST))
    database.execute(f"DELETE FROM {quoted(TABLE)} WHERE {quoted('safetyreportid')} = '1'")
    assert load(database, frame(spark, FIRST)) == (3, 5)
    assert shown(database) == wanted(FIRST)
    names = ", ".join(quoted(name) for name in ("safetyreportid", "drug_name"))
    database.execute(f"INSERT INTO {quoted(TABLE)} ({names}) VALUES ('foreign', 'X')")
    assert load(database, frame(spark, FIRST)) == (3, 5)
    assert shown(database) == wanted(FIRST)
    assert load(database, frame(spark, FIRST[:3]), full=True) == (1, 3)
    assert load(database, frame(spark, [])) == (1, 0)
    assert shown(database) == []


def test_a_statement_that_fails_takes_back_those_before_it_and_shows_no_value(database: Any) -> None:
    database.execute("CREATE TABLE kept (n INT)", "INSERT INTO kept VALUES (1)")
    with pytest.raises(DatabaseRefused) as refused:
        database.execute("DELETE FROM kept", "INSERT INTO canary VALUES ('canary-4711')")
    assert "canary-4711" not in str(refused.value)
    assert database.value("SELECT COUNT(*) FROM kept") == 1


def test_the_settings_choose_the_database(spark: Any, tmp_path: Path) -> None:
    assert database_of({}, spark) is None
    assert isinstance(database_of({SQL_URL: f"sqlite:{tmp_path}/a"}, spark), SqliteDatabase)
    azure = database_of({SQL_URL: "jdbc:sqlserver://x", SQL_USER: "u", SQL_PASSWORD: "p"}, spark)
    assert isinstance(azure, JdbcDatabase)
    assert (azure.types["BOOLEAN"], azure.types["TEXT"]) == ("BIT", "NVARCHAR({})")
    with pytest.raises(DatabaseRefused, match="must begin with"):
        database_of({SQL_URL: "postgres://secret"}, spark)


def test_the_job_says_what_keeps_it_from_writing_and_writes_exactly_the_published_columns(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = RunContext(spark, LakeRoot(str(tmp_path / "lake")))
    monkeypatch.delenv(SQL_URL, raising=False)
    (nowhere,) = run(context)
    monkeypatch.setenv(SQL_URL, f"sqlite:{tmp_path}/galen.sqlite")
    (nothing,) = run(context)
    frame(spark, FIRST).write.format("delta").save(
        context.lake.uri(TABLES["gold_patient_adverse_event_report"])
    )
    (loaded,) = run(context)
    assert "names no database" in nowhere.notes[0]
    assert "not" not in nothing.notes[0] or "no adverse event reports" in nothing.notes[0]
    assert (loaded.rows, loaded.total) == (3, 5)
    with sqlite3.connect(tmp_path / "galen.sqlite") as connection:
        found = [column[1] for column in connection.execute(f"PRAGMA table_info({TABLE})")]
    connection.close()
    assert found == [name for name, _, _ in COLUMNS]
    assert found == [field.name for field in frame(spark, FIRST).schema.fields]
