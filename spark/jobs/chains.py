"""Holes in the chains of raw files: a file begins where its predecessor ended, so a missing one shows by the names alone.

What comes after a hole is taken all the same; the missing file is taken when it appears.
"""

from __future__ import annotations

from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.names import RawZone, Zone
from spark.jobs.context import RunContext
from spark.jobs.set_aside import set_aside

REASON = "raw chain: a file is missing"


def missing_files(context: RunContext, files_uri: str, batch: int) -> list[str]:
    """Sets each hole aside by the chain's folder and the sequence that is missing; returns the note, if any."""
    if not batch:
        return []
    if context.by_files:
        from spark.jobs.bronze_few import missing

        return _noted(missing(context, REASON))
    files = context.spark.read.format("delta").load(files_uri)
    chained = files.where(~F.col("raw_path").startswith(f"{Zone.RAW}/{RawZone.COMMITS}/"))
    folder = F.regexp_extract("raw_path", r"^(.*)/\d+\.ndjson\.gz$", 1).alias("folder")
    start = F.regexp_extract("raw_path", r"/(\d+)\.ndjson\.gz$", 1).try_cast("bigint").alias("start")
    # A file that was put right is listed twice: what was read of it counts.
    links = chained.groupBy(folder, start).agg(F.max("last_sequence").alias("last"))
    order = Window.partitionBy("folder").orderBy("start")
    first = F.when(F.col("folder").contains("/files/t="), 1).otherwise(0)
    before = F.when(F.row_number().over(order) == 1, first - 1).otherwise(F.lag("last").over(order))
    holes = (
        links.where("folder != ''")
        .withColumn("expected", before + 1)
        .where("start > expected")
        .select(
            F.col("folder").alias("raw_path"),
            F.col("expected").alias("sequence"),
            F.lit(REASON).alias("reason"),
        )
    )
    found = sum(set_aside(context, "raw", holes).values())
    return _noted(found)


def _noted(found: int) -> list[str]:
    return [f"{found} holes: {REASON}"] if found else []
