"""PatientAdverseEventReport in a SQL database: the same rows as in the lake, however often the load runs.

Each report has a hash of its rows beside the table (`…_loaded`). A load writes the reports whose hash is another, and
those that are new or gone: first aside, by as many writers as there are, then into the table in one transaction, so that
a reader sees the reports as before or as after, and a load that was cut off is simply run again.
"""

# ruff: noqa: S608 - names are our own and quoted, values never stand in a statement
from __future__ import annotations

from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.sql.database import Database, columns_sql, quoted

TABLE: Final = "PatientAdverseEventReport"
LOADED: Final = f"{TABLE}_loaded"
_ROWS_ASIDE: Final = f"{TABLE}_rows_aside"
_REPORTS_ASIDE: Final = f"{TABLE}_reports_aside"
ID: Final = "safetyreportid"
_HASH: Final = "content_hash"
_TEXT: Final = 1_000
"""Characters of a text, as long as the door takes them (`shared.domain.safety.report`)."""
_Columns = tuple[tuple[str, str, int], ...]
# Names and types of the published columns.
COLUMNS: Final[_Columns] = (
    (ID, "TEXT", 100),
    ("transmissiondate_converted", "DATE", 0),
    ("patientonsetage", "INT", 0),
    ("patientsex", "INT", 0),
    ("reaction.reactionmeddrapt", "TEXT", _TEXT),
    ("drug_name", "TEXT", _TEXT),
    ("drug_characterization", "INT", 0),
    ("drug_indication", "TEXT", _TEXT),
    ("is_overdose", "BOOLEAN", 0),
)
_LOADED_COLUMNS: Final[_Columns] = ((ID, "TEXT", 100), (_HASH, "TEXT", 64), ("rows", "INT", 0))


def load(database: Database, reports: DataFrame, *, full: bool = False) -> tuple[int, int]:
    """Bring the table up to the rows of gold. How many reports changed, and how many rows there are; DatabaseRefused."""
    _prepare(database)
    anew = full or _was_touched(database)
    rows = reports.select(*(F.col(f"`{name}`") for name, _, _ in COLUMNS)).persist()
    try:
        loaded = database.read(LOADED, f"{ID} STRING, {_HASH} STRING, rows INT")
        changed = _changed(rows, loaded.limit(0) if anew else loaded).persist()
        try:
            number = changed.count()
            if number or anew:
                _replace(database, rows, changed, anew=anew)
        finally:
            changed.unpersist()
    finally:
        rows.unpersist()
    return number, database.value(f"SELECT COUNT(*) FROM {quoted(TABLE)}")


def _prepare(database: Database) -> None:
    for table, columns in ((TABLE, COLUMNS), (LOADED, _LOADED_COLUMNS)):
        if not database.has(table):
            index = quoted(f"{table}_by_report")
            database.execute(
                _create(database, table, columns), f"CREATE INDEX {index} ON {quoted(table)} ({quoted(ID)})"
            )


def _create(database: Database, table: str, columns: _Columns) -> str:
    typed = [(name, database.types[kind].format(length)) for name, kind, length in columns]
    return f"CREATE TABLE {quoted(table)} ({columns_sql(typed)})"


def _was_touched(database: Database) -> bool:
    """Whether the table has other rows than were loaded: somebody emptied it, say. Then everything is loaded anew."""
    expected = database.value(f"SELECT SUM({quoted('rows')}) FROM {quoted(LOADED)}")
    return database.value(f"SELECT COUNT(*) FROM {quoted(TABLE)}") != expected


def _changed(rows: DataFrame, loaded: DataFrame) -> DataFrame:
    """The reports to write: with their new hash, or with null where gold has them no more."""
    content = F.struct(*(F.col(f"`{name}`").alias(f"c{at}") for at, (name, _, _) in enumerate(COLUMNS)))
    # Equal rows may stand in a report more than once; they count.
    hashed = F.sha2(F.to_json(F.array_sort(F.collect_list(content))), 256)
    wanted = rows.groupBy(ID).agg(hashed.alias(_HASH), F.count("*").cast("int").alias("rows"))
    known = loaded.select(ID, F.col(_HASH).alias("known"))
    joined = wanted.join(known, ID, "full_outer")
    return joined.where(~F.col(_HASH).eqNullSafe(F.col("known"))).select(ID, _HASH, "rows")


def _replace(database: Database, rows: DataFrame, changed: DataFrame, *, anew: bool) -> None:
    written = changed.where(F.col(_HASH).isNotNull()).select(ID)
    selected = [F.col(f"`{name}`") for name, _, _ in COLUMNS]
    database.put_aside(_REPORTS_ASIDE, changed)
    database.put_aside(_ROWS_ASIDE, rows.join(written, ID).select(*selected))
    id_, hash_, text = quoted(ID), quoted(_HASH), database.types["TEXT"]
    among = f" WHERE {id_} IN (SELECT CAST({id_} AS {text.format(100)}) FROM {quoted(_REPORTS_ASIDE)})"
    chosen = "" if anew else among
    database.execute(
        f"DELETE FROM {quoted(TABLE)}{chosen}",
        f"DELETE FROM {quoted(LOADED)}{chosen}",
        _move(database, _ROWS_ASIDE, TABLE, COLUMNS),
        f"{_move(database, _REPORTS_ASIDE, LOADED, _LOADED_COLUMNS)} WHERE {hash_} IS NOT NULL",
    )
    database.execute(f"DROP TABLE {quoted(_ROWS_ASIDE)}", f"DROP TABLE {quoted(_REPORTS_ASIDE)}")


def _move(database: Database, source: str, target: str, columns: _Columns) -> str:
    names = ", ".join(quoted(name) for name, _, _ in columns)
    values = ", ".join(
        f"CAST({quoted(name)} AS {database.types[kind].format(length)})" if kind == "TEXT" else quoted(name)
        for name, kind, length in columns
    )
    return f"INSERT INTO {quoted(target)} ({names}) SELECT {values} FROM {quoted(source)}"
