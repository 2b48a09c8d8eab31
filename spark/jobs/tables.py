"""What every job does with a Delta table: make it, ask for its identity, remember in a commit how far it came."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

_PROGRESS_CONF: Final = "spark.databricks.delta.commitInfo.userMetadata"
_RECENT_COMMITS: Final = 50


@dataclass(frozen=True, slots=True)
class TableReport:
    """One line of a job's account. `rows` is what this run wrote, `total` what the table holds."""

    table: str
    rows: int
    total: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Up to which bronze batch a table has taken in; batches are counted per bronze table, told apart by `table_id`."""

    table_id: str
    batch: int


def open_table(spark: SparkSession, uri: str, schema: StructType, description: str) -> DeltaTable:
    """The table at `uri`, created empty with this schema where there is none."""
    return DeltaTable.createIfNotExists(spark).location(uri).addColumns(schema).comment(description).execute()


def table_id(table: DeltaTable) -> str:
    """The identity Delta gave the table when it was made: a rebuilt table has another."""
    return str(table.detail().select("id").first()["id"])


def set_progress(spark: SparkSession, progress: Progress | None) -> None:
    """From now on commits carry this progress: it is written with the data, or not at all."""
    if progress is None:
        spark.conf.unset(_PROGRESS_CONF)
    else:
        spark.conf.set(_PROGRESS_CONF, json.dumps({"bronze": progress.table_id, "batch": progress.batch}))


def progress_of(table: DeltaTable, bronze_id: str) -> int:
    """The last batch that a recent commit took in; 0 where none says so, and then everything is merged again, harmlessly."""
    for row in table.history(_RECENT_COMMITS).select("userMetadata").collect():
        found = json.loads(row["userMetadata"]) if row["userMetadata"] else {}
        if found.get("bronze") == bronze_id:
            return int(found["batch"])
    return 0
