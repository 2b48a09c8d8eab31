"""Figures by week of what models said live: sepsis by the hour of a stay, readmission by discharge.

A forecast of sepsis is held against a Condition of it that began within six hours, one of readmission against another stay
that began within thirty days. An hour after the diagnosis is no forecast and is left out of the calibration.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.features.patient.diagnoses import ICD_10, SEPSIS, SNOMED, Group
from shared.domain.models.artefact import PublishedModel
from shared.domain.models.champion import Check
from shared.domain.models.watching import Forecast, judge
from shared.domain.stays import model_risk, readmission_risk, sepsis_risk
from spark.features.model_watch import WATCH, WEEK, figure_row
from spark.gold.frames import INPATIENT, held, true_conditions
from spark.schemas.struct import struct_of
from spark.transforms.arrow import map_rows

MOST: Final = 20_000
"""Forecasts of a week that are judged, chosen by a hash where there are more."""
_PATIENT: Final = ["tenant", "patient_id"]
_FIELDS: Final = ("inputs", "probability", "alert", "outcome")


@dataclass(frozen=True, slots=True)
class Live:
    """How the forecasts of a model are judged. Of one patient's within `every` the last one counts."""

    model: str
    check: Check
    every: str
    horizon: str
    flagged: str


LIVE: Final = (
    Live(model_risk.SEPSIS.model, sepsis_risk.checked, "hour", "INTERVAL 6 HOURS", "hours flagged"),
    Live(
        model_risk.READMISSION.model, readmission_risk.checked, "second", "INTERVAL 30 DAYS", "discharges flagged"
    ),
)  # fmt: skip


def events_of(live: Live, conditions: DataFrame, encounters: DataFrame) -> DataFrame:
    """By patient the instants of what the model forecasts."""
    if live.model == model_risk.SEPSIS.model:
        found = true_conditions(conditions).where(of_group(SEPSIS))
        at = F.coalesce("onset_at", "recorded_at")
    else:
        found = held(encounters).where(F.col("class_code").isin(*INPATIENT) & F.col("part_of_id").isNull())
        at = F.col("started_at")
    return found.groupBy(*_PATIENT).agg(F.collect_set(at).alias("happened"))


def live_watch_rows(
    live: Live, predictions: DataFrame, events: DataFrame, until: datetime, model: PublishedModel
) -> DataFrame:
    """The figures of every week of a model. Outcomes are known up to the instant `until`."""
    mine = predictions.where((F.col("model_sha256") == model.sha256) & (F.col("model") == live.model))
    ended = F.col("as_of") + F.expr(live.horizon)
    begun = F.col("as_of") - F.expr(live.horizon)
    happened = F.exists("happened", lambda at: (at > F.col("as_of")) & (at <= ended))
    already = F.exists("happened", lambda at: (at > begun) & (at <= F.col("as_of")))
    no_forecast = F.coalesce(already, F.lit(False)) & F.lit(live.model == model_risk.SEPSIS.model)
    outcome = F.when((ended <= F.lit(until)) & ~no_forecast, F.coalesce(happened, F.lit(False)))
    whole = mine.join(events, _PATIENT, "left").withColumn("outcome", outcome)
    one = whole.groupBy(*WEEK[:-1], "patient_id", F.date_trunc(live.every, "as_of").alias("each")).agg(
        F.max_by(F.struct(*_FIELDS), F.col("as_of")).alias("forecast")
    )
    weeks = one.withColumn("week_on", F.to_date(F.date_trunc("week", "each")))
    drawn = Window.partitionBy(*WEEK).orderBy(F.xxhash64("patient_id", "each"), "patient_id", "each")
    some = weeks.withColumn("number", F.row_number().over(drawn)).where(F.col("number") <= MOST)
    rows = some.groupBy(*WEEK).agg(
        F.collect_list("forecast").alias("forecasts"), F.count_distinct("patient_id").alias("patients")
    )
    return map_rows(rows, partial(_judged, model=model, flagged=live.flagged), struct_of(WATCH))


def _judged(rows: Iterable[dict[str, Any]], model: PublishedModel, flagged: str) -> Iterator[dict[str, Any]]:
    for row in rows:
        forecasts = [
            Forecast(
                {part["name"]: part["value"] for part in each["inputs"] or ()},
                math.nan if each["probability"] is None else each["probability"],
                bool(each["alert"]),
                each["outcome"],
            )
            for each in row["forecasts"]
        ]
        for found in judge(forecasts, model, row["patients"], flagged):
            yield figure_row(row, found)


def of_group(group: Group) -> SparkColumn:
    """Whether a Condition's code is in a group of diagnoses."""
    snomed = (F.col("code_system") == SNOMED) & F.col("code").isin(*sorted(group.snomed))
    icd = F.col("code_system").isin(*ICD_10) & F.col("code").rlike("^(" + "|".join(group.icd_10) + ")")
    return snomed | icd
