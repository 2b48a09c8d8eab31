"""The feature store to predictions: every instant of the store that the published model has not been asked about."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from delta.tables import DeltaTable
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.features.patient.features import DEFINITION
from shared.domain.onset.risk import model
from spark.features.predictions import PREDICTIONS, prediction_rows
from spark.features.store import STORE
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.tables import merge_newer, open_declared

_INSTANT: Final = ["as_of", "known_by"]


def run(context: RunContext) -> Iterator[TableReport]:
    """Asks the champion; with `full` about every row of the store anew."""
    started = time.monotonic()
    uri = context.lake.uri(PREDICTIONS.path)
    target, notes = open_declared(context.spark, uri, PREDICTIONS)
    if not DeltaTable.isDeltaTable(context.spark, context.lake.uri(STORE.path)):
        yield TableReport(PREDICTIONS.path, 0, target.toDF().count(), 0.0, (*notes, "no features yet"))
        return
    features = context.read(STORE.path).where(F.col("definition") == DEFINITION)
    if not context.full:
        said = target.toDF().where(F.col("model_sha256") == model().sha256).select(*_INSTANT).distinct()
        features = features.join(F.broadcast(said), _INSTANT, "left_anti")
    written = 0
    if not features.isEmpty():
        context.on_phase("write predictions")
        written = merge_newer(target, prediction_rows(features), PREDICTIONS.key, "true")
    yield TableReport(
        PREDICTIONS.path, written, target.toDF().count(), time.monotonic() - started, tuple(notes)
    )
