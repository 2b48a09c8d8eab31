"""The newest version of each resource: the greatest source version wins, whatever came last."""

from __future__ import annotations

from typing import Final

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.schemas.columns import KEY, VERSION, Table
from spark.transforms.normalise_columns import silver_columns
from spark.transforms.plausibility import PROBLEM, WRITTEN, problem_column
from spark.transforms.view_rows import view_rows

_KEY: Final = tuple(column.name for column in KEY)
_VERSION: Final = tuple(column.name for column in VERSION)
_MARK: Final = "\n"
"""Stands in no id, version or hash."""


def newest(bronze: DataFrame) -> DataFrame:
    """One row per (tenant, type, id), the same whatever the order of rows; of redelivered versions the first batch's."""
    order = Window.partitionBy("tenant", "type", "id").orderBy(
        F.col("source_version").desc(),
        F.col("content_hash"),
        F.col("batch"),
        F.col("raw_path"),
        F.col("sequence"),
    )
    return bronze.withColumn("rank", F.row_number().over(order)).where("rank = 1").drop("rank")


def silver_rows(bronze: DataFrame, table: Table) -> DataFrame:
    """The table's rows of the newest versions, and `problem`: null, or why a row is to be set aside.

    A tombstone has only key and version.
    """
    return _judged(newest(bronze.where(F.col("type") == table.type)), table)


def last_good_rows(bronze: DataFrame, table: Table, refused: DataFrame) -> DataFrame:
    """Of the resources `refused`, rows of `silver_rows` with a problem, the newest version that has none.

    So that a version which was set aside leaves the last good one in place even where both came in one batch.
    """
    mine = bronze.where(F.col("type") == table.type)
    of_these = mine.join(F.broadcast(refused.select(*_KEY)), list(_KEY), "left_semi")
    # Every version under an id of its own, because a view is of one row an id.
    apart = of_these.withColumn("id", F.concat_ws(_MARK, "id", "source_version", "content_hash"))
    good = _judged(newest(apart), table).where(F.col(PROBLEM).isNull())
    named = good.withColumn("id", F.substring_index("id", _MARK, 1)).withColumn("type", F.lit(table.type))
    return newest(named).drop("type")


def _judged(source: DataFrame, table: Table) -> DataFrame:
    seen = view_rows(source, table, (*_KEY, *_VERSION))
    written = [name for name in (WRITTEN,) if name in seen.columns]
    rows = seen.select(*_KEY, *silver_columns(table), *_VERSION, *written)
    problem = F.when(~F.col("deleted"), problem_column(table))
    return rows.withColumn(PROBLEM, problem).drop(*written)
