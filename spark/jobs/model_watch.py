"""Predictions to figures by week, and in the commit how many of the newest week are out of bounds."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import reduce

from delta.tables import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.features.patient.features import DEFINITION
from shared.domain.models.watching import Kind
from shared.domain.onset.risk import checked
from shared.domain.stays.model_risk import ONSET
from shared.names import MODEL_OUT_OF_BOUNDS
from spark.features.champion import champion
from spark.features.live_watch import LIVE, events_of, live_watch_rows
from spark.features.model_watch import WATCH, watch_rows
from spark.features.predictions import PREDICTIONS
from spark.features.store import STORE
from spark.jobs.context import RunContext
from spark.jobs.features import newest_instant
from spark.jobs.report import TableReport
from spark.jobs.tables import open_declared, row_count
from spark.schemas.silver import CONDITIONS, ENCOUNTERS


def run(context: RunContext) -> Iterator[TableReport]:
    """Makes the figures of the models in service anew; what is out of bounds is told in the report and by a metric."""
    started = time.monotonic()
    uri = context.lake.uri(WATCH.path)
    _, notes = open_declared(context.spark, uri, WATCH)
    until = newest_instant(context)
    if until is None or not _is_table(context, PREDICTIONS.path):
        yield TableReport(WATCH.path, 0, row_count(context.spark, uri), 0.0, (*notes, "no predictions yet"))
        return
    parts, refused = _figures(context, until)
    rows = reduce(DataFrame.unionByName, parts).persist()
    beyond = _beyond(rows)
    counts = Counter(kind for _, kind, _ in beyond)
    told = {MODEL_OUT_OF_BOUNDS: {str(kind): counts[kind] for kind in Kind}}
    context.on_phase("write figures")
    writer = rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    writer.option("userMetadata", json.dumps(told)).save(uri)
    total = row_count(context.spark, uri)
    rows.unpersist()
    said = (
        *notes, *refused, *(f"out of bounds: {kind} of {subject} ({model})" for model, kind, subject in beyond),
    )  # fmt: skip
    yield TableReport(WATCH.path, total, total, time.monotonic() - started, said)


def _figures(context: RunContext, until: datetime) -> tuple[list[DataFrame], list[str]]:
    """The figures of each model, and the champions that were refused."""
    predictions = context.read(PREDICTIONS.path)
    conditions, encounters = (
        open_declared(context.spark, context.lake.uri(each.path), each)[0].toDF()
        for each in (CONDITIONS, ENCOUNTERS)
    )
    parts, refused = [], []
    if _is_table(context, STORE.path):
        features = context.read(STORE.path).where(F.col("definition") == DEFINITION)
        model, notes = champion(context, ONSET.model, checked)
        parts.append(watch_rows(predictions, features, conditions, until, model))
        refused += notes
    for live in LIVE:
        model, notes = champion(context, live.model, live.check)
        parts.append(
            live_watch_rows(live, predictions, events_of(live, conditions, encounters), until, model)
        )
        refused += notes
    return parts, refused


def _is_table(context: RunContext, path: str) -> bool:
    return bool(DeltaTable.isDeltaTable(context.spark, context.lake.uri(path)))


def _beyond(figures: DataFrame) -> list[tuple[str, str, str]]:
    """Model, kind and subject of what is out of bounds by the platform's clock, in the newest week of tenant and model."""
    mine = figures.where("known_by = 'platform'")
    newest = mine.groupBy("tenant", "model").agg(F.max("week_on").alias("week_on"))
    found = mine.where("out_of_bounds").join(newest, ["tenant", "model", "week_on"])
    return sorted(tuple(row) for row in found.select("model", "kind", "subject").distinct().collect())
