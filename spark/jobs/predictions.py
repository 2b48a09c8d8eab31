"""To predictions: every instant of the feature store that the champion was not asked about, and what models said live.

Live are the RiskAssessments in bronze that models wrote as the data came: sepsis and readmission.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from delta.tables import DeltaTable
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.features.patient.features import DEFINITION
from shared.domain.onset.risk import model
from shared.names import TABLES
from spark.features.predictions import PREDICTIONS, assessed_rows, prediction_rows
from spark.features.store import STORE
from spark.jobs.commits import TableLog
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.tables import Progress, merge_newer, open_declared, progress_of, set_progress

_INSTANT: Final = ["as_of", "known_by"]


def run(context: RunContext) -> Iterator[TableReport]:
    """Both sources into one table; with `full` every row of both anew. Raises RefusedModel for a tampered artefact."""
    started = time.monotonic()
    target, notes = open_declared(context.spark, context.lake.uri(PREDICTIONS.path), PREDICTIONS)
    asked, meant = _of_the_store(context, target)
    live = _of_assessments(context, target)
    said = (
        f"{asked} rows of features asked about, {meant} of patients whom the model is meant for",
        f"{live} live predictions",
    )
    total = target.toDF().count()
    yield TableReport(PREDICTIONS.path, meant + live, total, time.monotonic() - started, (*notes, *said))


def _of_the_store(context: RunContext, target: DeltaTable) -> tuple[int, int]:
    if not DeltaTable.isDeltaTable(context.spark, context.lake.uri(STORE.path)):
        return 0, 0
    features = context.read(STORE.path).where(F.col("definition") == DEFINITION)
    if not context.full:
        said = target.toDF().where(F.col("model_sha256") == model().sha256).select(*_INSTANT).distinct()
        features = features.join(F.broadcast(said), _INSTANT, "left_anti")
    asked = features.count()
    if not asked:
        return 0, 0
    rows = prediction_rows(features).persist()
    meant = rows.count()
    if meant:
        context.on_phase("write predictions")
        merge_newer(target, rows, PREDICTIONS.key, "true")
    rows.unpersist()
    return asked, meant


def _of_assessments(context: RunContext, target: DeltaTable) -> int:
    """How many predictions were new in bronze since the last run that found some."""
    uri = context.lake.uri(TABLES["bronze_resources"])
    if not DeltaTable.isDeltaTable(context.spark, uri):
        return 0
    source = TableLog(context.spark, uri).id
    log = TableLog(context.spark, context.lake.uri(PREDICTIONS.path))
    done = 0 if context.full else progress_of(log, source)
    rows = context.spark.read.format("delta").load(uri).where(F.col("batch") > done)
    new = assessed_rows(rows).persist()
    found = new.count()
    if found:
        last = int(rows.agg(F.max("batch")).first()[0])
        set_progress(context.spark, Progress(source, last))
        try:
            merge_newer(target, new, PREDICTIONS.key, "true")
        finally:
            set_progress(context.spark, None)
    new.unpersist()
    return found
