"""Setting rows aside with a reason, so that the rest goes on: one Delta table for all layers, each row in it once."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.jobs.context import RunContext
from spark.jobs.tables import open_declared
from spark.schemas.derived import SET_ASIDE
from spark.schemas.struct import struct_of

_ONE_WRITER: Final = Lock()
"""Two merges into the one table at once would be a conflict to Delta."""


def set_aside(context: RunContext, layer: str, rows: DataFrame) -> Mapping[str, int]:
    """Adds `rows` (any of the table's columns, `reason` among them) that are not there yet; returns rows by reason."""
    counted = {row["reason"]: row["count"] for row in rows.groupBy("reason").count().collect()}
    if not counted:
        return counted
    has = set(rows.columns)
    whole = rows.withColumn("layer", F.lit(layer)).select(
        *(
            (F.col(field.name) if field.name in has | {"layer"} else F.lit(None))
            .cast(field.dataType)
            .alias(field.name)
            for field in struct_of(SET_ASIDE)
        )
    )
    same = " AND ".join(f"now.{name} <=> new.{name}" for name in SET_ASIDE.key)
    with _ONE_WRITER:
        target, _ = open_declared(context.spark, context.lake.uri(SET_ASIDE.path), SET_ASIDE)
        target.alias("now").merge(whole.distinct().alias("new"), same).whenNotMatchedInsertAll().execute()
    return counted


def summary(reasons: Mapping[str, int]) -> list[str]:
    """The notes of a report: each reason with its count."""
    return [f"{count} set aside: {reason}" for reason, count in sorted(reasons.items())]
