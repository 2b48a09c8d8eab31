"""Bronze to silver: the current state of each resource, merged by source version; every version listed; the rest set aside.

How far the layer came stands in the commit of `versions`, which is written last. A run that died before is done again:
merging a batch twice changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from delta.tables import DeltaTable
from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.names import Zone
from spark.jobs.bronze import bronze_table
from spark.jobs.commits import TableLog
from spark.jobs.context import AT_A_TIME, RunContext
from spark.jobs.report import TableReport
from spark.jobs.set_aside import counted, set_aside, summary
from spark.jobs.tables import (
    Progress,
    make_empty,
    merge_newer,
    names_in,
    open_declared,
    progress_of,
    replace_all,
    row_count,
    rows_written,
    set_progress,
)
from spark.plain.current import NEWER, VERSION_KEY
from spark.schemas.bronze import RESOURCES
from spark.schemas.columns import Table
from spark.schemas.derived import VERSIONS
from spark.schemas.silver import SILVER
from spark.transforms.current_state import last_good_rows, silver_rows
from spark.transforms.plausibility import PROBLEM

NOTHING_NEW: Final = "nothing new"


class MergeRule(NamedTuple):
    """Which rows are the same one, and when a `new` one replaces the one there."""

    key: Sequence[str]
    newer: str


def run(context: RunContext, tables: tuple[Table, ...] = SILVER) -> Iterator[TableReport]:
    """Merges what is new in bronze since the last whole run, or with `full` makes every table anew."""
    if context.by_files:
        from spark.jobs.silver_few import run_few  # a cluster need not have deltalake

        if (reports := run_few(context, tables)) is not None:
            yield from reports
            return
    started = time.monotonic()
    spark, lake = context.spark, context.lake
    source = bronze_table(context)
    versions, notes = open_declared(spark, lake.uri(VERSIONS.path), VERSIONS)
    bronze_id = TableLog(spark, lake.uri(RESOURCES.path)).id
    done = 0 if context.full else progress_of(TableLog(spark, lake.uri(VERSIONS.path)), bronze_id)
    new = source.toDF().where(F.col("batch") > done)
    newest = {
        row["type"]: int(row["last"])
        for row in new.groupBy("type").agg(F.max("batch").alias("last")).collect()
    }
    _make_missing(context, [table for table in tables if table.type not in newest])
    if not newest:
        total = row_count(spark, lake.uri(VERSIONS.path))
        yield TableReport(VERSIONS.path, 0, total, time.monotonic() - started, (NOTHING_NEW,))
        return
    types, last = {*newest}, max(newest.values())
    new = new.where(F.col("batch") <= last)
    set_progress(spark, Progress(bronze_id, last))
    try:
        chosen = [table for table in tables if table.type in types or context.full]
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            merges = [pool.submit(_merge, context, table, new, Progress(bronze_id, last)) for table in chosen]
            try:
                for merge in merges:
                    yield merge.result()
            finally:
                pool.shutdown(cancel_futures=True)
        context.on_phase("list versions")
        notes += unlisted(types)
        yield _list_versions(context, versions, new, Progress(bronze_id, last), tuple(notes))
    finally:
        set_progress(spark, None)


def _make_missing(context: RunContext, tables: Sequence[Table]) -> None:
    """A table is there, empty, before anything of its type came: whoever asks it need not know."""
    there = names_in(context.spark, context.lake.uri(Zone.PROCESSED)) if tables else frozenset()
    for table in tables:
        if table.path.rpartition("/")[2] not in there:
            make_empty(context.spark, context.lake.uri(table.path), table)


def unlisted(types: set[str]) -> list[str]:
    """Names the types that stay in bronze because no table is declared for them."""
    without = sorted(types - {table.type for table in SILVER})
    return [f"in bronze only: {', '.join(without)}"] if without else []


def _merge(context: RunContext, table: Table, new: DataFrame, progress: Progress) -> TableReport:
    started = time.monotonic()
    context.on_phase(f"merge {table.name}")
    uri = context.lake.uri(table.path)
    rows = silver_rows(new, table).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        refused = rows.where(F.col(PROBLEM).isNotNull())
        good = rows.where(F.col(PROBLEM).isNull())
        problems = refused.withColumn("type", F.lit(table.type)).withColumnRenamed(PROBLEM, "reason")
        reasons = counted(problems)
        if reasons:
            good = good.unionByName(last_good_rows(new, table, refused))
        good = good.drop(PROBLEM)
        if context.full:
            replace_all(good, uri)
        target, notes = open_declared(context.spark, uri, table)
        if context.full:
            written = row_count(context.spark, uri)
        else:
            how = MergeRule(("tenant", "id"), NEWER)
            written = _merge_or_append(context, (uri, target), good, how, progress)
        context.on_phase(f"set aside {table.name}")
        set_aside(context, "silver", problems, reasons)
    finally:
        rows.unpersist()
    total = row_count(context.spark, uri)
    return TableReport(table.path, written, total, time.monotonic() - started, (*notes, *summary(reasons)))


def _merge_or_append(
    context: RunContext, target: tuple[str, DeltaTable], rows: DataFrame, how: MergeRule, progress: Progress
) -> int:
    """Merges into what is there; where nothing ever was, the rows are written as they are. Returns the rows written.

    What is written as it is carries a number that Delta takes once: of two first runs at once one writes.
    """
    uri, table = target
    if TableLog(context.spark, uri).has_rows():
        merge_newer(table, rows, how.key, how.newer)
    else:
        writer = rows.write.format("delta").mode("append").option("txnAppId", f"silver-{progress.table_id}")
        writer.option("txnVersion", progress.batch).save(uri)
    return rows_written(context.spark, uri)


def _list_versions(
    context: RunContext, target: DeltaTable, new: DataFrame, progress: Progress, notes: tuple[str, ...]
) -> TableReport:
    started = time.monotonic()
    names = [column.name for column in VERSIONS.columns if column.name not in VERSION_KEY]
    first = F.min(F.struct("batch", "raw_path", "sequence", *(n for n in names if n not in _LINEAGE)))
    rows = new.groupBy(*VERSION_KEY).agg(first.alias("first"))
    rows = rows.select(*VERSION_KEY, *(F.col(f"first.{name}").alias(name) for name in names))
    rows = rows.select(*(column.name for column in VERSIONS.columns))
    if context.full:
        replace_all(rows, context.lake.uri(VERSIONS.path))
        written = row_count(context.spark, context.lake.uri(VERSIONS.path))
    else:
        uri = context.lake.uri(VERSIONS.path)
        written = _merge_or_append(context, (uri, target), rows, MergeRule(VERSION_KEY, "false"), progress)
    total = row_count(context.spark, context.lake.uri(VERSIONS.path))
    return TableReport(VERSIONS.path, written, total, time.monotonic() - started, notes)


_LINEAGE: Final = ("batch", "raw_path", "sequence")
