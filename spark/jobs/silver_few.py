"""A few new rows of bronze to silver: by the Python engine of the same views, appended by deltalake.

Spark plans a view, a merge and a count for each table, seconds each however few rows come. The rows are the same, column for
column (`spark/plain`), and so is the rule of the merge; every commit says how far it came, as Spark's do. Where rows replace
others, Spark merges.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from delta.tables import DeltaTable as SparkTable
from deltalake import CommitProperties, DeltaTable, write_deltalake

from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.set_aside import set_aside, summary
from spark.jobs.tables import LOCAL, Progress, merge_newer, open_declared, said_of, set_progress
from spark.plain.arrow_types import arrow_schema
from spark.plain.current import NEWER, VERSION_KEY, keep_newest, table_rows
from spark.schemas.columns import Derived, Table
from spark.schemas.derived import SET_ASIDE, VERSIONS
from spark.schemas.struct import struct_of
from spark.transforms.expand_lines import Row

_KEY: Final = ("tenant", "id")
_KEY_AND_VERSION: Final = (*_KEY, "source_version", "content_hash")


def merge_few(
    context: RunContext,
    tables: Sequence[Table],
    rows: Sequence[Row],
    progress: Progress,
    notes: tuple[str, ...],
) -> Iterator[TableReport]:
    """Merges the rows into the tables of their types, then lists their versions: the last commit, as in a run by Spark."""
    newest: dict[str, dict[tuple[str, str], Row]] = {}
    versions: dict[tuple[Any, ...], Row] = {}
    # Of a version that came twice the first is kept.
    for row in sorted(rows, key=_arrival):
        versions.setdefault(tuple(row[name] for name in VERSION_KEY), row)
        keep_newest(newest.setdefault(row["type"], {}), row)
    for table in tables:
        if table.type in newest:
            yield _merge(context, table, newest[table.type].values(), versions.values(), progress)
    started = time.monotonic()
    context.on_phase("list versions")
    target, widened = _opened(context, VERSIONS)
    written = _upsert(context, target, VERSIONS, list(versions.values()), progress, insert_only=True)
    yield TableReport(VERSIONS.path, written, target.count(), time.monotonic() - started, (*notes, *widened))


def _arrival(row: Row) -> tuple[Any, ...]:
    """Nulls first, as Spark sorts them."""
    found = (row[name] for name in ("batch", "raw_path", "sequence"))
    return tuple(() if each is None else (each,) for each in found)


def _merge(
    context: RunContext,
    table: Table,
    newest: Collection[Row],
    versions: Collection[Row],
    progress: Progress,
) -> TableReport:
    started = time.monotonic()
    context.on_phase(f"merge {table.name}")
    target, notes = _opened(context, table)
    rows, refused = table_rows(table, newest, versions)
    written = _upsert(context, target, table, rows, progress)
    context.on_phase(f"set aside {table.name}")
    if refused:
        columns = [column.name for column in SET_ASIDE.columns]
        schema = struct_of(SET_ASIDE)
        frame = context.spark.createDataFrame(
            [[row.get(name) for name in columns] for row in refused], schema
        )
        notes += summary(set_aside(context, "silver", frame.drop("layer")))
    return TableReport(table.path, written, target.count(), time.monotonic() - started, tuple(notes))


def _opened(context: RunContext, table: Table | Derived) -> tuple[DeltaTable, list[str]]:
    """The table, made or widened by Spark where it is not as it is declared, and what was done. Raises SchemaRefused."""
    uri = context.lake.uri(table.path)
    folder = uri.removeprefix(LOCAL)
    if DeltaTable.is_deltatable(folder):
        found = DeltaTable(folder)
        has = {each["name"]: each["type"] for each in json.loads(found.schema().to_json())["fields"]}
        wanted = json.loads(struct_of(table).json())["fields"]
        if all(has.get(each["name"]) == each["type"] for each in wanted):
            return found, []
    notes = open_declared(context.spark, uri, table)[1]
    return DeltaTable(folder), notes


def _upsert(
    context: RunContext,
    target: DeltaTable,
    table: Table | Derived,
    rows: Sequence[Row],
    progress: Progress,
    *,
    insert_only: bool = False,
) -> int:
    """Rows replace older versions of their resources, or are added. Returns the rows written.

    With `insert_only` what is there is left as it is, and a commit says how far it came even where nothing was added.
    """
    known = _known(target, VERSION_KEY if insert_only else _KEY_AND_VERSION, rows)
    if insert_only:
        fresh, replaces = [row for row in rows if _values(row, VERSION_KEY) not in known], False
    else:
        now = {key[:2]: key[2:] for key in known}
        fresh = [row for row in rows if _is_newer(row, now.get(_values(row, _KEY)))]
        replaces = any(_values(row, _KEY) in now for row in fresh)
    if not fresh and not insert_only:
        return 0
    schema = arrow_schema(table)
    values = [{name: row.get(name) for name in schema.names} for row in fresh]
    source = pa.Table.from_pylist(values, schema=schema)
    if not replaces:
        said = CommitProperties(custom_metadata={"userMetadata": said_of(progress)})
        write_deltalake(target, source, mode="append", commit_properties=said)
        return len(fresh)
    # deltalake merges too, but writes strings in a form that a filter of pyarrow does not take.
    uri = context.lake.uri(table.path)
    set_progress(context.spark, progress)
    try:
        frame = context.spark.createDataFrame(source, struct_of(table))
        merge_newer(SparkTable.forPath(context.spark, uri), frame, _KEY, NEWER)
    finally:
        set_progress(context.spark, None)
    return len(fresh)


def _known(target: DeltaTable, columns: Sequence[str], rows: Sequence[Row]) -> set[tuple[Any, ...]]:
    """What the table has in these columns of the resources that `rows` are of."""
    ids = pa.array(sorted({row["id"] for row in rows}), pa.string())
    found = target.to_pyarrow_dataset().to_table(list(columns), filter=pc.field("id").isin(ids))
    return set(zip(*(found[name].to_pylist() for name in columns), strict=True))


def _values(row: Row, columns: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in columns)


def _is_newer(row: Row, now: tuple[str, str] | None) -> bool:
    """`NEWER` of a row and of the version and the hash there, None where there is none."""
    if now is None:
        return True
    version, content_hash = now
    return bool(
        row["source_version"] > version
        or (row["source_version"] == version and row["content_hash"] < content_hash)
    )
