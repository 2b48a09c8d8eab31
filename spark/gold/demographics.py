"""Demographics: how common conditions are among the living, by gender, race, ethnicity and age group.

In words. The population are patients on record who are not known to have died. A patient has a condition while it
is true and at least one record of it has neither abated nor the status inactive, remission or resolved. Prevalence
is the share of the stratum's population with the condition, with its Wilson interval. Age groups are of the last
day on record (`as_of`). Race and ethnicity are as reported in the US Core extensions, `unknown` where they are not.
Means are of each patient's newest value: body mass index (LOINC 39156-5, kg/m2), total cholesterol (2093-3, mg/dL).
Small cells: counts from 1 to 4 people are not shown, nor what is computed of them; where one stratum of a dimension
alone is hidden, or the hidden ones together are fewer than 5 people, the next smallest is hidden with them, because
the total would give them away. Zero is shown: it names nobody.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import Column, DataFrame

from spark.gold.frames import (
    MIN_CELL,
    NOT_ACTIVE,
    age_group_column,
    first_by,
    last_day,
    living_records,
    true_conditions,
    wilson_columns,
)
from spark.gold.table import TENANT, UNKNOWN, Frames, GoldTable, confidential, declare
from spark.gold.words import F, Window

DIMENSIONS: Final = ("all", "gender", "race", "ethnicity", "age_group")
TOP: Final = 5
MEASURED: Final = {"39156-5": ("body mass index", "kg/m2"), "2093-3": ("total cholesterol", "mg/dL")}
_VALID: Final = ("final", "amended", "corrected")


def population(frames: Frames) -> DataFrame:
    """Living patients with one column for each dimension."""
    living = living_records(frames["patients"]).where(
        ~F.coalesce("deceased", F.lit(False)) & F.col("deceased_at").isNull()
    )
    aged = living.join(last_day(frames["encounters"]), ["tenant"], "left")
    return aged.select(
        *("tenant", "patient_id"),
        F.lit("all").alias("all"),
        *(F.coalesce(name, F.lit(UNKNOWN)).alias(name) for name in ("gender", "race", "ethnicity")),
        F.coalesce(age_group_column(F.col("birth_on"), F.col("as_of")), F.lit(UNKNOWN)).alias("age_group"),
    )


def _by_dimension(people: DataFrame, *carried: str) -> DataFrame:
    """Each patient once per dimension, with `dimension` and `stratum`."""
    pairs = [F.struct(F.lit(name).alias("dimension"), F.col(name).alias("stratum")) for name in DIMENSIONS]
    return people.withColumn("pair", F.explode(F.array(*pairs))).select(
        "tenant", "patient_id", *carried, "pair.*"
    )


def _having(frames: Frames) -> DataFrame:
    """Patients and the conditions that they have now."""
    over = F.coalesce("clinical_status", F.lit("")).isin(*NOT_ACTIVE)
    active = true_conditions(frames["conditions"]).where(F.col("abatement_at").isNull() & ~over)
    return active.groupBy(
        *("tenant", "patient_id"),
        F.col("code_system").alias("condition_system"),
        F.col("code").alias("condition_code"),
    ).agg(F.min("code_display").alias("condition_display"))


def _small(count: str) -> Column:
    return (F.col(count) > 0) & (F.col(count) < MIN_CELL)


def _hidden(small: Column, count: str, group: list[str]) -> Column:
    """Whether a cell is hidden: it is small, or it is the next smallest of a group whose total would give those away.

    The total less what is shown is what is hidden: of one cell its count, of two that hold one person each two.
    """
    cells = Window.partitionBy(*group)
    last = F.when(small | (F.col(count) == 0), 1).otherwise(0)
    next_ = F.row_number().over(cells.orderBy(last, count, "stratum")) == 1
    alone = F.sum(small.cast("int")).over(cells) == 1
    together = F.sum(F.when(small, F.col(count)).otherwise(0)).over(cells)
    return small | ((alone | ((together > 0) & (together < MIN_CELL))) & next_)


def prevalence(frames: Frames) -> DataFrame:
    """One row per condition that somebody has and stratum that somebody is in."""
    strata = _by_dimension(population(frames))
    sizes = strata.groupBy("tenant", "dimension", "stratum").agg(F.count("*").alias("people"))
    few = _hidden(F.col("people") < MIN_CELL, "people", ["tenant", "dimension"])
    sizes = sizes.withColumn("few", few)
    condition = ["tenant", "condition_system", "condition_code"]
    having = _having(frames).join(population(frames).select("tenant", "patient_id"), ["tenant", "patient_id"])
    named = having.groupBy(*condition).agg(F.min("condition_display").alias("condition_display"))
    counts = (
        having.join(strata, ["tenant", "patient_id"])
        .groupBy(*condition, "dimension", "stratum")
        .agg(F.count("*").alias("cases"))
    )
    cells = (
        named.join(sizes, ["tenant"])
        .join(counts, [*condition, "dimension", "stratum"], "left")
        .withColumn("cases", F.coalesce("cases", F.lit(0)))
    )
    small = F.col("few") | _small("cases")
    rate, low, high = wilson_columns("cases", "people")
    shown = {"rate": rate, "low": low, "high": high, "cases": F.col("cases")}
    marked = cells.withColumn("suppressed", _hidden(small, "cases", [*condition, "dimension"]))
    return (
        marked.withColumns({name: F.when(~F.col("suppressed"), column) for name, column in shown.items()})
        .withColumn("people", F.when(~F.col("few"), F.col("people")))
        .drop("few")
    )


def top_conditions(frames: Frames) -> DataFrame:
    """The five commonest conditions of each age group, of those that may be shown; ties by code."""
    shown = frames["prevalence"].where(
        (F.col("dimension") == "age_group") & ~F.col("suppressed") & (F.col("cases") > 0)
    )
    rank = F.row_number().over(
        Window.partitionBy("tenant", "stratum").orderBy(
            F.col("cases").desc(), "condition_code", "condition_system"
        )
    )
    ranked = shown.withColumn("rank", rank.cast("bigint")).where(F.col("rank") <= TOP)
    return ranked.withColumnRenamed("stratum", "age_group").drop("dimension", "suppressed")


def group_means(frames: Frames) -> DataFrame:
    """Means of each patient's newest body mass index and cholesterol by stratum."""
    wanted = F.lit(False)
    for code, (_, unit) in MEASURED.items():
        wanted = wanted | ((F.col("code") == code) & (F.col("unit_canonical") == unit))
    values = frames["observations"].where(
        ~F.col("deleted")
        & F.col("status").isin(*_VALID)
        & wanted
        & F.col("value_canonical").isNotNull()
        & F.col("effective_at").isNotNull()
    )
    newest = first_by(values, ["tenant", "patient_id", "code"], F.col("effective_at").desc(), F.col("id"))
    people = population(frames).join(
        newest.select("tenant", "patient_id", "code", "value_canonical", "unit_canonical"),
        ["tenant", "patient_id"],
    )
    counted = (
        _by_dimension(people, "code", "value_canonical", "unit_canonical")
        .groupBy("tenant", F.col("code").alias("measured_code"), "dimension", "stratum")
        .agg(
            F.min("unit_canonical").alias("unit"),
            F.count("*").alias("people"),
            F.avg("value_canonical").alias("mean"),
            F.stddev("value_canonical").alias("deviation"),
        )
    )
    named = F.lit(None).cast("string")
    for code, (words, _) in MEASURED.items():
        named = F.when(F.col("measured_code") == code, words).otherwise(named)
    small = F.col("people") < MIN_CELL
    suppressed = _hidden(small, "people", ["tenant", "measured_code", "dimension"])
    hidden = {name: F.when(~F.col("suppressed"), F.col(name)) for name in ("people", "mean", "deviation")}
    return counted.withColumn("measured", named).withColumn("suppressed", suppressed).withColumns(hidden)


_CONDITION: Final = (
    confidential("condition_system", "STRING", "The code system of the condition"),
    confidential("condition_code", "STRING", "The code of the condition"),
    confidential("condition_display", "STRING", "The condition in words"),
)
_SHARE: Final = (
    confidential("people", "BIGINT", "Living patients in the stratum; null where they are few"),
    confidential("cases", "BIGINT", "Of these, with the condition"),
    confidential("rate", "DOUBLE", "Their share"),
    confidential("low", "DOUBLE", "Its lower bound, Wilson 95 %"),
    confidential("high", "DOUBLE", "Its upper bound, Wilson 95 %"),
)
_STRATUM: Final = (
    confidential("dimension", "STRING", "all, gender, race, ethnicity or age_group"),
    confidential("stratum", "STRING", "The value of the dimension, or `unknown`"),
)
_SUPPRESSED: Final = confidential("suppressed", "BOOLEAN", "Whether the cell is hidden because it is small")
DEMOGRAPHICS: Final = (
    GoldTable(
        declare(
            "prevalence",
            "Prevalence by gender, race, ethnicity and age group, small cells hidden",
            ("tenant", "condition_system", "condition_code", "dimension", "stratum"),
            *(TENANT, *_CONDITION, *_STRATUM, *_SHARE, _SUPPRESSED),
        ),
        ("patients", "encounters", "conditions"),
        prevalence,
        revision=2,
    ),
    GoldTable(
        declare(
            "top_conditions",
            "The five commonest conditions of each age group",
            ("tenant", "age_group", "rank"),
            *(TENANT, confidential("age_group", "STRING", "The age group, or `unknown`")),
            *(confidential("rank", "BIGINT", "1 is the commonest"), *_CONDITION, *_SHARE),
        ),
        ("prevalence",),
        top_conditions,
    ),
    GoldTable(
        declare(
            "group_means",
            "Mean body mass index and total cholesterol by stratum, small cells hidden",
            ("tenant", "measured_code", "dimension", "stratum"),
            *(TENANT, confidential("measured_code", "STRING", "The LOINC code")),
            *(confidential("measured", "STRING", "It in words"), *_STRATUM),
            confidential("unit", "STRING", "UCUM code of the unit"),
            confidential("people", "BIGINT", "Living patients with a value"),
            confidential("mean", "DOUBLE", "The mean"),
            confidential("deviation", "DOUBLE", "The standard deviation"),
            _SUPPRESSED,
        ),
        ("patients", "encounters", "observations"),
        group_means,
        revision=2,
    ),
)
