"""Operations: who came, who was there, who left, what was done and what it cost.

In words. By UTC day, organisation and class of encounter, of encounters held that do not end before they begin:
admissions start on the day, discharges end on it, the census is who was there at its last moment, `occupied` is the
mean number present over the day's 24 hours. `occupancy` is `occupied` as a share of the highest `occupied` on
record for organisation and class: FHIR's encounters do not say how many beds there are. An encounter without an end
is open to the last day on record while its status says that it goes on (arrived, triaged, in-progress, onleave);
with another status it counts as an admission, and nobody knows for how long. 366 days at most are counted of any
encounter. Length of stay is the mean of the day's discharges. Practitioners and procedures are counted by month.
The cost of an encounter is the sum of the totals of the claims (use `claim`, not cancelled, draft or in error) that
name it first; currencies are never added up.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import Column, DataFrame

from spark.gold.frames import VISIT, days_between, held, last_day
from spark.gold.table import (
    PATIENT,
    TENANT,
    UNKNOWN,
    Frames,
    GoldTable,
    confidential,
    declare,
    internal,
    sensitive,
)
from spark.gold.words import F, Window

LONGEST_DAYS: Final = 366
_GOES_ON: Final = ("arrived", "triaged", "in-progress", "onleave")
_CLAIM_NOT_COUNTED: Final = ("cancelled", "draft", "entered-in-error")
_PLACE: Final = ["tenant", "organization_id", "class_code"]


def _presences(frames: Frames) -> DataFrame:
    """Encounters with `start` and `stop`, the moments between which the patient was there."""
    visits = held(frames["encounters"]).where(
        F.col("ended_at").isNull() | (F.col("ended_at") >= F.col("started_at"))
    )
    longest = F.col("started_at") + F.make_dt_interval(days=F.lit(LONGEST_DAYS))
    today = F.greatest(F.to_timestamp(F.date_add("as_of", 1)), F.col("started_at"))
    open_until = F.when(F.col("status").isin(*_GOES_ON), today).otherwise(F.col("started_at"))
    return (
        visits.join(last_day(frames["encounters"]), ["tenant"], "left")
        .withColumn("stop", F.least(F.coalesce("ended_at", open_until), longest))
        .withColumn("organization_id", F.coalesce("organization_id", F.lit(UNKNOWN)))
        .withColumn("class_code", F.coalesce("class_code", F.lit(UNKNOWN)))
        .select(*_PLACE, "patient_id", "encounter_id", "started_at", "ended_at", "stop")
    )


def operations_daily(frames: Frames) -> DataFrame:
    """One row per day, organisation and class on which somebody was there."""
    days = F.explode(F.sequence(F.to_date("started_at"), F.to_date("stop")))
    there = _presences(frames).withColumn("on", days)
    morning, night = F.to_timestamp("on"), F.to_timestamp(F.date_add("on", 1))
    present = days_between(F.greatest("started_at", morning), F.least("stop", night))
    leaves = F.to_date("ended_at") == F.col("on")
    daily = there.groupBy(*_PLACE, "on").agg(
        F.count_if(F.to_date("started_at") == F.col("on")).alias("admissions"),
        F.count_if(leaves).alias("discharges"),
        F.count_if((F.col("started_at") < night) & (F.col("stop") >= night)).alias("census"),
        F.avg(F.when(leaves, days_between("started_at", "ended_at"))).alias("mean_stay_days"),
        F.sum(F.greatest(present, F.lit(0.0))).alias("occupied"),
    )
    peak = F.max("occupied").over(Window.partitionBy(*_PLACE))
    somebody = F.col("occupied") > 0
    for moved in ("admissions", "discharges", "census"):
        somebody = somebody | (F.col(moved) > 0)
    share = F.when(peak > 0, F.col("occupied") / F.nullif(peak, F.lit(0.0)))
    return daily.where(somebody).withColumn("occupancy", share)


def practitioner_activity(frames: Frames) -> DataFrame:
    """Encounters, patients and hours by practitioner and month."""
    visits = held(frames["encounters"]).where(F.col("practitioner_id").isNotNull())
    hours = F.greatest(days_between("started_at", "ended_at") * 24, F.lit(0.0))
    return visits.groupBy(
        "tenant", "practitioner_id", F.trunc(F.to_date("started_at"), "month").alias("month")
    ).agg(
        F.count("*").alias("encounters"),
        F.count_distinct("patient_id").alias("patients"),
        F.sum(hours).alias("hours"),
    )


def procedure_use(frames: Frames) -> DataFrame:
    """Procedures that were done, by organisation, month and code."""
    done = frames["procedures"].where(
        ~F.col("deleted")
        & ~F.coalesce("status", F.lit("")).isin("not-done", "entered-in-error", "preparation")
        & F.col("code").isNotNull()
        & F.col("performed_at").isNotNull()
    )
    where = frames["encounters"].select("tenant", F.col("id").alias("encounter_id"), "organization_id")
    return (
        done.join(where, ["tenant", "encounter_id"], "left")
        .groupBy(
            "tenant",
            F.coalesce("organization_id", F.lit(UNKNOWN)).alias("organization_id"),
            F.trunc(F.to_date("performed_at"), "month").alias("month"),
            F.coalesce("code_system", F.lit(UNKNOWN)).alias("procedure_system"),
            F.col("code").alias("procedure_code"),
        )
        .agg(
            F.min("code_display").alias("procedure_display"),
            F.count("*").alias("procedures"),
            F.count_distinct("patient_id").alias("patients"),
        )
    )


def _sum_of_money(name: str) -> Column:
    """In decimals: a sum of doubles depends on the order of the rows."""
    return F.sum(F.col(name).try_cast("decimal(18,4)")).cast("double")


def encounter_costs(frames: Frames) -> DataFrame:
    """What was claimed for each encounter, by currency."""
    claims = frames["claims"].where(
        ~F.col("deleted")
        & ~F.coalesce("status", F.lit("")).isin(*_CLAIM_NOT_COUNTED)
        & (F.coalesce("use", F.lit("claim")) == "claim")
        & F.col("encounter_id").isNotNull()
        & F.col("total").isNotNull()
    )
    cost = claims.groupBy(*VISIT, F.coalesce("currency", F.lit(UNKNOWN)).alias("currency")).agg(
        F.count("*").alias("claims"),
        _sum_of_money("total").alias("claimed"),
    )
    visits = held(frames["encounters"]).select(
        *VISIT,
        F.coalesce("organization_id", F.lit(UNKNOWN)).alias("organization_id"),
        F.coalesce("class_code", F.lit(UNKNOWN)).alias("class_code"),
        F.to_date("started_at").alias("on"),
    )
    return cost.join(visits, VISIT)


def cost_by_class(frames: Frames) -> DataFrame:
    """Claims cost per encounter and per patient by class of encounter and year."""
    per_class = frames["encounter_costs"].groupBy(
        "tenant", "class_code", F.year("on").alias("year"), "currency"
    )
    claimed = _sum_of_money("claimed")
    return per_class.agg(
        F.count("*").alias("encounters"),
        F.count_distinct("patient_id").alias("patients"),
        claimed.alias("claimed"),
        (claimed / F.count("*")).alias("mean_per_encounter"),
        (claimed / F.count_distinct("patient_id")).alias("mean_per_patient"),
    ).withColumn("year", F.col("year").cast("bigint"))


_ORGANIZATION: Final = internal("organization_id", "STRING", "The organisation, or `unknown`")
_CLASS: Final = internal("class_code", "STRING", "The class of encounter, or `unknown`")
_MONTH: Final = internal("month", "DATE", "The first day of the month")
_CURRENCY: Final = internal("currency", "STRING", "ISO 4217 code, or `unknown`")
OPERATIONS: Final = (
    GoldTable(
        declare(
            "operations_daily",
            "Admissions, discharges, census, stay and occupancy by day, organisation and class",
            ("tenant", "organization_id", "class_code", "on"),
            *(TENANT, _ORGANIZATION, _CLASS, internal("on", "DATE", "The day, UTC")),
            internal("admissions", "BIGINT", "Encounters that began on the day"),
            internal("discharges", "BIGINT", "Encounters that ended on the day"),
            internal("census", "BIGINT", "Who was there at the end of the day"),
            internal("mean_stay_days", "DOUBLE", "Mean length of the stays that ended on the day"),
            internal("occupied", "DOUBLE", "Mean number present over 24 hours"),
            internal("occupancy", "DOUBLE", "The same as a share of the highest on record"),
        ),
        ("encounters",),
        operations_daily,
        revision=2,
    ),
    GoldTable(
        declare(
            "practitioner_activity",
            "Encounters, patients and hours by practitioner and month",
            ("tenant", "practitioner_id", "month"),
            *(TENANT, internal("practitioner_id", "STRING", "The practitioner"), _MONTH),
            internal("encounters", "BIGINT", "Encounters held"),
            internal("patients", "BIGINT", "Distinct patients"),
            internal("hours", "DOUBLE", "Hours from start to end"),
        ),
        ("encounters",),
        practitioner_activity,
        revision=2,
    ),
    GoldTable(
        declare(
            "procedure_use",
            "Procedures by organisation, month and code",
            ("tenant", "organization_id", "month", "procedure_system", "procedure_code"),
            *(TENANT, _ORGANIZATION, _MONTH),
            internal("procedure_system", "STRING", "The code system"),
            internal("procedure_code", "STRING", "The code"),
            internal("procedure_display", "STRING", "It in words"),
            internal("procedures", "BIGINT", "How many were done"),
            internal("patients", "BIGINT", "On how many patients"),
        ),
        ("procedures", "encounters"),
        procedure_use,
    ),
    GoldTable(
        declare(
            "encounter_costs",
            "What was claimed for each encounter",
            ("tenant", "encounter_id", "currency"),
            *(TENANT, sensitive("encounter_id", "STRING", "The encounter"), _CURRENCY, PATIENT),
            *(_ORGANIZATION, _CLASS, confidential("on", "DATE", "The day it began")),
            confidential("claims", "BIGINT", "Claims that name it first"),
            confidential("claimed", "DOUBLE", "The sum of their totals"),
        ),
        ("claims", "encounters"),
        encounter_costs,
        unit="patient_id",
        revision=2,
    ),
    GoldTable(
        declare(
            "cost_by_class",
            "Claims cost per encounter and patient by class and year",
            ("tenant", "class_code", "year", "currency"),
            *(TENANT, _CLASS, internal("year", "BIGINT", "The year the encounters began"), _CURRENCY),
            internal("encounters", "BIGINT", "Encounters with a claim"),
            internal("patients", "BIGINT", "Distinct patients"),
            internal("claimed", "DOUBLE", "What was claimed"),
            internal("mean_per_encounter", "DOUBLE", "Mean claimed per encounter"),
            internal("mean_per_patient", "DOUBLE", "Mean claimed per patient"),
        ),
        ("encounter_costs",),
        cost_by_class,
        revision=2,
    ),
)
