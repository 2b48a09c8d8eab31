"""The table `ml-features/predictions`: what the onset model says of features, and what models said live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text
from pyspark.sql.types import StructType

from shared.domain.features.patient.features import FEATURES
from shared.domain.features.patient.known import Clock
from shared.domain.models.artefact import PublishedModel
from shared.domain.onset.cohort import lacking
from shared.domain.onset.risk import MOST_SHOWN, inputs
from shared.domain.stays.assessment import BANDS, band_of
from shared.names import TABLES
from spark.gold.frames import first_by
from spark.schemas.columns import Classification, Column, Derived
from spark.schemas.struct import struct_of
from spark.transforms.arrow import map_rows

_C: Final = Classification
PREDICTIONS: Final = Derived(
    "predictions",
    TABLES["features_predictions"],
    "What a published model said of a patient as known at an instant; none where the model is not meant for the patient",
    ("tenant", "patient_id", "model", "model_sha256", "as_of", "known_by"),
    (
        Column("tenant", "STRING", "Whose data it is", _C.INTERNAL),
        Column("patient_id", "STRING", "The id of the Patient", _C.HIGHLY_CONFIDENTIAL),
        Column("model", "STRING", "The name of the model", _C.INTERNAL),
        Column("model_version", "STRING", "Its version", _C.INTERNAL),
        Column("model_sha256", "STRING", "SHA-256 of the published artefact", _C.INTERNAL),
        Column("as_of", "TIMESTAMP", "The instant of the features, in UTC", _C.INTERNAL),
        Column("known_by", "STRING", "The clock of the features: platform or source", _C.INTERNAL),
        Column("probability", "DOUBLE", "The calibrated probability of the outcome"),
        Column("low", "DOUBLE", "The lower end of its 95 % interval"),
        Column("high", "DOUBLE", "The upper end of its 95 % interval"),
        Column("risk_index", "DOUBLE", "From 0 to 1; 0.8 is the operating point"),
        Column("band", "STRING", "low, moderate or high"),
        Column("alert", "BOOLEAN", "Whether the probability reaches the operating point"),
        Column(
            "reasons",
            "ARRAY<STRUCT<feature: STRING, value: DOUBLE, log_odds: DOUBLE, measured: TIMESTAMP, resource: STRING>>",
            "The features that moved it furthest, each with the instant of the newest that it rests on and the version that "
            "says so; null where it rests on nothing, and in rows made before they were kept",
        ),
        Column(
            "inputs",
            "ARRAY<STRUCT<name: STRING, value: DOUBLE>>",
            "Of a live one what it was made of, as far as its drift is watched",
        ),
        Column(
            "source_version",
            "STRING",
            "The version of the RiskAssessment; null for a row of the store",
            _C.INTERNAL,
        ),
    ),
)


def prediction_rows(features: DataFrame, asked: PublishedModel) -> DataFrame:
    """The predictions of an onset model for rows of the feature store."""
    return map_rows(features, partial(predictions_of, asked=asked), struct_of(PREDICTIONS))


def predictions_of(rows: Iterable[dict[str, Any]], asked: PublishedModel) -> Iterator[dict[str, Any]]:
    """One row for each patient whom the model is meant for."""
    for row in rows:
        values = {each.name: float("nan") if row[each.name] is None else row[each.name] for each in FEATURES}
        if lacking(values, deceased=bool(row["deceased"])):
            continue
        inputs_ = inputs(values, asked)
        found = asked.predict(inputs_)
        dates = {each["feature"]: each for each in row.get("dated") or ()}
        yield {
            **{name: row[name] for name in ("tenant", "patient_id", "as_of", "known_by")},
            "model": asked.name, "model_version": asked.version, "model_sha256": asked.sha256,
            "probability": found.probability, "low": found.low, "high": found.high,
            "risk_index": found.risk_index, "band": band_of(found.risk_index), "alert": found.alert,
            "reasons": [
                {"value": each.value, "log_odds": each.log_odds, **dates.get(each.feature, {"feature": each.feature})}
                for each in asked.contributions(inputs_, MOST_SHOWN)
            ],
        }  # fmt: skip


def live_rows(lines: DataFrame) -> DataFrame:
    """The predictions in landed lines, of each key the newest version."""
    said = lines.select(
        *(F.col(name) for name in LINE.fieldNames()),
        F.lit(str(Clock.PLATFORM)).alias("known_by"),
        (F.col("band") == BANDS[0][1]).alias("alert"),
    ).select(*(column.name for column in PREDICTIONS.columns))
    return first_by(said, list(PREDICTIONS.key), F.col("source_version").desc(), F.col("risk_index"))


LINE: Final = StructType(
    [field for field in struct_of(PREDICTIONS) if field.name not in ("known_by", "alert")]
)
"""What a line of a landed prediction holds."""
