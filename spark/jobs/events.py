"""Silver to silver: what changed in the tables by type becomes clinical events, and the patients concerned are done anew.

The change feed of the events names a patient whom an event was moved away from, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import reduce
from typing import Final

from delta.tables import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.jobs.bronze import bronze_table
from spark.jobs.commits import TableLog, newest_change, readable_from
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.tables import (
    CHANGE_FEED,
    Progress,
    open_declared,
    progress_of,
    replace_all,
    row_count,
    rows_written,
    set_progress,
)
from spark.schemas.bronze import RESOURCES
from spark.schemas.columns import Derived, Table
from spark.schemas.derived import CLINICAL_EVENTS, PATIENT_360, VERSIONS
from spark.schemas.silver import BY_NAME, PATIENTS
from spark.transforms.clinical_events import SOURCES, events_of
from spark.transforms.patient_360 import INPUTS, patient_360

_NEWER: Final = "new.source_version >= now.source_version"
"""The same version again too: silver may hold another content of it where two conflict."""


def run(context: RunContext) -> Iterator[TableReport]:
    """Both tables, each with what it has not seen."""
    for log, opened in ((_log(context, RESOURCES), bronze_table), (_log(context, VERSIONS), _versions)):
        if not log.exists:
            opened(context)
    bronze_id = _log(context, RESOURCES).id
    last = progress_of(_log(context, VERSIONS), bronze_id)
    for few, by_spark in ((_events_few, _events), (_patients_few, _patients)):
        report = few(context, bronze_id, last) if context.by_files else None
        if report is None:
            try:
                report = by_spark(context, bronze_id, last)
            finally:
                set_progress(context.spark, None)
        yield report


def _events_few(context: RunContext, bronze_id: str, last: int) -> TableReport | None:
    from spark.jobs.events_few import events_few  # a cluster need not have deltalake

    return events_few(context, bronze_id, last)


def _patients_few(context: RunContext, bronze_id: str, last: int) -> TableReport | None:
    from spark.jobs.events_few import patients_few

    return patients_few(context, bronze_id, last)


def _versions(context: RunContext) -> DeltaTable:
    return open_declared(context.spark, context.lake.uri(VERSIONS.path), VERSIONS)[0]


def _events(context: RunContext, bronze_id: str, last: int) -> TableReport:
    started = time.monotonic()
    uri = context.lake.uri(CLINICAL_EVENTS.path)
    target, notes = open_declared(context.spark, uri, CLINICAL_EVENTS, CHANGE_FEED)
    done = 0 if context.full else progress_of(_log(context, CLINICAL_EVENTS), bronze_id)
    written = 0
    tables = [BY_NAME[name] for name in SOURCES if _exists(context, BY_NAME[name])]
    if last > done and tables:
        frames = [events_of(_since(context, table, done), table.name, table.type) for table in tables]
        rows = reduce(DataFrame.unionByName, frames)
        set_progress(context.spark, Progress(bronze_id, last))
        context.on_phase("merge clinical events")
        if done == 0:
            replace_all(rows, uri)
            written = row_count(context.spark, uri)
        else:
            same = "now.tenant = new.tenant AND now.type = new.type AND now.id = new.id"
            merge = target.alias("now").merge(rows.alias("new"), same)
            merge.whenMatchedUpdateAll(condition=_NEWER).whenNotMatchedInsertAll().execute()
            written = rows_written(context.spark, uri)
    total = row_count(context.spark, uri)
    return TableReport(CLINICAL_EVENTS.path, written, total, time.monotonic() - started, tuple(notes))


def _patients(context: RunContext, bronze_id: str, last: int) -> TableReport:
    started = time.monotonic()
    uri = context.lake.uri(PATIENT_360.path)
    target, notes = open_declared(context.spark, uri, PATIENT_360)
    events, mine = _log(context, CLINICAL_EVENTS), _log(context, PATIENT_360)
    commits = events.recent()
    version = newest_change(commits)
    seen = 0 if context.full else progress_of(mine, events.id)
    done = 0 if context.full else progress_of(mine, bronze_id)
    written = 0
    if version > seen or last > done:
        readable = version <= seen or seen >= readable_from(commits, time.time())
        touched = _touched(context, (seen, version), (done, last)) if seen and done and readable else None
        tables = {name: _current(context, BY_NAME[name], touched) for name in INPUTS}
        rows = patient_360(tables)
        set_progress(context.spark, Progress(events.id, version), Progress(bronze_id, last))
        context.on_phase("merge patient 360")
        written = _replace_patients(context, target, rows, touched)
    total = row_count(context.spark, uri)
    return TableReport(PATIENT_360.path, written, total, time.monotonic() - started, tuple(notes))


def _replace_patients(
    context: RunContext, target: DeltaTable, rows: DataFrame, touched: DataFrame | None
) -> int:
    uri = context.lake.uri(PATIENT_360.path)
    if touched is None:
        replace_all(rows, uri)
        return row_count(context.spark, uri)
    source = touched.join(rows.withColumn("known", F.lit(True)), ["tenant", "patient_id"], "left")
    columns = {column.name: f"new.{column.name}" for column in PATIENT_360.columns}
    (
        target.alias("now")
        .merge(source.alias("new"), "now.tenant = new.tenant AND now.patient_id = new.patient_id")
        .whenMatchedDelete(condition="new.known IS NULL")
        .whenMatchedUpdate(set=columns)
        .whenNotMatchedInsert(condition="new.known", values=columns)
        .execute()
    )
    return rows_written(context.spark, uri)


def _touched(context: RunContext, versions: tuple[int, int], batches: tuple[int, int]) -> DataFrame:
    """The patients of events written since, before and after the change, and patients whose own record is new."""
    own = context.read(PATIENTS.path).where((F.col("batch") > batches[0]) & (F.col("batch") <= batches[1]))
    found = own.select("tenant", F.col("id").alias("patient_id"))
    if versions[1] > versions[0]:
        changes = (
            context.spark.read.format("delta")
            .option("readChangeFeed", "true")
            .option("startingVersion", versions[0] + 1)
            .option("endingVersion", versions[1])
            .load(context.lake.uri(CLINICAL_EVENTS.path))
        )
        found = found.union(changes.select("tenant", "patient_id"))
    return found.where("patient_id IS NOT NULL").distinct()


def _current(context: RunContext, table: Table, touched: DataFrame | None) -> DataFrame:
    rows = open_declared(context.spark, context.lake.uri(table.path), table)[0].toDF().where("NOT deleted")
    if touched is None:
        return rows
    key = "id" if table is PATIENTS else "patient_id"
    chosen = touched.withColumnRenamed("patient_id", key)
    return rows.join(F.broadcast(chosen), ["tenant", key], "left_semi")


def _since(context: RunContext, table: Table, done: int) -> DataFrame:
    return context.read(table.path).where(F.col("batch") > done)


def _log(context: RunContext, table: Derived) -> TableLog:
    return TableLog(context.spark, context.lake.uri(table.path))


def _exists(context: RunContext, table: Table) -> bool:
    return bool(DeltaTable.isDeltaTable(context.spark, context.lake.uri(table.path)))
