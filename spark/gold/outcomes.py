"""Clinical outcomes by condition and treatment.

In words: every journey (`patient_journeys`) is counted under its condition and its first medication, or `none`.
Resolved: the journey has a resolution. Died: the patient died on or after the day of diagnosis. Readmitted: an
inpatient episode that ended on or after the day of diagnosis was followed by an unplanned admission within 30 days
(`quality_rows`, readmission), of the patients with such an episode whose outcome counts and is known by `as_of`.
Times are means and medians of days from diagnosis. Groups are as treated by their doctors, not as assigned by
chance: a difference between them is no effect of the treatment.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import DataFrame

from spark.gold.frames import days_between, last_day, wilson_columns
from spark.gold.table import TENANT, Frames, GoldTable, confidential, declare
from spark.gold.words import F
from spark.schemas.columns import Column

UNTREATED: Final = "none"
_KEY: Final = ("tenant", "condition_system", "condition_code", "treatment")


def treatment_outcomes(frames: Frames) -> DataFrame:
    """One row per condition and first medication."""
    journeys = frames["patient_journeys"].withColumn(
        "treatment", F.coalesce("first_medication", "first_medication_code", F.lit(UNTREATED))
    )
    episodes = (
        frames["quality_rows"]
        .where((F.col("measure") == "readmission") & F.col("in_denominator"))
        .join(last_day(frames["encounters"]), ["tenant"])
        .where(F.col("known_on") <= F.col("as_of"))
    )
    ended = F.date_sub("known_on", 30)
    stays = episodes.select("tenant", "patient_id", ended.alias("ended_on"), "in_numerator")
    keys = ["tenant", "patient_id", "condition_system", "condition_code"]
    followed = (
        journeys.select(*keys, "diagnosed_at")
        .join(stays, ["tenant", "patient_id"])
        .where(F.col("ended_on") >= F.to_date("diagnosed_at"))
        .groupBy(*keys)
        .agg(F.max("in_numerator").alias("readmitted"))
    )
    died = F.col("died_at").isNotNull() & (F.to_date("died_at") >= F.to_date("diagnosed_at"))
    counted = (
        journeys.join(followed, keys, "left")
        .groupBy(*_KEY)
        .agg(
            F.min("condition_display").alias("condition_display"),
            F.count("*").alias("patients"),
            F.count("resolved_at").alias("resolved"),
            F.count_if(died).alias("died"),
            F.count("readmitted").alias("hospitalised"),
            F.count_if("readmitted").alias("readmitted"),
            F.avg("days_to_resolution").alias("mean_days_to_resolution"),
            F.median("days_to_resolution").alias("median_days_to_resolution"),
            F.avg(F.when(died, days_between("diagnosed_at", "died_at"))).alias("mean_days_to_death"),
            F.median(F.when(died, days_between("diagnosed_at", "died_at"))).alias("median_days_to_death"),
        )
    )
    shares = [
        column.alias(f"{events}_{name}")
        for events, total in (("resolved", "patients"), ("died", "patients"), ("readmitted", "hospitalised"))
        for column, name in zip(wilson_columns(events, total), ("share", "low", "high"), strict=True)
    ]
    return counted.select("*", *shares)


def _share(events: str, of: str) -> tuple[Column, ...]:
    return (
        confidential(f"{events}_share", "DOUBLE", f"Share {events} of {of}"),
        confidential(f"{events}_low", "DOUBLE", "Its lower bound, Wilson 95 %"),
        confidential(f"{events}_high", "DOUBLE", "Its upper bound, Wilson 95 %"),
    )


OUTCOMES: Final = GoldTable(
    declare(
        "treatment_outcomes",
        "Resolution, readmission and death by condition and first medication",
        _KEY,
        TENANT,
        confidential("condition_system", "STRING", "The code system of the condition"),
        confidential("condition_code", "STRING", "The code of the condition"),
        confidential("condition_display", "STRING", "The condition in words"),
        confidential("treatment", "STRING", "The first medication, or `none`"),
        confidential("patients", "BIGINT", "Patients"),
        confidential("resolved", "BIGINT", "Of these, resolved"),
        confidential("died", "BIGINT", "Of these, died after the diagnosis"),
        confidential("hospitalised", "BIGINT", "Of these, with an inpatient episode after the diagnosis"),
        confidential("readmitted", "BIGINT", "Of these, readmitted within 30 days, unplanned"),
        confidential("mean_days_to_resolution", "DOUBLE", "Mean days from diagnosis to resolution"),
        confidential("median_days_to_resolution", "DOUBLE", "Median of the same"),
        confidential("mean_days_to_death", "DOUBLE", "Mean days from diagnosis to death"),
        confidential("median_days_to_death", "DOUBLE", "Median of the same"),
        *(
            *_share("resolved", "patients"),
            *_share("died", "patients"),
            *_share("readmitted", "hospitalised"),
        ),
    ),
    ("patient_journeys", "quality_rows", "encounters"),
    treatment_outcomes,
    revision=2,
)
