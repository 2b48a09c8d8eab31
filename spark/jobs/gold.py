"""Silver to gold: every table of `spark.gold.registry`, those parts of it whose input changed.

A commit of a gold table carries which version of each input it was made of. A table that is kept by unit reads what
each input gained since then (silver rows know their bronze batch) and what those rows said before (Delta's time travel),
and does the units found in either anew: a resource that moved to another patient, or was deleted, changes both. Where a
version is no longer there, the definition changed, or too much changed, the table is done whole.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from delta.tables import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.gold import registry
from spark.gold.safety_reports import REPORTS
from spark.gold.table import GoldTable
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.tables import open_declared
from spark.paths import LakeRoot
from spark.schemas import silver
from spark.schemas.columns import Derived, Table
from spark.schemas.struct import struct_of

_METADATA: Final = "spark.databricks.delta.commitInfo.userMetadata"
_RECENT_COMMITS: Final = 50
_MOST_CHANGED: Final = 0.2
"""The share of all units from which on doing the table whole is quicker."""
_HELD_BYTES: Final = 256 * 1024 * 1024
"""An input up to this size is kept in memory: several tables read it, most of them more than once."""
_GONE: Final = "_gone"
Inputs = dict[str, dict[str, Any]]
"""Input name → `id`, `version` and newest `batch` of the table that was read."""


@dataclass(frozen=True, slots=True)
class _Input:
    """An input of `rows` rows as it is now. `frame` is pinned to `version`: what is recorded is what was read."""

    id: str
    version: int
    batch: int | None
    rows: int
    uri: str
    frame: DataFrame


class GoldJob:
    """One run over the gold tables; each input is looked at once in a run, unless the run writes it."""

    def __init__(self, spark: SparkSession, lake: LakeRoot, *, full: bool = False) -> None:
        self._spark = spark
        self._lake = lake
        self._full = full
        self._seen: dict[str, _Input] = {}

    def run(self, table: GoldTable) -> TableReport:
        """Brings one table up to its inputs; returns what was written."""
        started = time.monotonic()
        uri = self._lake.uri(table.declared.path)
        target = open_declared(self._spark, uri, table.declared)[0]
        inputs = {name: self._input(name) for name in table.inputs}
        now: Inputs = {
            name: {"id": each.id, "version": each.version, "batch": each.batch}
            for name, each in inputs.items()
        }
        before = None if self._full else _recorded(target, table)
        written, whole = 0, False
        if before != now:
            self._spark.conf.set(_METADATA, json.dumps({"revision": table.revision, "inputs": now}))
            try:
                written, whole = self._bring_up(table, target, uri, inputs, before)
            finally:
                self._spark.conf.unset(_METADATA)
            self._forget(table.name)
        total = written if whole else self._spark.read.format("delta").load(uri).count()
        return TableReport(table.declared.path, written, total, time.monotonic() - started)

    def _bring_up(
        self, table: GoldTable, target: DeltaTable, uri: str, inputs: dict[str, _Input], before: Inputs | None
    ) -> tuple[int, bool]:
        """Returns the rows written, and whether they are the whole table."""
        frames = {name: each.frame for name, each in inputs.items()}
        changed = self._changed_units(table, inputs, before) if table.unit and before else None
        if changed is None or table.unit is None:
            return _overwrite(table, table.build(frames), uri, target), True
        changed = changed.persist()
        try:
            if changed.isEmpty():
                return 0, False
            parts = {
                name: _of_units(frame, changed, table.unit, _unit_column(frame, table.unit))
                for name, frame in frames.items()
            }
            return _replace(table, target, table.build(parts), changed), False
        finally:
            changed.unpersist()

    def _changed_units(self, table: GoldTable, inputs: dict[str, _Input], before: Inputs) -> DataFrame | None:
        """The units to do anew; None where the table has to be done whole."""
        found = []
        assert table.unit is not None
        for name, each in inputs.items():
            was = before.get(name)
            if was is None or was["id"] != each.id or was["batch"] is None or each.batch is None:
                return None
            if was["version"] == each.version:
                continue
            unit = _unit_column(each.frame, table.unit)
            new = each.frame.where(F.col("batch") > was["batch"])
            if new.count() > _MOST_CHANGED * each.rows:
                return None
            try:
                old = self._read(each.uri, was["version"])
                key = [column for column in ("tenant", "id", table.unit) if column in old.columns][:2]
                said = old.join(new.select(*key).distinct(), key, "left_semi")
            except AnalysisException:  # the version was vacuumed
                return None
            found += [frame.select("tenant", F.col(unit).alias(table.unit)) for frame in (new, said)]
        if not found:
            return inputs[table.inputs[0]].frame.select("tenant", F.lit("").alias(table.unit)).limit(0)
        return reduce(DataFrame.union, found).where(F.col(table.unit).isNotNull()).distinct()

    def _input(self, name: str) -> _Input:
        if name not in self._seen:
            declared = declaration(name)
            uri = self._lake.uri(declared.path)
            table = open_declared(self._spark, uri, declared)[0]
            version = int(table.history(1).first()["version"])
            detail = table.detail().select("id", "sizeInBytes").first()
            frame = self._read(uri, version)
            if detail["sizeInBytes"] <= _HELD_BYTES:
                frame = frame.persist()
            newest = F.coalesce(F.max("batch"), F.lit(0)) if "batch" in frame.columns else F.lit(None)
            batch, rows = frame.agg(newest, F.count("*")).first()
            self._seen[name] = _Input(str(detail["id"]), version, batch, rows, uri, frame)
        return self._seen[name]

    def close(self) -> None:
        """Lets go of the inputs held in memory."""
        for name in list(self._seen):
            self._forget(name)

    def _forget(self, name: str) -> None:
        if name in self._seen:
            self._seen.pop(name).frame.unpersist()

    def _read(self, uri: str, version: int) -> DataFrame:
        return self._spark.read.format("delta").option("versionAsOf", version).load(uri)


def declaration(name: str) -> Table | Derived:
    """What is declared of an input table. Raises KeyError for a name that no layer has."""
    if name == REPORTS.name:
        return REPORTS
    if name in registry.BY_NAME:
        return registry.BY_NAME[name].declared
    return silver.BY_NAME[name]


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
    """The rows with the declared columns in their order and type."""
    types = {field.name: field.dataType for field in struct_of(table.declared).fields}
    return rows.select(*(F.col(f"`{name}`").cast(kind).alias(name) for name, kind in types.items()))


def _overwrite(table: GoldTable, rows: DataFrame, uri: str, target: DeltaTable) -> int:
    writer = shaped(table, rows).write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    writer.save(uri)
    return int(target.history(1).first()["operationMetrics"].get("numOutputRows", 0))


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
    job = GoldJob(context.spark, context.lake, full=context.full)
    try:
        for table in registry.GOLD:
            yield job.run(table)
    finally:
        job.close()
