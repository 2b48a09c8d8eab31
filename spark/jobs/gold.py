"""Silver to gold: every table of `spark.gold.registry`, those parts of it whose input changed.

A commit of a gold table carries which version of each input it was made of. A table that is kept by unit reads what
each input gained since then (silver rows know their bronze batch) and what those rows said before (Delta's time travel),
and does the units found in either anew: a resource that moved to another patient, or was deleted, changes both. Where a
version may be vacuumed, an input was made anew, the definition changed, or too much changed, the table is done whole.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import reduce
from typing import Any, Final

from delta.tables import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.gold import registry
from spark.gold.table import GoldTable
from spark.jobs.context import AT_A_TIME, RunContext
from spark.jobs.gold_inputs import Input, InputTables
from spark.jobs.report import TableReport
from spark.jobs.tables import open_declared
from spark.paths import LakeRoot
from spark.schemas.struct import struct_of

_METADATA: Final = "spark.databricks.delta.commitInfo.userMetadata"
_RECENT_COMMITS: Final = 50
_MOST_CHANGED: Final = 0.2
"""The share of all units from which on doing the table whole is quicker."""
_GONE: Final = "_gone"
_UNREADABLE: Final = (PySparkException, Py4JJavaError)
Inputs = dict[str, dict[str, Any]]
"""Input name → `id`, `version`, newest `batch` and its `source` of the table that was read."""


class GoldJob:
    """One run over the gold tables."""

    def __init__(self, spark: SparkSession, lake: LakeRoot, *, full: bool = False) -> None:
        self._spark = spark
        self._lake = lake
        self._full = full
        self._inputs = InputTables(spark, lake)

    def run_all(self, tables: tuple[GoldTable, ...]) -> Iterator[TableReport]:
        """Each table after those it reads, which come before it; the reports in their order."""
        done: dict[str, Future[TableReport]] = {}

        def after_its_inputs(table: GoldTable) -> TableReport:
            for name in table.inputs:
                if name in done:
                    done[name].result()
            return self.run(table)

        with ThreadPoolExecutor(AT_A_TIME) as pool:
            try:
                for table in tables:
                    done[table.name] = pool.submit(after_its_inputs, table)
                for table in tables:
                    yield done[table.name].result()
            finally:
                pool.shutdown(cancel_futures=True)
                self._inputs.close()

    def run(self, table: GoldTable) -> TableReport:
        """Brings one table up to its inputs; returns what was written."""
        started = time.monotonic()
        uri = self._lake.uri(table.declared.path)
        # A session of its own has settings of its own: a MERGE takes from them what its commit says.
        session = self._spark.newSession()
        target = open_declared(session, uri, table.declared)[0]
        inputs = {name: self._inputs.look(name) for name in table.inputs}
        now: Inputs = {
            name: {"id": each.id, "version": each.version, "batch": each.batch, "source": each.source}
            for name, each in inputs.items()
        }
        before = None if self._full else _recorded(target, table)
        written, whole = 0, False
        if before is None or not _are_as_recorded(inputs, before):
            said = json.dumps({"revision": table.revision, "inputs": now})
            session.conf.set(_METADATA, said)
            frames = {name: each.frame for name, each in inputs.items()}
            changed = self._changed_units(table, inputs, before) if table.unit and before else None
            if changed is None:
                whole, written = True, _overwrite(table, table.build(frames), uri, target, said)
            else:
                written = _bring_up(table, target, frames, changed)
            self._inputs.forget(table.name)
        total = written if whole else self._spark.read.format("delta").load(uri).count()
        return TableReport(table.declared.path, written, total, time.monotonic() - started)

    def _changed_units(self, table: GoldTable, inputs: dict[str, Input], before: Inputs) -> DataFrame | None:
        """The units to do anew, held in memory; None where the table has to be done whole."""
        found = []
        assert table.unit is not None
        for name, each in inputs.items():
            was = before.get(name)
            if was is None or was["id"] != each.id or was["batch"] is None or each.batch is None:
                return None
            if was.get("source") != each.source:
                return None
            if was["version"] >= each.written:
                continue
            if was["version"] < max(each.remade, each.readable_from):
                return None
            unit = _unit_column(each.frame, table.unit)
            new = each.frame.where(F.col("batch") > was["batch"])
            if new.count() > _MOST_CHANGED * each.rows:
                return None
            try:
                old = self._inputs.read(each.uri, was["version"])
                key = [column for column in ("tenant", "id", table.unit) if column in old.columns][:2]
                said = old.join(new.select(*key).distinct(), key, "left_semi")
            except _UNREADABLE:  # the log does not know the version any more
                return None
            found += [frame.select("tenant", F.col(unit).alias(table.unit)) for frame in (new, said)]
        if not found:
            return inputs[table.inputs[0]].frame.select("tenant", F.lit("").alias(table.unit)).limit(0)
        return _in_memory(reduce(DataFrame.union, found).where(F.col(table.unit).isNotNull()).distinct())


def _in_memory(units: DataFrame) -> DataFrame | None:
    """The units, read; None where files of an earlier version were vacuumed, which shows only when they are read."""
    held = units.persist()
    try:
        held.count()
    except _UNREADABLE:
        held.unpersist()
        return None
    return held


def _are_as_recorded(inputs: dict[str, Input], before: Inputs) -> bool:
    """Whether the recorded versions have the rows of now: upkeep alone makes no table anew."""
    return inputs.keys() == before.keys() and all(
        before[name]["id"] == each.id
        and before[name].get("source") == each.source
        and before[name]["version"] >= each.written
        for name, each in inputs.items()
    )


def _unit_column(frame: DataFrame, unit: str) -> str:
    """The column of an input that has the unit: of the patients' own table it is their id."""
    return unit if unit in frame.columns else "id"


def _of_units(frame: DataFrame, changed: DataFrame, unit: str, column: str) -> DataFrame:
    chosen = F.broadcast(changed.withColumnRenamed(unit, column))
    return frame.join(chosen, ["tenant", column], "left_semi")


def _recorded(target: DeltaTable, table: GoldTable) -> Inputs | None:
    """The inputs of the newest commit that says them; None where none does, or the definition was another."""
    for row in target.history(_RECENT_COMMITS).select("userMetadata").collect():
        found = json.loads(row["userMetadata"]) if row["userMetadata"] else {}
        if "inputs" in found:
            return dict(found["inputs"]) if found.get("revision") == table.revision else None
    return None


def shaped(table: GoldTable, rows: DataFrame) -> DataFrame:
    """The rows with the declared columns in their order and type, each with its comment."""
    return rows.select(
        *(
            F.col(f"`{field.name}`").cast(field.dataType).alias(field.name, metadata=field.metadata)
            for field in struct_of(table.declared).fields
        )
    )


def _overwrite(table: GoldTable, rows: DataFrame, uri: str, target: DeltaTable, said: str) -> int:
    writer = shaped(table, rows).write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    writer.option("userMetadata", said).save(uri)
    return int(target.history(1).first()["operationMetrics"].get("numOutputRows", 0))


def _bring_up(table: GoldTable, target: DeltaTable, frames: dict[str, DataFrame], changed: DataFrame) -> int:
    """Does the changed units anew; returns the rows written."""
    assert table.unit is not None
    try:
        if changed.isEmpty():
            return 0
        parts = {
            name: _of_units(frame, changed, table.unit, _unit_column(frame, table.unit))
            for name, frame in frames.items()
        }
        return _replace(table, target, table.build(parts), changed)
    finally:
        changed.unpersist()


def _replace(table: GoldTable, target: DeltaTable, rows: DataFrame, changed: DataFrame) -> int:
    """The changed units' rows become `rows`, in one commit: what is not among them any more is deleted."""
    key = list(table.declared.key)
    fresh = shaped(table, rows).persist()
    try:
        mine = target.toDF().join(F.broadcast(changed), ["tenant", str(table.unit)], "left_semi")
        gone = mine.join(fresh.select(*key), key, "left_anti").select(*table_columns(table))
        source = fresh.withColumn(_GONE, F.lit(False)).unionByName(gone.withColumn(_GONE, F.lit(True)))
        values = {f"`{name}`": F.col(f"new.`{name}`") for name in table_columns(table, quoted=False)}
        same = " AND ".join(f"now.`{name}` = new.`{name}`" for name in key)
        (
            target.alias("now")
            .merge(source.alias("new"), same)
            .whenMatchedDelete(condition=f"new.{_GONE}")
            .whenMatchedUpdate(set=values)
            .whenNotMatchedInsert(condition=f"NOT new.{_GONE}", values=values)
            .execute()
        )
        return fresh.count()
    finally:
        fresh.unpersist()


def table_columns(table: GoldTable, *, quoted: bool = True) -> list[str]:
    """The names of the columns, quoted where they are to be parsed: one has a dot."""
    names = [column.name for column in table.declared.columns]
    return [f"`{name}`" for name in names] if quoted else names


def run(context: RunContext) -> Iterator[TableReport]:
    """The job as the graph starts it: every gold table, in the order in which they read each other."""
    yield from GoldJob(context.spark, context.lake, full=context.full).run_all(registry.GOLD)
