"""Quality measures, row by row: who is in the denominator, who in the numerator, who is left out and why.

In words, each row with its organisation, month and condition, so that every share can be opened to the rows behind
it:
- `stay`: an inpatient encounter held (class IMP, ACUTE, NONAC). `value` is its length in days. Month of discharge.
  Left out: not ended; ended before it began.
- `readmission`: an episode of acute inpatient care (class IMP, ACUTE) that has ended; in the numerator when an
  unplanned admission, for whatever cause, followed within 30 days of discharge (`spark.measures.readmission`), ended
  or not. `value` is the days to the next admission within 30. Left out: died during the stay, left against advice.
  Known 30 days after discharge.
- `adherence`: a patient and a medication of at least two fills on different days; `value` is the PDC over the 365
  days from the first fill, or to death (`spark.measures.adherence`); in the numerator from 0.8 on. A fill is a
  medication request that is an order and not as needed; it lasts its expected supply duration, else 30 days, which
  `assumed` counts. Left out: only one fill; died on the day of the first fill. Known when the window ends. Month,
  organisation and condition are those of the first fill.
- `latency`: the first record of a condition in a patient; `value` is the hours from the start of the encounter during
  which it was recorded to the record; in the numerator within 24 hours. Where one of both is a day without a time,
  whole days are counted. Left out: no encounter on record, recorded before the encounter began.
The condition of an encounter is its reason, else the condition recorded in it that comes first by code, else `none`.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import DataFrame

from spark.gold.frames import INPATIENT, VISIT, days_between, first_by, held, true_conditions
from spark.gold.quality_columns import NONE, ROWS
from spark.gold.quality_folds import adherence_rows, readmission_rows
from spark.gold.table import UNKNOWN, Frames, GoldTable
from spark.gold.words import F

PROMPT_HOURS: Final = 24.0
_HOURS_PER_DAY: Final = 24.0
_DAY_LETTERS: Final = len("YYYY-MM-DD")


def _with_condition(encounters: DataFrame, frames: Frames) -> DataFrame:
    """Encounters with their condition: the reason, else what was recorded in them, else none."""
    recorded = first_by(
        true_conditions(frames["conditions"]).where(F.col("encounter_id").isNotNull()),
        VISIT,
        *(F.col("code"), F.col("code_system"), F.col("id")),
    ).select(
        *VISIT,
        F.col("code").alias("recorded_code"),
        F.col("code_display").alias("recorded_display"),
    )
    given = F.col("reason_code").isNotNull()
    return (
        encounters.join(recorded, VISIT, "left")
        .withColumn("condition_code", F.coalesce("reason_code", "recorded_code", F.lit(NONE)))
        .withColumn(
            "condition_display",
            F.when(given, F.col("reason_display")).otherwise(F.coalesce("recorded_display", F.lit(NONE))),
        )
    )


def _stays(encounters: DataFrame) -> DataFrame:
    length = days_between("started_at", "ended_at")
    why = F.when(F.col("ended_at").isNull(), "not ended").when(length < 0, "ended before it began")
    return encounters.select(
        F.lit("stay").alias("measure"),
        *_CARRIED,
        F.col("encounter_id").alias("subject_id"),
        F.trunc(F.to_date(F.coalesce("ended_at", "started_at")), "month").alias("month"),
        F.when(why.isNull(), length).alias("value"),
        why.isNull().alias("in_denominator"),
        F.lit(False).alias("in_numerator"),
        why.alias("excluded"),
        F.lit(None).cast("bigint").alias("assumed"),
        F.to_date(F.coalesce("ended_at", "started_at")).alias("known_on"),
    )


def _latency(frames: Frames, encounters: DataFrame) -> DataFrame:
    first = first_by(
        true_conditions(frames["conditions"]).where(F.col("recorded_at").isNotNull()),
        ["tenant", "patient_id", "code_system", "code"],
        *(F.col("recorded_at"), F.col("id")),
    )
    visits = encounters.select(*VISIT, "started_at", "started_text", "organization_id")
    joined = first.join(visits, VISIT, "left")
    timed = F.least(F.length("started_text"), F.length("recorded_text")) > _DAY_LETTERS
    days = F.datediff(F.to_date("recorded_at"), F.to_date("started_at"))
    hours = F.when(timed, days_between("started_at", "recorded_at")).otherwise(days) * _HOURS_PER_DAY
    why = F.when(F.col("started_at").isNull(), "no encounter on record").when(
        hours < 0, "recorded before the encounter began"
    )
    return joined.select(
        F.lit("latency").alias("measure"),
        *("tenant", "patient_id"),
        F.coalesce("organization_id", F.lit(UNKNOWN)).alias("organization_id"),
        F.col("code").alias("condition_code"),
        F.col("code_display").alias("condition_display"),
        F.col("id").alias("subject_id"),
        F.trunc(F.to_date("recorded_at"), "month").alias("month"),
        F.when(why.isNull(), hours).alias("value"),
        why.isNull().alias("in_denominator"),
        (why.isNull() & (hours <= PROMPT_HOURS)).alias("in_numerator"),
        why.alias("excluded"),
        F.lit(None).cast("bigint").alias("assumed"),
        F.to_date("recorded_at").alias("known_on"),
    )


def quality_rows(frames: Frames) -> DataFrame:
    """The rows of all four measures."""
    encounters = held(frames["encounters"]).withColumn(
        "organization_id", F.coalesce("organization_id", F.lit(UNKNOWN))
    )
    described = _with_condition(encounters.where(F.col("class_code").isin(*INPATIENT)), frames)
    parts = (
        _stays(described),
        readmission_rows(frames, encounters, described),
        adherence_rows(frames, encounters),
        _latency(frames, encounters),
    )
    first, *rest = (part.select(*(column.name for column in ROWS.columns)) for part in parts)
    for part in rest:
        first = first.unionByName(part)
    return first


_CARRIED: Final = ("tenant", "patient_id", "organization_id", "condition_code", "condition_display")
QUALITY_ROWS: Final = GoldTable(
    ROWS,
    ("patients", "encounters", "conditions", "medication_requests", "procedures"),
    quality_rows,
    unit="patient_id",
    revision=2,
)
