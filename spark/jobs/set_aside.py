"""Setting rows aside with a reason, so that the rest goes on: one Delta table for all layers, each row in it once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.jobs.context import RunContext
from spark.jobs.tables import open_declared
from spark.schemas.derived import SET_ASIDE
from spark.schemas.struct import struct_of
from spark.transforms.expand_lines import Row

if TYPE_CHECKING:
    from deltalake import DeltaTable

_ONE_WRITER: Final = Lock()
"""Two merges into the one table at once would be a conflict to Delta."""


def counted(rows: DataFrame) -> Mapping[str, int]:
    """Rows by reason."""
    return {row["reason"]: row["count"] for row in rows.groupBy("reason").count().collect()}


def set_aside(
    context: RunContext, layer: str, rows: DataFrame, reasons: Mapping[str, int] | None = None
) -> Mapping[str, int]:
    """Adds `rows` (any of the table's columns, `reason` among them) that are not there yet; returns rows by reason.

    Who has counted them already says the `reasons`: of none nothing is done.
    """
    if reasons is None:
        reasons = counted(rows)
    if not reasons:
        return reasons
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
    return reasons


def summary(reasons: Mapping[str, int]) -> list[str]:
    """The notes of a report: each reason with its count."""
    return [f"{count} set aside: {reason}" for reason, count in sorted(reasons.items())]


def set_aside_few(context: RunContext, layer: str, rows: Sequence[Row]) -> Mapping[str, int]:
    """`set_aside` of rows in hand, without Spark, where the lake is a folder."""
    reasons = Counter(str(row["reason"]) for row in rows)
    if not reasons:
        return reasons
    from spark.jobs.folder_tables import Change, commit, keys_of, open_folder, rows_of

    named = (row | {"layer": layer} for row in rows)
    wanted = {tuple(row.get(name) for name in SET_ASIDE.key): row for row in named}

    def decide(found: DeltaTable) -> Change | None:
        known = set(keys_of(rows_of(found, SET_ASIDE.key), SET_ASIDE.key))
        fresh = [row for key, row in wanted.items() if key not in known]
        return Change(fresh) if fresh else None

    with _ONE_WRITER:
        commit(open_folder(context, SET_ASIDE)[0], SET_ASIDE, decide, {})
    return reasons
