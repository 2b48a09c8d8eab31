"""How long what was landed took to be visible in gold: a row for each run of the gold tables that brought something.

The resources of a run are those whose current state came in a bronze batch that no earlier row has counted. The commit
says the 95th percentile in its metadata too, so that the platform's timer reads it from the table's log without Spark.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import reduce
from typing import Final

from delta.tables import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.names import LANDED_TO_GOLD_P95, TABLES
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.tables import open_declared
from spark.schemas.columns import Classification, Column, Derived
from spark.schemas.silver import SILVER
from spark.schemas.struct import struct_of

Times = tuple[int, datetime, int, float, float, float]
"""A row of the table."""
_I: Final = Classification.INTERNAL
FRESHNESS: Final = Derived(
    "landed_to_gold",
    TABLES["silver_landed_to_gold"],
    "How long the resources of each run took from landing to gold",
    ("batch",),
    (
        Column("batch", "BIGINT", "The newest bronze batch that the run brought to gold", _I),
        Column("visible_at", "TIMESTAMP", "When the gold tables were done, UTC", _I),
        Column("resources", "BIGINT", "Resources counted", _I),
        Column("p50_s", "DOUBLE", "Median seconds from landing to gold", _I),
        Column("p95_s", "DOUBLE", "95th percentile of the same", _I),
        Column("max_s", "DOUBLE", "The longest of them", _I),
    ),
)


def run(context: RunContext) -> Iterator[TableReport]:
    """The job as the graph starts it, right after the gold tables."""
    started = time.monotonic()
    if context.by_files:
        yield _by_files(context, started)
        return
    uri = context.lake.uri(FRESHNESS.path)
    table = open_declared(context.spark, uri, FRESHNESS)[0].toDF()
    counted, total = table.agg(F.coalesce(F.max("batch"), F.lit(0)), F.count("*")).first()
    silver = [each.path for each in SILVER]
    paths = [path for path in silver if DeltaTable.isDeltaTable(context.spark, context.lake.uri(path))]
    notes: tuple[str, ...] = ("nothing new",)
    if paths:
        columns = [context.read(path).select("batch", "landed_at") for path in paths]
        new = reduce(DataFrame.unionByName, columns).where(F.col("batch") > counted)
        if row := _times(new, datetime.now(UTC)):
            frame = context.spark.createDataFrame([row], struct_of(FRESHNESS)).coalesce(1)
            writer = frame.write.format("delta").mode("append")
            writer.option("userMetadata", json.dumps({LANDED_TO_GOLD_P95: row[4]})).save(uri)
            total += 1
            notes = (_words(row),)
    written = int(notes != ("nothing new",))
    yield TableReport(FRESHNESS.path, written, total, time.monotonic() - started, notes)


def _by_files(context: RunContext, started: float) -> TableReport:
    """The same where the lake is a folder: two columns are read from the files."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from deltalake import CommitProperties, write_deltalake

    from spark.jobs.folder_files import keep
    from spark.jobs.folder_tables import as_arrow, found_folder, open_folder, rows_of

    table = open_folder(context, FRESHNESS)[0]
    counted = pc.max(rows_of(table, ["batch"])["batch"]).as_py() or 0
    wanted = (pc.field("batch") > counted) & pc.is_valid(pc.field("landed_at"))
    folders = [folder for each in SILVER if (folder := found_folder(context, each.path)) is not None]
    new = (
        pa.concat_tables(rows_of(folder, ["batch", "landed_at"], wanted) for folder in folders)
        if folders
        else None
    )
    written, notes = 0, ("nothing new",)
    if new is not None and len(new):
        at = datetime.now(UTC)
        landed_s = pc.divide(pc.cast(pc.cast(new["landed_at"], pa.int64()), pa.float64()), 1e6)
        age = pc.subtract(at.timestamp(), landed_s)
        middle, late = pc.quantile(age, q=[0.5, 0.95]).to_pylist()
        row: Times = (pc.max(new["batch"]).as_py(), at, len(new), middle, late, pc.max(age).as_py())
        names = (column.name for column in FRESHNESS.columns)
        said = CommitProperties({"userMetadata": json.dumps({LANDED_TO_GOLD_P95: late})})
        values = as_arrow(FRESHNESS, [dict(zip(names, row, strict=True))])
        write_deltalake(table, values, mode="append", commit_properties=said)
        keep(table)
        written, notes = 1, (_words(row),)
    return TableReport(FRESHNESS.path, written, table.count(), time.monotonic() - started, notes)


def _words(row: Times) -> str:
    return f"landed to gold: median {row[3]:,.0f} s, 95th percentile {row[4]:,.0f} s"


def _times(new: DataFrame, visible_at: datetime) -> Times | None:
    """The row of a run; None where nothing came."""
    age = F.lit(visible_at.timestamp()) - F.unix_micros("landed_at") / 1e6
    found = new.where(F.col("landed_at").isNotNull()).agg(
        F.max("batch"), F.count("*"), F.percentile(age, F.array(F.lit(0.5), F.lit(0.95))), F.max(age)
    )
    batch, resources, shares, longest = found.first()
    if not resources:
        return None
    return (batch, visible_at, resources, shares[0], shares[1], longest)
