"""To predictions: every instant of the feature store that the champion was not asked about, and what models said live.

Live ones come as files of lines from the change feed (`shared/services/land_predictions.py`): sepsis, readmission, onset.
A file is read again while others may be written beside it, and a line that was seen before changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from delta.tables import DeltaTable
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.features.patient.features import DEFINITION
from shared.domain.models.artefact import PublishedModel
from shared.domain.onset.risk import checked
from shared.domain.stays.model_risk import ONSET
from shared.names import LIVE_PREDICTIONS
from spark.features.champion import champion
from spark.features.predictions import LINE, PREDICTIONS, live_rows, prediction_rows
from spark.features.store import STORE
from spark.jobs.commits import TableLog
from spark.jobs.context import RunContext
from spark.jobs.lake_files import is_there
from spark.jobs.report import TableReport
from spark.jobs.tables import (
    Progress,
    merge_newer,
    open_declared,
    progress_of,
    row_count,
    rows_written,
    set_progress,
)

_INSTANT: Final = ["as_of", "known_by"]
_LATER: Final = "now.source_version IS NULL OR new.source_version > now.source_version"
"""Versions may come in any order of files; what a later one said stays."""
_AGAIN_S: Final = 600
"""So long before the newest file of the last run: a store may date a file earlier than it shows it."""


def run(context: RunContext) -> Iterator[TableReport]:
    """Both sources into one table; with `full` every row of both anew. A champion that is refused is told."""
    started = time.monotonic()
    target, notes = open_declared(context.spark, context.lake.uri(PREDICTIONS.path), PREDICTIONS)
    model, refused = champion(context, ONSET.model, checked)
    asked, meant = _of_the_store(context, target, model)
    live = _of_the_feed(context, target)
    said = (
        f"{asked} rows of features asked about, {meant} of patients whom the model is meant for",
        f"{live} live predictions",
    )
    total = row_count(context.spark, context.lake.uri(PREDICTIONS.path))
    yield TableReport(
        PREDICTIONS.path, meant + live, total, time.monotonic() - started, (*notes, *refused, *said)
    )


def _of_the_store(context: RunContext, target: DeltaTable, model: PublishedModel) -> tuple[int, int]:
    if not DeltaTable.isDeltaTable(context.spark, context.lake.uri(STORE.path)):
        return 0, 0
    features = context.read(STORE.path).where(F.col("definition") == DEFINITION)
    if not context.full:
        said = target.toDF().where(F.col("model_sha256") == model.sha256).select(*_INSTANT).distinct()
        features = features.join(F.broadcast(said), _INSTANT, "left_anti")
    asked = features.count()
    if not asked:
        return 0, 0
    rows = prediction_rows(features, model).persist()
    meant = rows.count()
    if meant:
        context.on_phase("write predictions")
        merge_newer(target, rows, PREDICTIONS.key, "true")
    rows.unpersist()
    return asked, meant


def _of_the_feed(context: RunContext, target: DeltaTable) -> int:
    """How many live predictions the files have that were written since the last run that found some."""
    folder = context.lake.uri(LIVE_PREDICTIONS)
    if not is_there(context, LIVE_PREDICTIONS):
        return 0
    uri = context.lake.uri(PREDICTIONS.path)
    log = TableLog(context.spark, uri)
    before = log.version
    done_s = 0 if context.full else progress_of(log, LIVE_PREDICTIONS)
    since = datetime.fromtimestamp(max(0, done_s - _AGAIN_S), UTC)
    reader = context.spark.read.schema(LINE).option("recursiveFileLookup", "true").option("timeZone", "UTC")
    lines = reader.option("modifiedAfter", since.strftime("%Y-%m-%dT%H:%M:%S")).json(folder)
    lines = lines.withColumn("_written_s", F.unix_seconds("_metadata.file_modification_time")).persist()
    newest = lines.agg(F.max("_written_s")).first()[0]
    if newest is None:
        lines.unpersist()
        return 0
    set_progress(context.spark, Progress(LIVE_PREDICTIONS, int(newest)))
    try:
        merge_newer(target, live_rows(lines), PREDICTIONS.key, _LATER)
    finally:
        set_progress(context.spark, None)
        lines.unpersist()
    # A merge that changes nothing may make no commit: the newest one is then of another run.
    committed = TableLog(context.spark, uri).version > before
    return rows_written(context.spark, uri) if committed else 0
