"""The newest version of each resource: the greatest source version wins, whatever came last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text
from pyspark.sql.types import StructType

from shared.domain.fhir.json import decode_object
from spark.transforms.arrow import map_rows
from spark.transforms.normalise import NORMALISERS

_CARRIED: Final = ("tenant", "id", "version", "source_version", "deleted", "last_updated")


def newest(bronze: DataFrame) -> DataFrame:
    """One row per (tenant, type, id). Of equal source versions, which conflict, always the smaller content hash."""
    order = Window.partitionBy("tenant", "type", "id").orderBy(
        F.col("source_version").desc(), F.col("content_hash").asc_nulls_last()
    )
    return bronze.withColumn("rank", F.row_number().over(order)).where("rank = 1").drop("rank")


def _silver_rows(
    type_: str, columns: tuple[str, ...]
) -> Callable[[Iterable[dict[str, Any]]], Iterator[dict[str, Any]]]:
    def transform(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for row in rows:
            view: dict[str, Any] = {}
            if not row["deleted"]:
                view = NORMALISERS[type_](decode_object(row["body"]))
            yield dict.fromkeys(columns) | view | {name: row[name] for name in _CARRIED}

    return transform


def silver_rows(bronze: DataFrame, type_: str, schema: StructType) -> DataFrame:
    """The silver rows of one type: newest versions through its view; a tombstone has only key and version."""
    source = newest(bronze.where(F.col("type") == type_)).select(*_CARRIED, "body")
    return map_rows(source, _silver_rows(type_, tuple(schema.names)), schema)
