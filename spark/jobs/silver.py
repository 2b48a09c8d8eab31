"""Bronze to silver: the current state of each resource, merged by source version."""

from __future__ import annotations

import time

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.names import TABLES
from spark.jobs.tables import Progress, TableReport, open_table, progress_of, set_progress, table_id
from spark.paths import LakeRoot
from spark.schemas import bronze
from spark.schemas.columns import Table
from spark.schemas.struct import struct_of
from spark.transforms.current_state import silver_rows


def run_silver(spark: SparkSession, lake: LakeRoot, table: Table) -> TableReport:
    """Merges the bronze batches that the table has not taken in. Merging a batch again changes nothing."""
    started = time.monotonic()
    uri = lake.uri(table.path)
    source = open_table(spark, lake.uri(TABLES["bronze_resources"]), bronze.RESOURCES, "")
    target = open_table(spark, uri, struct_of(table), table.comment)
    bronze_id = table_id(source)
    done = progress_of(target, bronze_id)
    rows = source.toDF()
    last = int(rows.agg(F.max("batch")).first()[0] or 0)
    written = 0
    if last > done:
        set_progress(spark, Progress(bronze_id, last))
        try:
            new = rows.where((F.col("batch") > done) & (F.col("batch") <= last))
            written = _merge(target, silver_rows(new, table))
        finally:
            set_progress(spark, None)
    total = spark.read.format("delta").load(uri).count()
    return TableReport(table.path, written, total, time.monotonic() - started)


def _merge(target: DeltaTable, source: DataFrame) -> int:
    """Newer versions replace rows, tombstones too; a late older one changes nothing. Returns the rows changed."""
    (
        target.alias("now")
        .merge(source.alias("new"), "now.tenant = new.tenant AND now.id = new.id")
        .whenMatchedUpdateAll(condition="new.source_version > now.source_version")
        .whenNotMatchedInsertAll()
        .execute()
    )
    metrics = target.history(1).first()["operationMetrics"]
    return sum(int(metrics.get(name, 0)) for name in ("numTargetRowsInserted", "numTargetRowsUpdated"))
