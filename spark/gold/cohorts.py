"""Cohorts: patients who meet a declared definition, and from when to when.

A definition is a JSON file in `cohort_definitions`: `name`, `title`, `source`, and `all_of`, a list of criteria, each
with one of `condition` (codes), `observation` (codes, `at_least` in canonical `unit`) or `medication` (codes), and
any of `from_age` years and `gender`. A patient meets a criterion from the first day on which a true condition with
one of the codes was diagnosed, a final observation reached the value, or a medication was requested. Membership
begins when the last criterion is met, if the age then is at least `from_age`. It ends with death or, where the
definition says `ends_with_condition`, with the abatement of the last record of the first criterion's condition,
whichever comes first.
"""

from __future__ import annotations

import json
from functools import reduce
from importlib import resources
from typing import Any, Final

from pyspark.sql import DataFrame

from spark.gold.frames import given_medications, living_records, true_conditions
from spark.gold.table import PATIENT, TENANT, Frames, GoldTable, confidential, declare, internal
from spark.gold.words import F, table_of

Definition = dict[str, Any]
_KEY: Final = ["tenant", "patient_id"]
_VALID: Final = ("final", "amended", "corrected")


def definitions() -> list[Definition]:
    """The declared cohorts, by name."""
    folder = resources.files("spark.gold").joinpath("cohort_definitions")
    texts = [each.read_text("utf-8") for each in folder.iterdir() if each.name.endswith(".json")]
    return sorted((json.loads(text) for text in texts), key=lambda each: str(each["name"]))


def _criteria(beside: DataFrame) -> DataFrame:
    """A row for each code of each criterion; `number` counts the criteria of a definition from 0."""
    rows = []
    for definition in definitions():
        for number, criterion in enumerate(definition["all_of"]):
            (kind,) = criterion
            wanted = criterion[kind] if kind == "observation" else {"codes": criterion[kind]}
            limit = (wanted.get("unit"), float(wanted["at_least"])) if "at_least" in wanted else (None, None)
            rows += [(definition["name"], number, kind, code, *limit) for code in wanted["codes"]]
    return table_of(
        beside, rows, "cohort STRING, number INT, kind STRING, code STRING, unit STRING, at_least DOUBLE"
    )


def _terms(beside: DataFrame) -> DataFrame:
    """A row for each definition: how many criteria, and who may be a member."""
    rows = [
        (
            *(each["name"], len(each["all_of"]), each.get("gender"), each.get("from_age")),
            each.get("ends_with_condition", False),
        )
        for each in definitions()
    ]
    names = "cohort STRING, criteria INT, for_gender STRING, from_age INT, ends_with_condition BOOLEAN"
    return table_of(beside, rows, names)


def _facts(frames: Frames) -> DataFrame:
    """Every condition, observation and medication that a criterion may ask for, by the day on which it was."""
    conditions = true_conditions(frames["conditions"]).where(F.col("diagnosed_at").isNotNull())
    observations = frames["observations"].where(
        ~F.col("deleted")
        & F.col("status").isin(*_VALID)
        & F.col("effective_at").isNotNull()
        & F.col("patient_id").isNotNull()
    )
    medications = given_medications(frames["medication_requests"])
    none = F.lit(None)
    facts = (
        (conditions, "condition", "diagnosed_at", F.to_date("abatement_at"), none, none),
        (
            observations,
            "observation",
            "effective_at",
            none,
            F.col("unit_canonical"),
            F.col("value_canonical"),
        ),
        (medications, "medication", "authored_at", none, none, none),
    )
    parts = [
        frame.select(
            *_KEY,
            F.lit(kind).alias("kind"),
            "code",
            F.to_date(at).alias("on"),
            ended.cast("date").alias("over_on"),
            unit.cast("string").alias("in_unit"),
            value.cast("double").alias("value"),
        )
        for frame, kind, at, ended, unit, value in facts
    ]
    return reduce(lambda several, part: several.unionByName(part), parts)


def cohort_members(frames: Frames) -> DataFrame:
    """The members of every declared cohort."""
    reached = F.col("at_least").isNull() | (
        (F.col("in_unit") == F.col("unit")) & (F.col("value") >= F.col("at_least"))
    )
    met = (
        _facts(frames)
        .join(F.broadcast(_criteria(frames["patients"])), ["kind", "code"])
        .where(reached)
        .groupBy(*_KEY, "cohort", "number")
        .agg(
            F.min("on").alias("met_on"),
            F.when(F.count("*") == F.count("over_on"), F.max("over_on")).alias("over_on"),
        )
        .groupBy(*_KEY, "cohort")
        .agg(
            F.count("*").alias("met"),
            F.max("met_on").alias("entered_on"),
            F.max(F.when(F.col("number") == 0, F.col("over_on"))).alias("over_on"),
        )
    )
    people = living_records(frames["patients"]).select(
        *_KEY, "gender", "birth_on", F.to_date("deceased_at").alias("died_on")
    )
    over = F.when(F.col("ends_with_condition"), F.col("over_on"))
    old_enough = F.add_months("birth_on", F.col("from_age") * 12) <= F.col("entered_on")
    resolved = F.when(F.col("left_on") == over, "resolved").when(F.col("left_on").isNotNull(), "died")
    return (
        met.join(F.broadcast(_terms(frames["patients"])), ["cohort"])
        .where(F.col("met") == F.col("criteria"))
        .join(people, _KEY)
        .where(F.col("for_gender").isNull() | (F.col("gender") == F.col("for_gender")))
        .where(F.col("from_age").isNull() | old_enough)
        .withColumn("left_on", F.least(over, F.col("died_on")))
        .where(F.col("left_on").isNull() | (F.col("left_on") >= F.col("entered_on")))
        .select("tenant", "cohort", "patient_id", "entered_on", "left_on", resolved.alias("left_because"))
    )


COHORTS: Final = GoldTable(
    declare(
        "cohort_members",
        "Who belongs to which declared cohort, from when to when",
        ("tenant", "cohort", "patient_id"),
        *(TENANT, internal("cohort", "STRING", "The name of the definition"), PATIENT),
        confidential("entered_on", "DATE", "The day on which the last criterion was met"),
        confidential("left_on", "DATE", "The day on which membership ended; null while it lasts"),
        confidential("left_because", "STRING", "resolved or died"),
    ),
    ("patients", "conditions", "observations", "medication_requests"),
    cohort_members,
    unit="patient_id",
    revision=2,
)
