"""One row a patient from the silver tables: who, how often, what is active, what was measured last.

What counts: encounters not planned, cancelled or entered in error; conditions neither refuted nor entered in error;
procedures and immunizations that are completed; claims that are active. Lists are ordered by code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.schemas.derived import PATIENT_360
from spark.schemas.struct import struct_of

_INPATIENT: Final = ("IMP", "ACUTE", "NONAC")
_BY: Final = ("tenant", "patient_id")
INPUTS: Final = (
    "patients",
    "encounters",
    "conditions",
    "observations",
    "medication_requests",
    "procedures",
    "immunizations",
    "allergies",
    "care_plans",
    "claims",
)


def patient_360(tables: Mapping[str, DataFrame]) -> DataFrame:
    """The rows of all patients in `tables`, which has the current, not deleted rows of each input by its name."""
    patients = (
        tables["patients"].withColumnRenamed("id", "patient_id").withColumnRenamed("batch", "own_batch")
    )
    found = patients
    parts = (
        _encounters(tables["encounters"]),
        _conditions(tables["conditions"]),
        _medications(tables["medication_requests"]),
        _allergies(tables["allergies"]),
        _counted(tables["procedures"].where("status = 'completed'"), "procedures"),
        _counted(tables["immunizations"].where("status = 'completed'"), "immunizations"),
        _counted(tables["care_plans"].where("status = 'active'"), "active_care_plans"),
        _claims(tables["claims"]),
        _latest(tables["observations"]),
    )
    for part in parts:
        found = found.join(part, list(_BY), "left")
    batches = [F.col(name) for name in found.columns if name.startswith("batch_")]
    found = found.withColumn("batch", F.greatest("own_batch", *batches))
    return found.select(*(_whole(field) for field in struct_of(PATIENT_360)))


def _whole(field: Any) -> Column:
    """What a patient has none of is zero or an empty list, never null; what is not known stays null."""
    name, kind = field.name, field.dataType
    column = F.col(name)
    if kind.typeName() == "array":
        column = F.coalesce(column, F.array())
    elif kind.typeName() == "long" or name == "claims_total":
        column = F.coalesce(column, F.lit(0))
    return column.cast(kind).alias(name)


def _newest_batch(of: str) -> Column:
    return F.max("batch").alias(f"batch_{of}")


def _counted(rows: DataFrame, name: str) -> DataFrame:
    return rows.groupBy(*_BY).agg(F.count("*").alias(name), _newest_batch(name))


def _encounters(rows: DataFrame) -> DataFrame:
    held = rows.where(~F.coalesce("status", F.lit("")).isin("planned", "cancelled", "entered-in-error"))
    return held.groupBy(*_BY).agg(
        F.count("*").alias("encounters"),
        F.count_if(F.col("class_code") == "EMER").alias("emergency_encounters"),
        F.count_if(F.col("class_code").isin(*_INPATIENT)).alias("inpatient_encounters"),
        F.min("started_at").alias("first_encounter_at"),
        F.max("started_at").alias("last_encounter_at"),
        _newest_batch("encounters"),
    )


def _listed(name: str, active: Column, third: Column) -> Column:
    entry = F.struct(F.col("code").alias("code"), F.col("code_display").alias("display"), third)
    return F.array_sort(F.collect_set(F.when(active & F.col("code").isNotNull(), entry))).alias(name)


def _conditions(rows: DataFrame) -> DataFrame:
    true = rows.where(~F.coalesce("verification_status", F.lit("")).isin("refuted", "entered-in-error"))
    active = F.col("clinical_status").isin("active", "recurrence", "relapse")
    since = F.to_date(F.coalesce("onset_at", "recorded_at")).alias("since")
    return true.groupBy(*_BY).agg(
        F.count("*").alias("conditions"),
        _listed("active_conditions", active, since),
        _newest_batch("conditions"),
    )


def _medications(rows: DataFrame) -> DataFrame:
    since = F.to_date("authored_at").alias("since")
    proposed = F.coalesce("intent", F.lit("")).isin("proposal", "plan", "option")
    asked_for = (F.col("status") == "active") & ~proposed & ~F.coalesce("do_not_perform", F.lit(False))
    listed = _listed("active_medications", asked_for, since)
    return rows.groupBy(*_BY).agg(listed, _newest_batch("medications"))


def _allergies(rows: DataFrame) -> DataFrame:
    real = ~F.coalesce("verification_status", F.lit("")).isin("refuted", "entered-in-error")
    open_ = F.coalesce("clinical_status", F.lit("")) != "resolved"
    listed = _listed("allergies", real & open_, F.col("criticality").alias("criticality"))
    return rows.groupBy(*_BY).agg(listed, _newest_batch("allergies"))


def _claims(rows: DataFrame) -> DataFrame:
    # Summed in decimals: a sum of doubles would depend on the order of the rows.
    total = F.sum(F.col("total").cast("decimal(18,4)")).cast("double")
    return (
        rows.where("status = 'active'")
        .groupBy(*_BY)
        .agg(total.alias("claims_total"), _newest_batch("claims"))
    )


def _latest(observations: DataFrame) -> DataFrame:
    seen = observations.where(
        ~F.coalesce("status", F.lit("")).isin("entered-in-error", "cancelled")
        & F.col("effective_at").isNotNull()
    )
    own = F.struct("code", "code_display", "value_canonical", "unit_canonical")
    of_components = F.transform(
        "components",
        lambda each: F.struct(
            each["code"].alias("code"),
            each["code_display"].alias("code_display"),
            each["value_canonical"].alias("value_canonical"),
            each["unit_canonical"].alias("unit_canonical"),
        ),
    )
    values = F.concat(
        F.array(own),
        F.coalesce(
            of_components,
            F.array().cast(
                "array<struct<code:string,code_display:string,value_canonical:double,unit_canonical:string>>"
            ),
        ),
    )
    each = seen.select(
        *_BY, "batch", "effective_at", F.col("id").alias("observation_id"), F.explode(values).alias("v")
    )
    known = each.where("v.code IS NOT NULL AND v.value_canonical IS NOT NULL")
    newest = F.max_by(
        F.struct(
            F.col("v.code_display").alias("display"),
            F.col("v.value_canonical").alias("value"),
            F.col("v.unit_canonical").alias("unit"),
            F.col("effective_at").alias("at"),
        ),
        F.struct("effective_at", "observation_id"),
    )
    by_code = known.groupBy(*_BY, F.col("v.code").alias("code")).agg(newest.alias("newest"))
    entry = F.struct("code", "newest.display", "newest.value", "newest.unit", "newest.at")
    latest = by_code.groupBy(*_BY).agg(F.array_sort(F.collect_list(entry)).alias("latest"))
    return latest.join(observations.groupBy(*_BY).agg(_newest_batch("observations")), list(_BY))
