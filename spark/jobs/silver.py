"""Bronze to silver: the current state of each resource, merged by source version; every version listed; the rest set aside.

How far the layer came stands in the commit of `versions`, which is written last. A run that died before is done again:
merging a batch twice changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from delta.tables import DeltaTable
from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.jobs.bronze import bronze_table
from spark.jobs.context import AT_A_TIME, RunContext
from spark.jobs.report import TableReport
from spark.jobs.set_aside import set_aside, summary
from spark.jobs.tables import (
    Progress,
    is_empty,
    merge_newer,
    open_declared,
    progress_of,
    replace_all,
    rows_written,
    set_progress,
    table_id,
)
from spark.schemas.columns import Table
from spark.schemas.derived import VERSIONS
from spark.schemas.silver import SILVER
from spark.transforms.current_state import NEWER, last_good_rows, silver_rows
from spark.transforms.plausibility import PROBLEM

_VERSION_KEY: Final = ("tenant", "type", "id", "source_version", "content_hash")


def run(context: RunContext, tables: tuple[Table, ...] = SILVER) -> Iterator[TableReport]:
    """Merges what is new in bronze since the last whole run, or with `full` makes every table anew."""
    started = time.monotonic()
    spark, lake = context.spark, context.lake
    source = bronze_table(context)
    versions, notes = open_declared(spark, lake.uri(VERSIONS.path), VERSIONS)
    bronze_id = table_id(source)
    done = 0 if context.full else progress_of(versions, bronze_id)
    rows = source.toDF()
    last = int(rows.agg(F.max("batch")).first()[0] or 0)
    if last <= done:
        yield TableReport(
            VERSIONS.path, 0, versions.toDF().count(), time.monotonic() - started, ("nothing new",)
        )
        return
    new = rows.where((F.col("batch") > done) & (F.col("batch") <= last))
    types = {row["type"] for row in new.select("type").distinct().collect()}
    set_progress(spark, Progress(bronze_id, last))
    try:
        chosen = [table for table in tables if table.type in types or context.full]
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            merges = [pool.submit(_merge, context, table, new) for table in chosen]
            try:
                for merge in merges:
                    yield merge.result()
            finally:
                pool.shutdown(cancel_futures=True)
        context.on_phase("list versions")
        yield _list_versions(context, versions, new, (*notes, *_unlisted(types)))
    finally:
        set_progress(spark, None)


def _unlisted(types: set[str]) -> list[str]:
    """Types that stay in bronze because no table is declared for them."""
    without = sorted(types - {table.type for table in SILVER})
    return [f"in bronze only: {', '.join(without)}"] if without else []


def _merge(context: RunContext, table: Table, new: DataFrame) -> TableReport:
    started = time.monotonic()
    context.on_phase(f"merge {table.name}")
    uri = context.lake.uri(table.path)
    rows = silver_rows(new, table).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        refused = rows.where(F.col(PROBLEM).isNotNull())
        good = rows.where(F.col(PROBLEM).isNull())
        if not refused.isEmpty():
            good = good.unionByName(last_good_rows(new, table, refused))
        good = good.drop(PROBLEM)
        if context.full:
            replace_all(good, uri)
        target, notes = open_declared(context.spark, uri, table)
        if context.full:
            written = target.toDF().count()
        elif is_empty(target):
            good.write.format("delta").mode("append").save(uri)
            written = rows_written(target)
        else:
            written = merge_newer(target, good, ("tenant", "id"), NEWER)
        context.on_phase(f"set aside {table.name}")
        problems = refused.withColumn("type", F.lit(table.type))
        reasons = set_aside(context, "silver", problems.withColumnRenamed(PROBLEM, "reason"))
    finally:
        rows.unpersist()
    total = context.read(table.path).count()
    return TableReport(table.path, written, total, time.monotonic() - started, (*notes, *summary(reasons)))


def _list_versions(
    context: RunContext, target: DeltaTable, new: DataFrame, notes: tuple[str, ...]
) -> TableReport:
    started = time.monotonic()
    names = [column.name for column in VERSIONS.columns if column.name not in _VERSION_KEY]
    first = F.min(F.struct("batch", "raw_path", "sequence", *(n for n in names if n not in _LINEAGE)))
    rows = new.groupBy(*_VERSION_KEY).agg(first.alias("first"))
    rows = rows.select(*_VERSION_KEY, *(F.col(f"first.{name}").alias(name) for name in names))
    rows = rows.select(*(column.name for column in VERSIONS.columns))
    if context.full:
        replace_all(rows, context.lake.uri(VERSIONS.path))
        written = context.read(VERSIONS.path).count()
    elif is_empty(target):
        rows.write.format("delta").mode("append").save(context.lake.uri(VERSIONS.path))
        written = rows_written(target)
    else:
        written = merge_newer(target, rows, _VERSION_KEY, "false")
    total = context.read(VERSIONS.path).count()
    return TableReport(VERSIONS.path, written, total, time.monotonic() - started, notes)


_LINEAGE: Final = ("batch", "raw_path", "sequence")
