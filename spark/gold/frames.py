"""What several measures mean by the same word: an encounter that took place, a condition that was true, an age."""

from __future__ import annotations

from typing import Any, Final

from pyspark.sql import Column, DataFrame

from spark.gold.table import UNKNOWN
from spark.gold.words import F, Window
from spark.measures.intervals import wilson
from spark.transforms.age_groups import LOWER_BOUNDS_YEARS

NOT_HELD: Final = ("planned", "cancelled", "entered-in-error")
NOT_TRUE: Final = ("refuted", "entered-in-error")
NOT_GIVEN: Final = ("draft", "cancelled", "entered-in-error", "unknown")
INPATIENT: Final = ("IMP", "ACUTE", "NONAC")
"""The v3 ActCode classes of a stay in a hospital."""
ACUTE_CARE: Final = ("IMP", "ACUTE")
"""Those that are not nursing, rehabilitation or another kind of care after the acute one."""
NOT_ORDERED: Final = ("proposal", "plan", "option")
NOT_ACTIVE: Final = ("inactive", "remission", "resolved")
"""What the clinical status `inactive` of FHIR takes in."""
VISIT: Final = ["tenant", "patient_id", "encounter_id"]
"""What names an encounter: a resource that names another patient's encounter is not about it."""
SECONDS_PER_DAY: Final = 86_400.0
MIN_CELL: Final = 5
"""Counts of people from 1 to 4 are not shown in tables meant for readers outside the care team."""


def held(encounters: DataFrame) -> DataFrame:
    """Current encounters that took place: not planned, cancelled or entered in error, with a patient and a start.

    An end more than a day after the platform last heard of the encounter is expected, as FHIR's Period has it, and no end.
    """
    took_place = ~F.coalesce("status", F.lit("")).isin(*NOT_HELD)
    expected = F.col("ended_at") > F.col("last_updated") + F.expr("INTERVAL 1 DAY")
    return (
        encounters.where(
            ~F.col("deleted") & took_place & F.col("patient_id").isNotNull() & F.col("started_at").isNotNull()
        )
        .withColumn("ended_at", F.when(~F.coalesce(expected, F.lit(False)), F.col("ended_at")))
        .withColumnRenamed("id", "encounter_id")
    )


def true_conditions(conditions: DataFrame) -> DataFrame:
    """Current conditions with a code and a patient that are neither refuted nor entered in error.

    `diagnosed_at` is when the condition was recorded, else its onset; a condition with neither has null.
    """
    return (
        conditions.where(
            ~F.col("deleted")
            & F.col("code").isNotNull()
            & F.col("patient_id").isNotNull()
            & ~F.coalesce("verification_status", F.lit("")).isin(*NOT_TRUE)
        )
        .withColumn("diagnosed_at", F.coalesce("recorded_at", "onset_at"))
        .withColumn("code_system", F.coalesce("code_system", F.lit(UNKNOWN)))
    )


def living_records(patients: DataFrame) -> DataFrame:
    """Patients on record, under `patient_id`."""
    return patients.where(~F.col("deleted")).withColumnRenamed("id", "patient_id")


def given_medications(medication_requests: DataFrame) -> DataFrame:
    """Current medication requests that stand for treatment: with a date; no draft, proposal, ban or mistake."""
    return medication_requests.where(
        ~F.col("deleted")
        & F.col("patient_id").isNotNull()
        & F.col("authored_at").isNotNull()
        & ~F.coalesce("status", F.lit("")).isin(*NOT_GIVEN)
        & ~F.coalesce("intent", F.lit("")).isin(*NOT_ORDERED)
        & ~F.coalesce("do_not_perform", F.lit(False))
    )


def with_treatment_reason(medications: DataFrame, conditions: DataFrame) -> DataFrame:
    """The medications that name a condition as their reason, with `condition_system` and `condition_code`."""
    coded = conditions.select(
        "tenant",
        "patient_id",
        F.col("id").alias("reason_condition_id"),
        F.col("code_system").alias("condition_system"),
        F.col("code").alias("condition_code"),
    )
    return medications.join(coded, ["tenant", "patient_id", "reason_condition_id"])


def age_group_column(birth_on: Column, on: Column) -> Column:
    """`transforms.age_groups.age_group` as a Spark expression; a test holds the two together."""
    day = F.date_format(on, "MMdd") < F.date_format(birth_on, "MMdd")
    years = F.year(on) - F.year(birth_on) - F.when(day, 1).otherwise(0)
    (_, label), *rest = [(0, UNKNOWN), *reversed(LOWER_BOUNDS_YEARS)]
    group = F.lit(label)
    for lower, each in rest:
        group = F.when(years >= lower, F.lit(each)).otherwise(group)
    return group


def last_day(encounters: DataFrame) -> DataFrame:
    """Per tenant, `as_of`: the last day on which an encounter began or ended that the platform had heard of by then.

    It stands for today, so that gold is a function of silver alone: the same data give the same measures on any day.
    """
    known = held(encounters).select(
        "tenant", "last_updated", F.explode(F.array("started_at", "ended_at")).alias("at")
    )
    return (
        known.where(F.col("last_updated").isNull() | (F.col("at") <= F.col("last_updated")))
        .groupBy("tenant")
        .agg(F.max(F.to_date("at")).alias("as_of"))
    )


def days_between(start: Any, end: Any) -> Column:
    """Days from instant to instant, with their fraction."""
    return (F.unix_micros(end) - F.unix_micros(start)) / F.lit(1e6 * SECONDS_PER_DAY)


def wilson_columns(events: str, total: str) -> tuple[Column, Column, Column]:
    """`rate`, `low`, `high` of two count columns; null where the total is zero."""
    shown = F.when(F.col(total) > 0, F.col(total))
    low, high = wilson(F.col(events), shown)
    some = F.col(total) > 0  # greatest and least pass over null
    return (
        (F.col(events) / shown).alias("rate"),
        F.when(some, F.greatest(F.lit(0.0), low)).alias("low"),
        F.when(some, F.least(F.lit(1.0), high)).alias("high"),
    )


def first_by(frame: DataFrame, keys: list[str], *order: Column) -> DataFrame:
    """The first row of each group in an order that leaves no tie."""
    window = Window.partitionBy(*keys).orderBy(*order)
    return frame.withColumn("_rank", F.row_number().over(window)).where("_rank = 1").drop("_rank")
