"""What every job does with a Delta table: make it, widen it, merge into it, remember in a commit how far it came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import ArrayType, DataType, StructField, StructType

from spark.jobs.commits import TableLog
from spark.jobs.stops import SchemaRefused
from spark.schemas.bronze import DAY
from spark.schemas.columns import Derived, Table
from spark.schemas.struct import struct_of

_PROGRESS_CONF: Final = "spark.databricks.delta.commitInfo.userMetadata"
LOCAL: Final = "file:"
"""How the URI of a table begins that lies in a folder."""
CHANGE_FEED: Final = {"delta.enableChangeDataFeed": "true"}


@dataclass(frozen=True, slots=True)
class Progress:
    """Up to which batch of the table `table_id` another table has taken in: a bronze batch, or a version."""

    table_id: str
    batch: int


def open_table(
    spark: SparkSession, uri: str, schema: StructType, description: str, *, partition_by: Sequence[str] = ()
) -> DeltaTable:
    """The table at `uri`, created empty with this schema where there is none."""
    if DeltaTable.isDeltaTable(spark, uri):
        return DeltaTable.forPath(spark, uri)
    builder = DeltaTable.createIfNotExists(spark).location(uri).addColumns(schema).comment(description)
    return (builder.partitionedBy(*partition_by) if partition_by else builder).execute()


def open_declared(
    spark: SparkSession,
    uri: str,
    table: Table | Derived,
    properties: dict[str, str] | None = None,
    partition_by: str | None = None,
) -> tuple[DeltaTable, list[str]]:
    """The declared table, created or widened by what the declaration has more, and a note on each new column.

    An array of structs is widened by what these have more at their end. Raises SchemaRefused where a column's type was
    changed otherwise.
    """
    schema = struct_of(table)
    if not DeltaTable.isDeltaTable(spark, uri):
        builder = DeltaTable.createIfNotExists(spark).location(uri).addColumns(schema).comment(table.comment)
        for name, value in (properties or {}).items():
            builder = builder.property(name, value)
        if partition_by:
            builder = builder.partitionedBy(partition_by)
        return builder.execute(), []
    found = DeltaTable.forPath(spark, uri)
    has = {field.name: field for field in found.toDF().schema}
    parts = {
        each.name: _parts_lacking(has[each.name].dataType, each.dataType)
        for each in schema
        if each.name in has
    }
    changed = [name for name, lacking in parts.items() if lacking is None]
    if changed:
        raise SchemaRefused(
            f"{table.path}: the type of {', '.join(changed)} was changed; run with --full to make the table anew"
        )
    new = {
        f"`{each.name}`": f"{each.dataType.simpleString()} COMMENT '{_quoted(each)}'"
        for each in schema
        if each.name not in has
    }
    new |= {
        f"`{name}`.element.`{part.name}`": part.dataType.simpleString()
        for name, lacking in parts.items()
        for part in lacking or ()
    }
    if new:
        columns = ", ".join(f"{name} {kind}" for name, kind in new.items())
        spark.sql(f"ALTER TABLE delta.`{uri}` ADD COLUMNS ({columns})")
        found = DeltaTable.forPath(spark, uri)
    return found, [f"new column {name.replace('`', '').replace('.element.', '.')}" for name in new]


def make_empty(spark: SparkSession, uri: str, table: Table | Derived) -> None:
    """The declared table where there is none, by days where it has them; without Spark where it lies in a folder."""
    days = DAY if any(column.name == DAY for column in table.columns) else None
    if uri.startswith(LOCAL) and find_spec("deltalake"):
        from spark.plain.empty_tables import made_folder

        made_folder(Path(uri.removeprefix(LOCAL)), table, partition_by=days)
        return
    open_declared(spark, uri, table, partition_by=days)


def names_in(spark: SparkSession, uri: str) -> frozenset[str]:
    """What lies in a folder of the lake, by one listing; nothing where there is no folder."""
    folder = spark._jvm.org.apache.hadoop.fs.Path(uri)
    system = folder.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf())
    found = system.listStatus(folder) if system.exists(folder) else ()
    return frozenset(str(each.getPath().getName()) for each in found)


def _parts_lacking(found: DataType, declared: DataType) -> list[StructField] | None:
    """What the structs of an array lack at their end; None where the types differ in anything else."""
    if declared.simpleString() == found.simpleString():
        return []
    structs = [each.elementType if isinstance(each, ArrayType) else each for each in (found, declared)]
    has, wants = (list(each) if isinstance(each, StructType) else [] for each in structs)
    known = [(each.name, each.dataType) for each in wants[: len(has)]]
    is_longer = isinstance(found, ArrayType) and has and known == [(each.name, each.dataType) for each in has]
    return wants[len(has) :] if is_longer else None


def _quoted(field: Any) -> str:
    return str(field.metadata.get("comment", "")).replace("\\", "\\\\").replace("'", "\\'")


def set_progress(spark: SparkSession, *progress: Progress | None) -> None:
    """From now on commits carry this progress: it is written with the data, or not at all. None ends it."""
    if any(progress):
        spark.conf.set(_PROGRESS_CONF, said_of(*(each for each in progress if each)))
    else:
        spark.conf.unset(_PROGRESS_CONF)


def said_of(*progress: Progress) -> str:
    """The metadata of a commit that says how far it came."""
    return json.dumps(taken(*progress))


def taken(*progress: Progress) -> dict[str, dict[str, int]]:
    """The same, not yet written down."""
    return {"taken": {each.table_id: each.batch for each in progress}}


def progress_of(log: TableLog, source_id: str) -> int:
    """The last batch that a recent commit took in; 0 where none says so, and then everything is merged again, harmlessly."""
    for commit in log.recent():
        taken = json.loads(commit.metadata).get("taken", {}) if commit.metadata else {}
        if source_id in taken:
            return int(taken[source_id])
    return 0


def remove_table(spark: SparkSession, uri: str) -> None:
    """Removes a table with its files, where there is one. Only for what can be made anew."""
    path = spark._jvm.org.apache.hadoop.fs.Path(uri)
    path.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf()).delete(path, True)
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


def replace_all(rows: DataFrame, uri: str) -> None:
    """The table's rows become these, in one commit; earlier versions stay readable."""
    rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(uri)


def merge_newer(target: DeltaTable, rows: DataFrame, key: Sequence[str], newer: str) -> None:
    """Rows replace those of the same key where `newer` holds of `new` and `now`."""
    same = " AND ".join(f"now.{name} = new.{name}" for name in key)
    (
        target.alias("now")
        .merge(rows.alias("new"), same)
        .whenMatchedUpdateAll(condition=newer)
        .whenNotMatchedInsertAll()
        .execute()
    )


def row_count(spark: SparkSession, uri: str) -> int:
    """The rows of a table, which its log says; Spark plans a query for that, deltalake does not."""
    if uri.startswith(LOCAL) and find_spec("deltalake"):
        from spark.jobs.folder_files import opened

        return int(opened(uri).count())
    return int(spark.read.format("delta").load(uri).count())


def rows_written(spark: SparkSession, uri: str) -> int:
    """What the last commit of a table inserted and updated."""
    metrics = next(TableLog(spark, uri).commits()).metrics
    return sum(
        int(metrics.get(name) or 0) for name in ("numTargetRowsInserted", "numTargetRowsUpdated")
    ) or int(metrics.get("numOutputRows") or 0 if "numTargetRowsInserted" not in metrics else 0)
