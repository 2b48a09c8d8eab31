"""Quality by organisation, month and condition: the rows of `quality_rows` counted.

In words: a row counts from the day its outcome is known, if that is not after `as_of`, the last day with an encounter
on record; until then it is `pending`. The rate is numerator through denominator with its Wilson interval; a stay has
no numerator and so no rate, its mean and median are the measure. Means are over the rows with a value in the
denominator.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import DataFrame

from spark.gold.frames import last_day, wilson_columns
from spark.gold.table import TENANT, Frames, GoldTable, confidential, declare, internal
from spark.gold.words import F

_KEY: Final = ("tenant", "measure", "organization_id", "month", "condition_code")


def quality_measures(frames: Frames) -> DataFrame:
    """One row per measure, organisation, month and condition."""
    names = (
        frames["organizations"]
        .where(~F.col("deleted"))
        .select("tenant", F.col("id").alias("organization_id"), F.col("name").alias("organization"))
    )
    rows = frames["quality_rows"].join(last_day(frames["encounters"]), ["tenant"], "left")
    known = F.coalesce(F.col("known_on") <= F.col("as_of"), F.lit(False))
    counts = F.col("in_denominator") & known
    value = F.when(counts, F.col("value"))
    counted = rows.groupBy(*_KEY).agg(
        F.min("condition_display").alias("condition_display"),
        F.max("as_of").alias("as_of"),
        F.count_if(counts).alias("denominator"),
        F.count_if(counts & F.col("in_numerator")).alias("numerator"),
        F.count("excluded").alias("excluded"),
        F.count_if(F.col("in_denominator") & ~known).alias("pending"),
        F.avg(value).alias("mean_value"),
        F.median(value).alias("median_value"),
    )
    rate, low, high = wilson_columns("numerator", "denominator")
    has_rate = F.col("measure") != "stay"
    rated = counted.withColumns(
        {
            "rate": F.when(has_rate, rate),
            "low": F.when(has_rate, low),
            "high": F.when(has_rate, high),
        }
    )
    return rated.join(names, ["tenant", "organization_id"], "left")


QUALITY_MEASURES: Final = GoldTable(
    declare(
        "quality_measures",
        "Average stay, 30-day readmission, adherence and latency by organisation, month and condition",
        _KEY,
        *(TENANT, internal("measure", "STRING", "stay, readmission, adherence or latency")),
        internal("organization_id", "STRING", "The organisation, or `unknown`"),
        internal("organization", "STRING", "Its name"),
        internal("month", "DATE", "The first day of the month"),
        confidential("condition_code", "STRING", "The code of the condition, or `none`"),
        confidential("condition_display", "STRING", "The condition in words"),
        internal("as_of", "DATE", "Up to which day outcomes are known"),
        confidential("denominator", "BIGINT", "Rows that count"),
        confidential("numerator", "BIGINT", "Of these, with the event"),
        confidential("excluded", "BIGINT", "Rows left out, with a reason each"),
        confidential("pending", "BIGINT", "Rows whose outcome is not known yet"),
        confidential("rate", "DOUBLE", "Numerator through denominator; null for stays"),
        confidential("low", "DOUBLE", "Its lower bound, Wilson 95 %"),
        confidential("high", "DOUBLE", "Its upper bound, Wilson 95 %"),
        confidential("mean_value", "DOUBLE", "Mean days, PDC or hours"),
        confidential("median_value", "DOUBLE", "Median of the same"),
    ),
    ("quality_rows", "encounters", "organizations"),
    quality_measures,
    revision=2,
)
