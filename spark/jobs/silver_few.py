"""A few new rows of bronze to silver: by the Python engine of the same views, appended by deltalake.

Spark plans a view, a merge and a count for each table, seconds each however few rows come. The rows are the same, column for
column (`spark/plain`), and so is the rule of the merge; every commit says how far it came, as Spark's do. Where rows replace
others in a table that is large, Spark merges.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc
from delta.tables import DeltaTable as SparkTable
from deltalake import DeltaTable

from spark.jobs.commits import TableLog
from spark.jobs.context import RunContext
from spark.jobs.folder_tables import (
    Change,
    Key,
    SparkMerges,
    as_arrow,
    commit,
    count_of,
    declared_folder,
    keys_of,
    one_of,
    open_folder,
    rows_of,
)
from spark.jobs.report import TableReport
from spark.jobs.set_aside import set_aside_few, summary
from spark.jobs.silver import NOTHING_NEW, unlisted
from spark.jobs.tables import Progress, merge_newer, progress_of, rows_written, set_progress, taken
from spark.plain.current import NEWER, VERSION_KEY, keep_newest, table_rows
from spark.plain.empty_tables import make_missing
from spark.schemas.bronze import DAY, RESOURCES
from spark.schemas.columns import Derived, Table
from spark.schemas.derived import VERSIONS
from spark.schemas.struct import struct_of
from spark.transforms.expand_lines import Row

MOST_LETTERS: Final = 128_000_000
"""Of all bodies together that the driver takes into its memory."""
_KEY: Final = ("tenant", "id")
_KEY_AND_VERSION: Final = (*_KEY, "source_version", "content_hash")


def run_few(context: RunContext, tables: Sequence[Table]) -> Iterator[TableReport] | None:
    """Merges what is new in bronze since the last whole run; None where that is more than a few rows."""
    started = time.monotonic()
    bronze = declared_folder(context, RESOURCES, partition_by=DAY)[0]
    versions, notes = declared_folder(context, VERSIONS)
    bronze_id = TableLog(context.spark, context.lake.uri(RESOURCES.path)).id
    done = progress_of(TableLog(context.spark, context.lake.uri(VERSIONS.path)), bronze_id)
    is_new = pc.field("batch") > done
    if count_of(bronze, is_new) > context.few:
        return None
    make_missing(Path(context.lake.root), tables)
    rows = rows_of(bronze, None, is_new)
    if not len(rows):
        seconds = time.monotonic() - started
        return iter((TableReport(VERSIONS.path, 0, versions.count(), seconds, (NOTHING_NEW,)),))
    last = int(pc.max(rows["batch"]).as_py())
    if (pc.sum(pc.utf8_length(rows["body"])).as_py() or 0) > MOST_LETTERS:
        return None
    notes += unlisted({*rows["type"].to_pylist()})
    return merge_few(context, tables, rows.to_pylist(), Progress(bronze_id, last), tuple(notes))


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
    target, widened = open_folder(context, VERSIONS)
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
    target, notes = open_folder(context, table)
    rows, refused = table_rows(table, newest, versions)
    written = _upsert(context, target, table, rows, progress)
    context.on_phase(f"set aside {table.name}")
    notes += summary(set_aside_few(context, "silver", refused))
    return TableReport(table.path, written, target.count(), time.monotonic() - started, tuple(notes))


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

    def decide(found: DeltaTable) -> Change | None:
        known = _known(found, VERSION_KEY if insert_only else _KEY_AND_VERSION, rows)
        if insert_only:
            return Change([row for row in rows if _values(row, VERSION_KEY) not in known])
        now = {key[:2]: key[2:] for key in known}
        fresh = [row for row in rows if _is_newer(row, now.get(_values(row, _KEY)))]
        gone = {_values(row, _KEY) for row in fresh} & now.keys()
        return Change(fresh, gone) if fresh else None

    try:
        phase = f"append {table.name}"
        return commit(target, table, decide, taken(progress), on_append=lambda: context.on_phase(phase))
    except SparkMerges:
        uri = context.lake.uri(table.path)
        set_progress(context.spark, progress)
        try:
            frame = context.spark.createDataFrame(as_arrow(table, rows), struct_of(table))
            merge_newer(SparkTable.forPath(context.spark, uri), frame, _KEY, NEWER)
            return rows_written(context.spark, uri)
        finally:
            set_progress(context.spark, None)


def _known(target: DeltaTable, columns: Sequence[str], rows: Sequence[Row]) -> set[Key]:
    """What the table has in these columns of the resources that `rows` are of."""
    return set(keys_of(rows_of(target, columns, one_of("id", (row["id"] for row in rows))), columns))


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
