"""The newest version of each resource: the greatest source version wins, whatever came last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.fhir.json import decode_object
from spark.schemas.columns import KEY, VERSION, Table
from spark.schemas.silver import BY_TYPE
from spark.schemas.struct import struct_of
from spark.transforms.arrow import map_rows
from spark.transforms.normalise import silver_row

CARRIED: Final = tuple(column.name for column in (*KEY, *VERSION))


def newest(bronze: DataFrame) -> DataFrame:
    """One row per (tenant, type, id). Of equal source versions, which conflict, always the smaller content hash."""
    order = Window.partitionBy("tenant", "type", "id").orderBy(
        F.col("source_version").desc(), F.col("content_hash").asc_nulls_last()
    )
    return bronze.withColumn("rank", F.row_number().over(order)).where("rank = 1").drop("rank")


def _silver_rows(type_: str) -> Callable[[Iterable[dict[str, Any]]], Iterator[dict[str, Any]]]:
    def transform(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        table = BY_TYPE[type_]
        for row in rows:
            own = {} if row["deleted"] else silver_row(table, decode_object(row["body"]))
            yield own | {name: row[name] for name in CARRIED}

    return transform


def silver_rows(bronze: DataFrame, table: Table) -> DataFrame:
    """The silver rows of one type: newest versions through its view; a tombstone has only key and version."""
    source = newest(bronze.where(F.col("type") == table.type)).select(*CARRIED, "body")
    return map_rows(source, _silver_rows(table.type), struct_of(table))
