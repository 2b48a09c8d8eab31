"""The quality rows that need a patient's events in order: readmissions and adherence, by `spark.measures`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, Final

from pyspark.sql import Column, DataFrame

from spark.gold.frames import ACUTE_CARE, VISIT, first_by, given_medications, living_records
from spark.gold.quality_columns import NONE, ROWS
from spark.gold.table import UNKNOWN, Frames
from spark.gold.words import F
from spark.measures.adherence import ADHERENT_FROM, WINDOW_DAYS, Fill, proportion_of_days_covered
from spark.measures.readmission import WINDOW_DAYS as READMISSION_DAYS
from spark.measures.readmission import Stay, indexes
from spark.schemas.struct import struct_of
from spark.transforms.arrow import map_rows

ASSUMED_SUPPLY_DAYS: Final = 30
_UNIT_DAYS: Final = {"d": 1.0, "wk": 7.0, "mo": 30.4375, "a": 365.25, "h": 1.0 / 24}
_NOT_DONE: Final = ("not-done", "entered-in-error", "preparation")


def _died(frames: Frames) -> DataFrame:
    return living_records(frames["patients"]).select(
        "tenant", "patient_id", F.to_date("deceased_at").alias("died_on")
    )


def readmission_rows(frames: Frames, encounters: DataFrame, inpatient: DataFrame) -> DataFrame:
    """One row per acute inpatient episode that has ended; the inpatient encounters come with their condition."""
    procedures = (
        frames["procedures"]
        .where(~F.col("deleted") & ~F.coalesce("status", F.lit("")).isin(*_NOT_DONE))
        .groupBy(*VISIT)
        .agg(F.collect_set("code").alias("procedure_codes"))
    )
    acute = inpatient.where(F.col("class_code").isin(*ACUTE_CARE))
    # Who has not left yet was admitted all the same, and is what follows an earlier discharge.
    possible = F.col("ended_at").isNull() | (F.col("ended_at") >= F.col("started_at"))
    admitted = acute.where(possible).join(procedures, VISIT, "left")
    stay = F.struct(
        *("encounter_id", "organization_id", "started_at", "ended_at", "discharge_code"),
        *("condition_code", "condition_display", "type_code", "reason_code", "procedure_codes"),
    )
    stays = admitted.groupBy("tenant", "patient_id").agg(F.collect_list(stay).alias("stays"))
    emergencies = (
        encounters.where((F.col("class_code") == "EMER") & F.col("ended_at").isNotNull())
        .groupBy("tenant", "patient_id")
        .agg(F.collect_set(F.to_date("ended_at")).alias("emergency_ends"))
    )
    patients = stays.join(emergencies, ["tenant", "patient_id"], "left").join(
        _died(frames), ["tenant", "patient_id"], "left"
    )
    return map_rows(patients, _readmissions, struct_of(ROWS))


def _readmissions(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        described = {each["encounter_id"]: each for each in row["stays"]}
        stays = [_stay(each) for each in row["stays"]]
        starts = {each.encounter_id: each.admitted_on for each in stays}
        for index in indexes(stays, row["emergency_ends"] or (), row["died_on"]):
            ended_on = index.discharged_on
            about = described[index.first.encounter_id]
            yield {
                "measure": "readmission",
                "tenant": row["tenant"],
                "patient_id": row["patient_id"],
                "subject_id": index.stay.encounter_id,
                "organization_id": index.stay.organization_id,
                "month": ended_on.replace(day=1),
                "condition_code": about["condition_code"],
                "condition_display": about["condition_display"],
                "value": float((starts[index.next_id] - ended_on).days) if index.next_id else None,
                "in_denominator": index.excluded is None,
                "in_numerator": index.readmitted,
                "excluded": index.excluded,
                "assumed": None,
                "known_on": _later(ended_on, READMISSION_DAYS),
            }


def _stay(row: dict[str, Any]) -> Stay:
    codes = (row["type_code"], row["reason_code"], *(row["procedure_codes"] or ()))
    return Stay(
        encounter_id=row["encounter_id"],
        organization_id=row["organization_id"],
        admitted_at=row["started_at"],
        discharged_at=row["ended_at"],
        codes=frozenset(code for code in codes if code),
        discharge_code=row["discharge_code"],
    )


def _later(on: date, days: int) -> date:
    """So many days later, or the last day of the calendar."""
    return on + min(timedelta(days=days), date.max - on)


def _supply_days() -> Column:
    """Whole days of one supply; null where none is stated in a unit of time."""
    days = F.lit(None).cast("double")
    for unit, factor in _UNIT_DAYS.items():
        days = F.when(F.col("supply_unit") == unit, F.col("supply_value") * factor).otherwise(days)
    return F.when(days >= 1, F.floor(days))


def adherence_rows(frames: Frames, encounters: DataFrame) -> DataFrame:
    """One row per patient and medication, from its first fill on."""
    orders = given_medications(frames["medication_requests"]).where(
        F.coalesce("intent", F.lit("order")).isin("order", "original-order", "instance-order", "filler-order")
        & ~F.coalesce("as_needed", F.lit(False))
        & F.col("code").isNotNull()
    )
    key = ["tenant", "patient_id", "code"]
    fills = (
        orders.withColumn("supply_days", _supply_days())
        .groupBy(*key)
        .agg(F.collect_list(F.struct(F.to_date("authored_at").alias("on"), "supply_days")).alias("fills"))
    )
    visits = encounters.select(*VISIT, "organization_id")
    reasons = frames["conditions"].select(
        *("tenant", "patient_id"),
        F.col("id").alias("reason_condition_id"),
        F.col("code").alias("reason_code"),
        F.col("code_display").alias("reason_display"),
    )
    first = (
        first_by(orders, key, F.col("authored_at"), F.col("id"))
        .join(visits, VISIT, "left")
        .join(reasons, ["tenant", "patient_id", "reason_condition_id"], "left")
        .select(*key, "organization_id", "reason_code", "reason_display")
    )
    patients = fills.join(first, key).join(_died(frames), ["tenant", "patient_id"], "left")
    return map_rows(patients, _adherence, struct_of(ROWS))


def _adherence(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        fills = [Fill(each["on"], each["supply_days"] or ASSUMED_SUPPLY_DAYS) for each in row["fills"]]
        first_on = min(fill.on for fill in fills)
        last_on = _later(first_on, WINDOW_DAYS - 1)
        if row["died_on"] is not None:
            last_on = min(last_on, row["died_on"])
        excluded = None
        if last_on <= first_on:
            excluded = "died on the day of the first fill"
        elif len({fill.on for fill in fills if fill.on <= last_on}) < 2:
            excluded = "only one fill"
        covered = None if excluded else proportion_of_days_covered(fills, first_on, last_on)
        yield {
            "measure": "adherence",
            "tenant": row["tenant"],
            "patient_id": row["patient_id"],
            "subject_id": row["code"],
            "organization_id": row["organization_id"] or UNKNOWN,
            "month": first_on.replace(day=1),
            "condition_code": row["reason_code"] or NONE,
            "condition_display": row["reason_display"] or NONE,
            "value": covered,
            "in_denominator": excluded is None,
            "in_numerator": covered is not None and covered >= ADHERENT_FROM,
            "excluded": excluded,
            "assumed": sum(each["supply_days"] is None for each in row["fills"]),
            "known_on": max(first_on, last_on),
        }
