"""A table's view over bronze rows: key, version and lineage as they are, and beside them the view's columns."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any, Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.schemas.columns import Table
from spark.transforms.normalise import COMPONENTS_VIEW
from spark.views.frame import SparkView

_RECORD: Final = "record_id"
"""The bronze row's `id` while the view's own `id` stands beside it."""
_PLACE: Final = "place"


def view_rows(bronze: DataFrame, table: Table, carried: tuple[str, ...]) -> DataFrame:
    """The `carried` columns and the view's; a tombstone has nulls for the latter."""
    keys = [_RECORD if name == "id" else name for name in carried]
    named = bronze.withColumnRenamed("id", _RECORD)
    seen = SparkView(_definition(table.name)).rows(named.where("body IS NOT NULL"), keys).drop("id")
    if table.has_components:
        seen = seen.join(_components(named), ["tenant", _RECORD], "left")
    tombstones = named.where("body IS NULL").select(*keys)
    return seen.unionByName(tombstones, allowMissingColumns=True).withColumnRenamed(_RECORD, "id")


def _components(named: DataFrame) -> DataFrame:
    """The components of each resource that has any, in their order, as one array."""
    view = SparkView(_definition(COMPONENTS_VIEW))
    having = named.where(F.col("body").contains('"component"'))
    each = view.rows(having, ["tenant", _RECORD]).withColumn(_PLACE, F.monotonically_increasing_id())
    entry = F.struct(_PLACE, *view.view.names)
    return each.groupBy("tenant", _RECORD).agg(F.array_sort(F.collect_list(entry)).alias("components"))


@cache
def _definition(name: str) -> Any:
    return json.loads(resources.files("spark.views").joinpath(f"{name}.json").read_text("utf-8"))
