"""Silver to gold: encounters per condition and age group.

In words: for each condition code, the number of distinct encounters during which that condition was recorded
(`Condition.encounter`), by the patient's age when the encounter started. Counted are current, not deleted encounters that
took place (not planned, cancelled or entered in error) and current, not deleted conditions that are neither refuted nor
entered in error. A condition recorded twice in one encounter counts once. Encounters whose patient is not known, or has
no birth date, are in the group `unknown`; a condition that names no encounter, or one not on record, is not counted.
`patients` is the number of distinct patients behind the encounters; groups of few patients are not suppressed here, so
the table is not for publication. Code, system and display are the first coding's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.names import TABLES
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.tables import open_table
from spark.paths import LakeRoot
from spark.schemas.gold import ENCOUNTERS_PER_CONDITION_AND_AGE
from spark.schemas.silver import CONDITIONS, ENCOUNTERS, PATIENTS
from spark.schemas.struct import struct_of
from spark.transforms.age_groups import LOWER_BOUNDS_YEARS, UNKNOWN

TABLE: Final = "gold_encounters_per_condition_and_age"
_NOT_HELD: Final = ("planned", "cancelled", "entered-in-error")
_NOT_TRUE: Final = ("refuted", "entered-in-error")


def age_group_column(birth_on: Column, on: Column) -> Column:
    """`transforms.age_groups.age_group` as a Spark expression; a test holds the two together."""
    day = F.date_format(on, "MMdd") < F.date_format(birth_on, "MMdd")
    years = F.year(on) - F.year(birth_on) - F.when(day, 1).otherwise(0)
    (_, label), *rest = [(0, UNKNOWN), *reversed(LOWER_BOUNDS_YEARS)]
    group = F.lit(label)
    for lower, each in rest:
        group = F.when(years >= lower, F.lit(each)).otherwise(group)
    return group


def encounters_per_condition_and_age(
    patients: DataFrame, encounters: DataFrame, conditions: DataFrame
) -> DataFrame:
    """The gold rows from the three silver tables; the words are the module's."""
    held = encounters.where(~F.col("deleted") & ~F.coalesce("status", F.lit("")).isin(*_NOT_HELD)).select(
        "tenant", F.col("id").alias("encounter_id"), "patient_id", F.to_date("started_at").alias("on")
    )
    recorded = conditions.where(
        ~F.col("deleted")
        & F.col("code").isNotNull()
        & ~F.coalesce("verification_status", F.lit("")).isin(*_NOT_TRUE)
    ).select("tenant", "encounter_id", "code_system", "code", "code_display")
    born = patients.where(~F.col("deleted")).select("tenant", F.col("id").alias("patient_id"), "birth_on")
    joined = recorded.join(held, ["tenant", "encounter_id"]).join(born, ["tenant", "patient_id"], "left")
    return (
        joined.withColumn("age_group", age_group_column(F.col("birth_on"), F.col("on")))
        .groupBy(
            "tenant",
            F.col("code_system").alias("condition_system"),
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
        .select(*ENCOUNTERS_PER_CONDITION_AND_AGE.names)
    )


def run_gold(spark: SparkSession, lake: LakeRoot) -> TableReport:
    """Recomputes the table whole, in one commit."""
    started = time.monotonic()
    uri = lake.uri(TABLES[TABLE])
    open_table(spark, uri, ENCOUNTERS_PER_CONDITION_AND_AGE, "Encounters per condition and age group.")
    silver = [
        open_table(spark, lake.uri(each.path), struct_of(each), each.comment).toDF()
        for each in (PATIENTS, ENCOUNTERS, CONDITIONS)
    ]
    rows = encounters_per_condition_and_age(*silver)
    rows.coalesce(1).write.format("delta").mode("overwrite").save(uri)
    total = spark.read.format("delta").load(uri).count()
    return TableReport(TABLES[TABLE], total, total, time.monotonic() - started)


def run(context: RunContext) -> Iterator[TableReport]:
    """The job as the graph starts it."""
    yield run_gold(context.spark, context.lake)
