"""Rows of silver as facts: the same texts and numbers that the service reads out of the resources.

As of an instant, a row whose version came later gives way to the newest version that the platform had by then, which
bronze still holds: silver itself has only the present.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import Final

from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.features.patient.facts import NAMES, PROHIBITED
from shared.domain.features.patient.measures import CODES, LOINC
from shared.names import TABLES
from spark.jobs.context import RunContext
from spark.jobs.tables import open_declared
from spark.schemas.columns import Table
from spark.schemas.silver import CONDITIONS, ENCOUNTERS, MEDICATION_REQUESTS, OBSERVATIONS, PATIENTS
from spark.transforms.current_state import last_good_rows, silver_rows
from spark.transforms.plausibility import PROBLEM

SOURCES: Final = (PATIENTS, ENCOUNTERS, CONDITIONS, OBSERVATIONS, MEDICATION_REQUESTS)
_CODED: Final = {"system": "code_system", "code": "code", "words": "code_display"}
_COLUMNS: Final[dict[str, dict[str, str]]] = {
    "patients": {"begun": "birth_text", "ended": "deceased_text", "status": "gender"},
    "encounters": {
        "begun": "started_text",
        "ended": "ended_text",
        "status": "status",
        "category": "class_code",
    },
    "conditions": {
        "begun": "onset_text",
        "ended": "abatement_text",
        "recorded": "recorded_text",
        "status": "verification_status",
        **_CODED,
    },
    "observations": {
        "begun": "effective_text",
        "recorded": "issued_text",
        "status": "status",
        **_CODED,
        "value": "value",
        "unit": "unit",
        "value_code": "value_code",
    },
    "medication_requests": {
        "begun": "authored_text",
        "recorded": "authored_text",
        "status": "status",
        "category": "intent",
        **_CODED,
    },
}
"""By silver table: the part of a fact, and the column that says it."""
_OF_COMPONENT: Final = ("system", "code", "words", "value", "unit", "value_code")
_INSTANT: Final = "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'"


@dataclass(slots=True)
class Seen:
    """One row a fact, with `tenant`, `patient_id` and the `version` that says it; what could not be told; and what is held
    in memory until `close`.
    """

    frame: DataFrame
    notes: list[str]
    held: list[DataFrame]

    def close(self) -> None:
        """Lets go of what is held."""
        for each in self.held:
            each.unpersist()


def facts(context: RunContext, as_of: datetime, *, as_it_was: bool) -> Seen:
    """The facts of all patients, of each resource the newest version by `as_of`.

    Without `as_it_was` the rows are those of now, whenever they came.
    """
    frames: list[DataFrame] = []
    notes: list[str] = []
    held: list[DataFrame] = []
    for table in SOURCES:
        uri = context.lake.uri(table.path)
        rows = open_declared(context.spark, uri, table)[0].toDF()
        if as_it_was:
            rows = _as_known(context, table, rows, as_of, notes, held)
        frames.append(facts_of_rows(rows, table))
    return Seen(reduce(DataFrame.unionByName, frames), notes, held)


def facts_of_rows(rows: DataFrame, table: Table) -> DataFrame:
    """The facts in rows of one silver table; a tombstone has none."""
    there = rows.where("NOT deleted")
    own = {name: F.col(column) for name, column in _COLUMNS[table.name].items()}
    if table is MEDICATION_REQUESTS:
        own["category"] = F.when(F.col("do_not_perform"), F.lit(PROHIBITED)).otherwise(F.col("intent"))
    patient = "id" if table is PATIENTS else "patient_id"
    found = there.select(*_fact(table, own, F.col("id"), F.col(patient)))
    if table is OBSERVATIONS:
        each = there.select("*", F.posexplode("components").alias("_place", "_part"))
        part = own | {name: F.col("_part")[_COLUMNS[table.name][name]] for name in _OF_COMPONENT}
        id_ = F.concat("id", F.lit("#"), F.col("_place") + 1)
        found = found.unionByName(each.select(*_fact(table, part, id_, F.col(patient))))
        found = found.where((F.col("system") == LOINC) & F.col("code").isin(*CODES))
    return found.where("patient_id IS NOT NULL")


def _fact(table: Table, own: dict[str, Column], id_: Column, patient: Column) -> list[Column]:
    columns = {
        **{name: F.lit(None).cast("double" if name == "value" else "string") for name in NAMES},
        **own,
        "type": F.lit(table.type),
        "id": id_,
        "known_at": F.date_format("last_updated", _INSTANT),
    }
    return [
        F.col("tenant"),
        patient.alias("patient_id"),
        F.col("version"),
        *(columns[name].alias(name) for name in NAMES),
    ]


def _as_known(
    context: RunContext,
    table: Table,
    now: DataFrame,
    as_of: datetime,
    notes: list[str],
    held: list[DataFrame],
) -> DataFrame:
    instant = F.lit(as_of.astimezone(UTC))
    later = now.where(F.col("last_updated") > instant).select("tenant", "id")
    known = now.where(F.col("last_updated") <= instant)
    if not _came_later(context, table, later, as_of):
        return known
    bronze = context.lake.uri(TABLES["bronze_resources"])
    if not DeltaTable.isDeltaTable(context.spark, bronze):
        notes.append(f"{table.name}: what later versions replaced is not known without bronze")
        return known
    then = context.spark.read.format("delta").load(bronze)
    then = then.where((F.col("type") == table.type) & (F.col("last_updated") <= instant))
    then = then.join(later, ["tenant", "id"], "left_semi")
    rows = silver_rows(then, table).persist()
    held.append(rows)
    refused = rows.where(F.col(PROBLEM).isNotNull())
    good = rows.where(F.col(PROBLEM).isNull())
    if not refused.isEmpty():
        good = good.unionByName(last_good_rows(then, table, refused))
    return known.unionByName(good.select(*known.columns))


def _came_later(context: RunContext, table: Table, later: DataFrame, as_of: datetime) -> bool:
    """Whether there are such rows: the files of a folder tell it in milliseconds, a query of Spark's takes half a second."""
    if not context.by_files:
        return not later.isEmpty()
    import pyarrow.compute as pc

    from spark.jobs.folder_tables import count_of, declared_folder

    return count_of(declared_folder(context, table)[0], pc.field("last_updated") > as_of.astimezone(UTC)) > 0
