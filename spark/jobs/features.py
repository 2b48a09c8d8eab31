"""Silver to the feature store: a row for every patient as known at one instant, by the functions that the service calls.

Without an instant the newest that silver has heard of: the store is a function of the lake, the same on any day. A run
for an instant that the store has in this definition does nothing, unless it is to be made anew. At discharges each patient
has rows of its own instants, the ends of its stays, in a table of their own that is made anew in each run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Final

from delta.tables import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.features.patient.discharges import discharges
from shared.domain.features.patient.features import DEFINITION
from shared.domain.features.patient.known import Clock
from spark.features.facts import SOURCES, facts
from spark.features.store import AT_DISCHARGES, STORE, at, feature_rows
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.tables import open_declared, replace_all, row_count, rows_written
from spark.schemas.struct import struct_of

_NOTHING: Final = "nothing to make features of"


def run(context: RunContext) -> Iterator[TableReport]:
    """The rows of each instant asked for, in one commit each."""
    if context.at_discharges:
        yield _of_discharges(context)
        return
    uri = context.lake.uri(STORE.path)
    store, notes = open_declared(context.spark, uri, STORE)
    newest = None if context.as_of else newest_instant(context)
    instants = context.as_of or ((newest,) if newest else ())
    for as_of in instants:
        yield _of_instant(context, store, as_of, notes)
        notes = []
    if not instants:
        yield TableReport(STORE.path, 0, row_count(context.spark, uri), 0.0, (*notes, _NOTHING))


def newest_instant(context: RunContext) -> datetime | None:
    """When the platform last heard of anything that features are made of; None where silver is empty."""
    newest = [
        open_declared(context.spark, context.lake.uri(table.path), table)[0]
        .toDF()
        .select(F.max(F.unix_micros("last_updated")).alias("at"))
        for table in SOURCES
    ]
    found = reduce(DataFrame.unionByName, newest).agg(F.max("at")).first()[0]
    return None if found is None else _EPOCH + timedelta(microseconds=int(found))


def _of_instant(context: RunContext, store: DeltaTable, as_of: datetime, notes: list[str]) -> TableReport:
    started = time.monotonic()
    uri = context.lake.uri(STORE.path)
    by = Clock(context.known_by)
    if not context.full and _is_there(context, store, as_of, by):
        notes = [*notes, f"{as_of.isoformat()}: nothing new"]
        return TableReport(
            STORE.path, 0, row_count(context.spark, uri), time.monotonic() - started, tuple(notes)
        )
    found = facts(context, as_of, as_it_was=by is Clock.PLATFORM)
    rows = feature_rows(found.frame, at(as_of), by).to(struct_of(STORE))
    context.on_phase("write features")
    try:
        (
            rows.write.format("delta")
            .mode("overwrite")
            .option("replaceWhere", f"as_of = TIMESTAMP '{as_of.isoformat()}' AND known_by = '{by}'")
            .save(uri)
        )
    finally:
        found.close()
    written = rows_written(context.spark, uri)
    said = (*notes, *found.notes, f"as known at {as_of.isoformat()} by the {by}'s clock")
    return TableReport(STORE.path, written, row_count(context.spark, uri), time.monotonic() - started, said)


def _of_discharges(context: RunContext) -> TableReport:
    """By the source's clock: what the platform knew at so many instants would be as many readings of bronze."""
    started = time.monotonic()
    uri = context.lake.uri(AT_DISCHARGES.path)
    now = facts(context, _EPOCH, as_it_was=False).frame
    rows = feature_rows(now, discharges, Clock.SOURCE).to(struct_of(AT_DISCHARGES))
    context.on_phase("write features")
    replace_all(rows, uri)
    total = row_count(context.spark, uri)
    said = (f"as known at discharges by the {Clock.SOURCE}'s clock",)
    return TableReport(AT_DISCHARGES.path, total, total, time.monotonic() - started, said)


def _is_there(context: RunContext, store: DeltaTable, as_of: datetime, by: Clock) -> bool:
    """Whether the store has the instant in this definition."""
    if context.by_files:
        import pyarrow.compute as pc

        from spark.jobs.folder_tables import count_of, declared_folder

        own = (pc.field("known_by") == str(by)) & (pc.field("definition") == DEFINITION)
        return (
            count_of(declared_folder(context, STORE)[0], own & (pc.field("as_of") == as_of.astimezone(UTC)))
            > 0
        )
    own = (F.col("known_by") == str(by)) & (F.col("definition") == DEFINITION)
    return not store.toDF().where(own & (F.col("as_of") == F.lit(as_of))).isEmpty()


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
