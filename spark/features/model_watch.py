"""The table `ml-features/model-watch`: each figure of each week of a model's predictions, with its bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.features.patient.diagnoses import BY_NAME, ICD_10, SNOMED
from shared.domain.features.patient.features import FEATURES
from shared.domain.models.artefact import PublishedModel
from shared.domain.models.watching import Forecast, Judgement, judge
from shared.domain.onset.cohort import HORIZON_DAYS, OUTCOME
from shared.names import TABLES
from spark.gold.frames import true_conditions
from spark.schemas.columns import Classification, Column, Derived
from spark.schemas.struct import struct_of
from spark.transforms.arrow import map_rows

_C: Final = Classification
WEEK: Final = ["tenant", "model", "model_version", "model_sha256", "known_by", "week_on"]
WATCH: Final = Derived(
    "model_watch",
    TABLES["features_model_watch"],
    "Drift, calibration and alert burden of a model by week, with bounds; docs/models.md says what each is",
    ("tenant", "model", "model_sha256", "known_by", "week_on", "kind", "subject"),
    (
        Column("tenant", "STRING", "Whose data it is", _C.INTERNAL),
        Column("model", "STRING", "The name of the model", _C.INTERNAL),
        Column("model_version", "STRING", "Its version", _C.INTERNAL),
        Column("model_sha256", "STRING", "SHA-256 of the published artefact", _C.INTERNAL),
        Column("known_by", "STRING", "The clock of the features: platform or source", _C.INTERNAL),
        Column("week_on", "DATE", "The Monday of the week of the predictions, UTC", _C.INTERNAL),
        Column("kind", "STRING", "drift, calibration or burden", _C.INTERNAL),
        Column(
            "subject",
            "STRING",
            "The feature; `probability` is the forecast itself; else what is counted",
            _C.INTERNAL,
        ),
        Column(
            "value", "DOUBLE", "The figure: PSI, mean forecast, or the share that is flagged", _C.INTERNAL
        ),
        Column("low", "DOUBLE", "Its lower bound", _C.INTERNAL),
        Column("high", "DOUBLE", "Its upper bound", _C.INTERNAL),
        Column("rows", "BIGINT", "The predictions it is of", _C.INTERNAL),
        Column("out_of_bounds", "BOOLEAN", "Whether it lies beyond", _C.INTERNAL),
    ),
)


def watch_rows(
    predictions: DataFrame, features: DataFrame, conditions: DataFrame, until: Any, model: PublishedModel
) -> DataFrame:
    """The figures of every week: of each patient the last prediction in it. Outcomes are known up to the instant `until`."""
    asked = predictions.where(F.col("model_sha256") == model.sha256)
    week = F.to_date(F.date_trunc("week", "as_of")).alias("week_on")
    names = [each.name for each in FEATURES]
    key = ["tenant", "patient_id", "as_of", "known_by"]
    whole = asked.join(features.select(*key, F.struct(*names).alias("values")), key)
    whole = whole.join(_first_diagnoses(conditions), ["tenant", "patient_id"], "left")
    ended = F.date_add("as_of", HORIZON_DAYS).cast("timestamp")
    outcome = F.when(ended <= F.lit(until), F.coalesce(F.col("first_at") <= ended, F.lit(False)))
    last = F.max_by(F.struct("values", "probability", "alert", outcome.alias("outcome")), F.col("as_of"))
    patients = whole.groupBy(*WEEK[:-1], week, "patient_id").agg(last.alias("forecast"))
    weeks = patients.groupBy(*WEEK).agg(F.collect_list("forecast").alias("forecasts"))
    return map_rows(weeks, partial(judged, model=model), struct_of(WATCH))


def judged(rows: Iterable[dict[str, Any]], model: PublishedModel) -> Iterator[dict[str, Any]]:
    """The figures of weeks that come one a row with their forecasts."""
    for row in rows:
        forecasts = [
            Forecast(
                {name: float("nan") if value is None else value for name, value in each["values"].items()},
                each["probability"],
                each["alert"],
                each["outcome"],
            )
            for each in row["forecasts"]
        ]
        for found in judge(forecasts, model):
            yield figure_row(row, found)


def figure_row(week: Mapping[str, Any], found: Judgement) -> dict[str, Any]:
    """A figure as a row of the table."""
    return {name: week[name] for name in WEEK} | {
        "kind": str(found.kind), "subject": found.subject, "value": found.value, "low": found.low,
        "high": found.high, "rows": found.rows, "out_of_bounds": found.out_of_bounds,
    }  # fmt: skip


def _first_diagnoses(conditions: DataFrame) -> DataFrame:
    """When the outcome was first diagnosed, by patient."""
    found = true_conditions(conditions).where(_is_outcome())
    return found.groupBy("tenant", "patient_id").agg(
        F.min(F.coalesce("onset_at", "recorded_at")).alias("first_at")
    )


def _is_outcome() -> SparkColumn:
    group = BY_NAME[OUTCOME]
    snomed = (F.col("code_system") == SNOMED) & F.col("code").isin(*sorted(group.snomed))
    icd = F.col("code_system").isin(*ICD_10) & F.col("code").rlike("^(" + "|".join(group.icd_10) + ")")
    return snomed | icd
