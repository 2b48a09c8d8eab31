"""Patient journeys: per patient and condition from the first diagnosis to treatment and resolution.

In words. A journey is a patient and a condition code. Its diagnosis is the earliest moment at which the condition
was recorded, or its onset where that is not given; conditions with neither have no journey. First encounter: the
earliest encounter held during which it was recorded, or whose reason is its code or the condition itself. First
medication: the earliest request that names the condition as its reason, not before the day of diagnosis; of several
at one moment the first by code. Encounters before and after treatment are all encounters of the patient held from
the day of diagnosis on, split at the moment of the first medication; without one all are before. Resolved: every
record of the condition has an abatement; the last one is the resolution. Days are not below zero: what came earlier
on the same day came at once, and of a condition that was over before it was recorded nobody knows how long it took.
The average journey takes each patient once per condition; means leave out who has no such event, and `treated` and
`resolved` say how many had one. Deaths do not end a journey early here: `died_at` stands beside it.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import Column, DataFrame

from spark.gold.frames import (
    days_between,
    first_by,
    given_medications,
    held,
    living_records,
    true_conditions,
    wilson_columns,
    with_treatment_reason,
)
from spark.gold.table import PATIENT, TENANT, UNKNOWN, Frames, GoldTable, confidential, declare, sensitive
from spark.gold.words import F, Window

_KEY: Final = ["tenant", "patient_id", "condition_system", "condition_code"]
_CONDITION: Final = (
    confidential("condition_system", "STRING", "The code system of the condition"),
    confidential("condition_code", "STRING", "The code of the condition"),
    confidential("condition_display", "STRING", "The condition in words"),
)


def patient_journeys(frames: Frames) -> DataFrame:
    """One row per patient and condition code."""
    conditions = true_conditions(frames["conditions"]).where(F.col("diagnosed_at").isNotNull())
    encounters = held(frames["encounters"])
    journeys = conditions.groupBy(
        *("tenant", "patient_id"),
        F.col("code_system").alias("condition_system"),
        F.col("code").alias("condition_code"),
    ).agg(
        F.min("code_display").alias("condition_display"),
        F.count("*").alias("records"),
        F.min("diagnosed_at").alias("diagnosed_at"),
        F.when(F.count("*") == F.count("abatement_at"), F.max("abatement_at")).alias("resolved_at"),
    )
    medications = with_treatment_reason(given_medications(frames["medication_requests"]), conditions)
    # What each step needs and no more: whatever is joined before a step is computed once more for it.
    treated = journeys.join(_first_medications(journeys, medications), _KEY, "left")
    counts = _encounter_counts(treated, encounters)
    journeys = treated.join(counts, _KEY, "left").join(
        _first_encounters(conditions, encounters), _KEY, "left"
    )
    died = living_records(frames["patients"]).select(
        "tenant", "patient_id", F.col("deceased_at").alias("died_at")
    )
    days = {
        "days_to_medication": _days_after("diagnosed_at", "first_medication_at"),
        "days_to_resolution": _days_after("diagnosed_at", "resolved_at"),
    }
    return journeys.join(died, ["tenant", "patient_id"], "left").withColumns(days).select(*JOURNEY_COLUMNS)


def _days_after(start: str, end: str) -> Column:
    """Days from start to end; zero where the end is earlier on the same day, null where it is on an earlier one."""
    days = F.greatest(F.lit(0.0), days_between(start, end))
    return F.when(F.to_date(end) >= F.to_date(start), days)


def _first_encounters(conditions: DataFrame, encounters: DataFrame) -> DataFrame:
    """The earliest encounter that is about the condition: where it was recorded, or whose reason it is."""
    coded = conditions.select(
        *("tenant", "patient_id"),
        F.col("code_system").alias("condition_system"),
        F.col("code").alias("condition_code"),
        F.col("encounter_id"),
        F.col("id").alias("condition_id"),
    )
    visits = encounters.select(
        *("tenant", "patient_id", "encounter_id", "started_at", "reason_code", "reason_condition_id"),
        F.coalesce("reason_system", F.lit(UNKNOWN)).alias("condition_system"),
    )
    visit = ["tenant", "patient_id", "encounter_id"]
    recorded = coded.join(visits.select(*visit, "started_at"), visit)
    by_code = (
        coded.select(*_KEY)
        .distinct()
        .join(
            visits.select(
                *("tenant", "patient_id", "encounter_id", "started_at", "condition_system"),
                F.col("reason_code").alias("condition_code"),
            ),
            _KEY,
        )
    )
    by_reference = coded.drop("encounter_id").join(
        visits.select(
            *("tenant", "patient_id", "encounter_id", "started_at"),
            F.col("reason_condition_id").alias("condition_id"),
        ),
        ["tenant", "patient_id", "condition_id"],
    )
    columns = [*_KEY, "encounter_id", "started_at"]
    found = recorded.select(*columns).unionByName(by_code.select(*columns))
    found = found.unionByName(by_reference.select(*columns))
    return first_by(found, _KEY, F.col("started_at"), F.col("encounter_id")).select(
        *_KEY,
        F.col("encounter_id").alias("first_encounter_id"),
        F.col("started_at").alias("first_encounter_at"),
    )


def _first_medications(journeys: DataFrame, medications: DataFrame) -> DataFrame:
    """The earliest medication for the condition from the day of diagnosis on."""
    later = medications.join(journeys.select(*_KEY, "diagnosed_at"), _KEY).where(
        F.col("authored_at") >= F.to_timestamp(F.to_date("diagnosed_at"))
    )
    return first_by(later, _KEY, F.col("authored_at"), F.col("code").asc_nulls_last(), F.col("id")).select(
        *_KEY,
        F.col("authored_at").alias("first_medication_at"),
        F.col("code").alias("first_medication_code"),
        F.col("code_display").alias("first_medication"),
    )


def _encounter_counts(journeys: DataFrame, encounters: DataFrame) -> DataFrame:
    """Encounters of the patient from the day of diagnosis on, before the first medication and after it."""
    visits = encounters.select("tenant", "patient_id", "started_at", F.lit(1).alias("visit"))
    after = journeys.select(*_KEY, "diagnosed_at", "first_medication_at").join(
        visits, ["tenant", "patient_id"]
    )
    from_diagnosis = after.where(F.col("started_at") >= F.to_timestamp(F.to_date("diagnosed_at")))
    before = F.col("first_medication_at").isNull() | (F.col("started_at") < F.col("first_medication_at"))
    return from_diagnosis.groupBy(*_KEY).agg(
        F.count_if(before).alias("encounters_before_treatment"),
        F.count_if(~before).alias("encounters_after_treatment"),
    )


def journey_by_condition(frames: Frames) -> DataFrame:
    """The average journey of each condition; the typical first medication is the commonest, ties by name."""
    journeys = frames["patient_journeys"]
    key = ["tenant", "condition_system", "condition_code"]
    often = journeys.where(F.col("first_medication").isNotNull()).groupBy(*key, "first_medication")
    ranked = often.agg(F.count("*").alias("patients")).withColumn(
        "rank",
        F.row_number().over(
            Window.partitionBy(*key).orderBy(F.col("patients").desc(), F.col("first_medication"))
        ),
    )
    usual = ranked.where("rank = 1").select(*key, F.col("first_medication").alias("usual_first_medication"))
    counted = journeys.groupBy(*key).agg(
        F.min("condition_display").alias("condition_display"),
        F.count("*").alias("patients"),
        F.count("first_medication_at").alias("treated"),
        F.count("resolved_at").alias("resolved"),
        F.avg("days_to_medication").alias("mean_days_to_medication"),
        F.median("days_to_medication").alias("median_days_to_medication"),
        F.avg(F.coalesce("encounters_before_treatment", F.lit(0))).alias("mean_encounters_before_treatment"),
        F.avg(F.when(F.col("first_medication_at").isNotNull(), F.col("encounters_after_treatment"))).alias(
            "mean_encounters_after_treatment"
        ),
        F.avg("days_to_resolution").alias("mean_days_to_resolution"),
        F.median("days_to_resolution").alias("median_days_to_resolution"),
    )
    shares = counted.select("*", *_renamed("treated"), *_renamed("resolved"))
    return shares.join(usual, key, "left")


def _renamed(events: str) -> list[Column]:
    return [
        column.alias(f"{events}_{name}")
        for column, name in zip(wilson_columns(events, "patients"), ("share", "low", "high"), strict=True)
    ]


JOURNEYS: Final = declare(
    "patient_journeys",
    "Per patient and condition: diagnosis, first encounter, first medication, encounters around it, resolution",
    ("tenant", "patient_id", "condition_system", "condition_code"),
    *(TENANT, PATIENT, *_CONDITION),
    confidential("records", "BIGINT", "Condition resources behind the journey"),
    confidential("diagnosed_at", "TIMESTAMP", "The first diagnosis, UTC"),
    sensitive("first_encounter_id", "STRING", "The first encounter about the condition"),
    confidential("first_encounter_at", "TIMESTAMP", "Its start, UTC"),
    confidential("first_medication_at", "TIMESTAMP", "The first medication for the condition, UTC"),
    confidential("first_medication_code", "STRING", "Its code"),
    confidential("first_medication", "STRING", "It in words"),
    confidential("days_to_medication", "DOUBLE", "Days from diagnosis to first medication"),
    confidential("encounters_before_treatment", "BIGINT", "Encounters from diagnosis to first medication"),
    confidential("encounters_after_treatment", "BIGINT", "Encounters from the first medication on"),
    confidential("resolved_at", "TIMESTAMP", "When the last record abated, UTC; null while one has not"),
    confidential("days_to_resolution", "DOUBLE", "Days from diagnosis to resolution"),
    confidential("died_at", "TIMESTAMP", "Death of the patient, UTC"),
)
JOURNEY_COLUMNS: Final = tuple(column.name for column in JOURNEYS.columns)
JOURNEY_TABLES: Final = (
    GoldTable(
        JOURNEYS,
        ("patients", "encounters", "conditions", "medication_requests"),
        patient_journeys,
        unit="patient_id",
        revision=2,
    ),
    GoldTable(
        declare(
            "journey_by_condition",
            "The average journey by condition",
            ("tenant", "condition_system", "condition_code"),
            *(TENANT, *_CONDITION),
            confidential("patients", "BIGINT", "Patients with the condition"),
            confidential("treated", "BIGINT", "Of these, with a medication for it"),
            confidential("resolved", "BIGINT", "Of these, resolved"),
            confidential("mean_days_to_medication", "DOUBLE", "Mean days from diagnosis to first medication"),
            confidential("median_days_to_medication", "DOUBLE", "Median of the same"),
            confidential("mean_encounters_before_treatment", "DOUBLE", "Mean encounters before treatment"),
            confidential(
                "mean_encounters_after_treatment", "DOUBLE", "Mean encounters after, of the treated"
            ),
            confidential("mean_days_to_resolution", "DOUBLE", "Mean days from diagnosis to resolution"),
            confidential("median_days_to_resolution", "DOUBLE", "Median of the same"),
            confidential("treated_share", "DOUBLE", "Share treated"),
            confidential("treated_low", "DOUBLE", "Its lower bound, Wilson 95 %"),
            confidential("treated_high", "DOUBLE", "Its upper bound, Wilson 95 %"),
            confidential("resolved_share", "DOUBLE", "Share resolved"),
            confidential("resolved_low", "DOUBLE", "Its lower bound, Wilson 95 %"),
            confidential("resolved_high", "DOUBLE", "Its upper bound, Wilson 95 %"),
            confidential("usual_first_medication", "STRING", "The commonest first medication"),
        ),
        ("patient_journeys",),
        journey_by_condition,
    ),
)
