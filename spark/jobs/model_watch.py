"""Predictions to figures by week, and in the commit how many of the newest week are out of bounds."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator

from delta.tables import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.features.patient.features import DEFINITION
from shared.domain.models.watching import Kind
from shared.names import MODEL_OUT_OF_BOUNDS
from spark.features.model_watch import WATCH, watch_rows
from spark.features.predictions import PREDICTIONS
from spark.features.store import STORE
from spark.jobs.context import RunContext
from spark.jobs.features import newest_instant
from spark.jobs.report import TableReport
from spark.jobs.tables import open_declared
from spark.schemas.silver import CONDITIONS


def run(context: RunContext) -> Iterator[TableReport]:
    """Makes the figures of the model in service anew; what is out of bounds is told in the report and by a metric."""
    started = time.monotonic()
    uri = context.lake.uri(WATCH.path)
    table, notes = open_declared(context.spark, uri, WATCH)
    sources = [context.lake.uri(each.path) for each in (PREDICTIONS, STORE)]
    until = newest_instant(context)
    if until is None or not all(DeltaTable.isDeltaTable(context.spark, each) for each in sources):
        yield TableReport(WATCH.path, 0, table.toDF().count(), 0.0, (*notes, "no predictions yet"))
        return
    features = context.read(STORE.path).where(F.col("definition") == DEFINITION)
    conditions = open_declared(context.spark, context.lake.uri(CONDITIONS.path), CONDITIONS)[0].toDF()
    rows = watch_rows(context.read(PREDICTIONS.path), features, conditions, until).persist()
    beyond = _beyond(rows)
    counts = Counter(kind for kind, _ in beyond)
    told = {MODEL_OUT_OF_BOUNDS: {str(kind): counts[kind] for kind in Kind}}
    context.on_phase("write figures")
    writer = rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    writer.option("userMetadata", json.dumps(told)).save(uri)
    total = rows.count()
    rows.unpersist()
    said = (*notes, *(f"out of bounds: {kind} of {subject}" for kind, subject in beyond))
    yield TableReport(WATCH.path, total, total, time.monotonic() - started, said)


def _beyond(figures: DataFrame) -> list[tuple[str, str]]:
    """Kind and subject of what is out of bounds in the newest week of each tenant, by the platform's clock."""
    mine = figures.where("known_by = 'platform'")
    newest = mine.groupBy("tenant").agg(F.max("week_on").alias("week_on"))
    found = mine.where("out_of_bounds").join(newest, ["tenant", "week_on"]).select("kind", "subject")
    return sorted((row["kind"], row["subject"]) for row in found.distinct().collect())
