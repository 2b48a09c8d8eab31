"""References of current resources to what is not on record, kept visible as a table and counted by element.

Recomputed whole: what was missing may have arrived, what was there may have been deleted.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from functools import reduce

from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.tables import open_declared, replace_all
from spark.schemas.columns import Field, Rule, Table
from spark.schemas.derived import UNRESOLVED_REFERENCES, VERSIONS
from spark.schemas.silver import SILVER


def run(context: RunContext) -> Iterator[TableReport]:
    """The one table, and in the notes how many references of each element lead nowhere."""
    started = time.monotonic()
    if context.by_files:
        from spark.jobs.references_few import references_few  # a cluster need not have deltalake

        if (report := references_few(context)) is not None:
            yield report
            return
    found = [
        table for table in SILVER if DeltaTable.isDeltaTable(context.spark, context.lake.uri(table.path))
    ]
    uri = context.lake.uri(UNRESOLVED_REFERENCES.path)
    open_declared(context.spark, uri, UNRESOLVED_REFERENCES)
    if not found:
        return
    named = reduce(DataFrame.unionByName, (_named(context, table) for table in found))
    newest = F.max_by("deleted", F.struct("source_version", "content_hash")).alias("is_deleted")
    known = (
        context.read(VERSIONS.path)
        .groupBy("tenant", F.col("type").alias("target_type"), F.col("id").alias("target_id"))
        .agg(newest)
    )
    joined = named.join(known, ["tenant", "target_type", "target_id"], "left")
    problem = F.when(F.col("is_deleted").isNull(), "missing").when(F.col("is_deleted"), "deleted")
    rows = joined.withColumn("problem", problem).where("problem IS NOT NULL")
    context.on_phase("list unresolved references")
    replace_all(rows.select(*(column.name for column in UNRESOLVED_REFERENCES.columns)).coalesce(1), uri)
    counted = Counter(
        {
            (row["type"], row["element"], row["problem"]): row["count"]
            for row in context.read(UNRESOLVED_REFERENCES.path)
            .groupBy("type", "element", "problem")
            .count()
            .collect()
        }
    )
    notes = tuple(
        f"{count} {problem}: {type_}.{element}"
        for (type_, element, problem), count in sorted(counted.items())
    )
    total = counted.total()
    yield TableReport(UNRESOLVED_REFERENCES.path, total, total, time.monotonic() - started, notes)


def _named(context: RunContext, table: Table) -> DataFrame:
    """Every reference of the table's current rows, one row each."""
    if not table.references:
        nothing = (
            "tenant STRING, type STRING, id STRING, element STRING, target_type STRING, target_id STRING"
        )
        return context.spark.createDataFrame([], nothing)
    each = F.explode(F.array_compact(F.flatten(F.array(*(_of(field) for field in table.references)))))
    rows = context.read(table.path).where("NOT deleted")
    return rows.select("tenant", F.lit(table.type).alias("type"), "id", each.alias("one")).select(
        "tenant", "type", "id", "one.*"
    )


def _of(field: Field) -> Column:
    def one(target: Column) -> Column:
        parts = F.struct(
            F.lit(field.name).alias("element"),
            F.lit(field.target).alias("target_type"),
            target.alias("target_id"),
        )
        return F.when(target.isNotNull(), parts)

    column = F.col(field.name)
    if field.rule is Rule.TEXTS:
        return F.coalesce(F.transform(column, one), F.array(one(F.lit(None).cast("string"))))
    return F.array(one(column))
