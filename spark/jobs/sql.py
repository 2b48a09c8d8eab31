"""Gold to a SQL database: adverse event reports, for tools that read no lake."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Final

from delta.tables import DeltaTable

from shared.names import SQL_URL, TABLES
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.sql.database import database_of
from spark.sql.load import TABLE, load

_SOURCE: Final = "gold_patient_adverse_event_report"


def run(context: RunContext) -> Iterator[TableReport]:
    """The job as the graph starts it. Without a configured database, or without reports, it says so and does nothing."""
    started = time.monotonic()
    name = f"sql/{TABLE}"
    database = database_of(os.environ, context.spark)
    if database is None:
        yield TableReport(name, 0, 0, 0.0, (f"{SQL_URL} names no database",))
        return
    if not DeltaTable.isDeltaTable(context.spark, context.lake.uri(TABLES[_SOURCE])):
        yield TableReport(name, 0, 0, 0.0, ("there are no adverse event reports in gold yet",))
        return
    changed, total = load(database, context.read(TABLES[_SOURCE]), full=context.full)
    yield TableReport(name, changed, total, time.monotonic() - started, ("the rows written are reports",))
