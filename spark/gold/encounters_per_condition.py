"""Encounters per condition and age group.

In words: for each condition code, the number of distinct encounters during which that condition was recorded
(`Condition.encounter`), by the patient's age when the encounter started. Counted are current, not deleted encounters
that took place (not planned, cancelled or entered in error) and current, not deleted conditions that are neither
refuted nor entered in error. A condition recorded twice in one encounter counts once. Encounters whose patient is not
known, or has no birth date, are in the group `unknown`; a condition that names no encounter, or one not on record, is
not counted. `patients` is the number of distinct patients behind the encounters; groups of few patients are not
suppressed here, so the table is not for publication. Code, system and display are the first coding's.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import DataFrame

from spark.gold.frames import NOT_HELD, NOT_TRUE, age_group_column
from spark.gold.table import TENANT, UNKNOWN, Frames, GoldTable, confidential, declare
from spark.gold.words import F


def encounters_per_condition_and_age(frames: Frames) -> DataFrame:
    """The rows from the three silver tables; the words are the module's."""
    encounters = frames["encounters"].where(
        ~F.col("deleted") & ~F.coalesce("status", F.lit("")).isin(*NOT_HELD)
    )
    held = encounters.select(
        "tenant", F.col("id").alias("encounter_id"), "patient_id", F.to_date("started_at").alias("on")
    )
    recorded = (
        frames["conditions"]
        .where(
            ~F.col("deleted")
            & F.col("code").isNotNull()
            & ~F.coalesce("verification_status", F.lit("")).isin(*NOT_TRUE)
        )
        .select("tenant", "encounter_id", "code_system", "code", "code_display")
    )
    patients = frames["patients"].where(~F.col("deleted"))
    born = patients.select("tenant", F.col("id").alias("patient_id"), "birth_on")
    joined = recorded.join(held, ["tenant", "encounter_id"]).join(born, ["tenant", "patient_id"], "left")
    return (
        joined.withColumn("age_group", age_group_column(F.col("birth_on"), F.col("on")))
        .groupBy(
            "tenant",
            F.coalesce("code_system", F.lit(UNKNOWN)).alias("condition_system"),
            F.col("code").alias("condition_code"),
            "age_group",
        )
        .agg(
            F.min("code_display").alias("condition_display"),
            F.count_distinct("encounter_id").alias("encounters"),
            F.count_distinct("patient_id").alias("patients"),
            F.min("on").alias("first_on"),
            F.max("on").alias("last_on"),
        )
    )


ENCOUNTERS_PER_CONDITION: Final = GoldTable(
    declare(
        "encounters_per_condition_and_age",
        "Encounters per condition and age group",
        ("tenant", "condition_system", "condition_code", "age_group"),
        TENANT,
        confidential("condition_system", "STRING", "The code system of the condition, or `unknown`"),
        confidential("condition_code", "STRING", "The code of the condition"),
        confidential("condition_display", "STRING", "The condition in words"),
        confidential("age_group", "STRING", "Age at the encounter, or `unknown`"),
        confidential("encounters", "BIGINT", "Distinct encounters during which it was recorded"),
        confidential("patients", "BIGINT", "Distinct patients behind them"),
        confidential("first_on", "DATE", "The first day"),
        confidential("last_on", "DATE", "The last day"),
    ),
    ("patients", "encounters", "conditions"),
    encounters_per_condition_and_age,
)
