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
from importlib.util import find_spec
from threading import local
from typing import TYPE_CHECKING, Any, Final

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.gold import registry
from spark.gold.table import GoldTable
from spark.jobs.changed_units import (
    ChangedUnits,
    Since,
    Units,
    can_read_files,
    has_units,
    unit_column,
)
from spark.jobs.commits import TableLog
from spark.jobs.context import AT_A_TIME, RunContext
from spark.jobs.gold_inputs import Input, InputTables
from spark.jobs.report import TableReport
from spark.jobs.tables import open_declared, row_count, rows_written
from spark.paths import LakeRoot
from spark.schemas.struct import struct_of

if TYPE_CHECKING:
    from spark.jobs.gold_small import SmallInputs

_METADATA: Final = "spark.databricks.delta.commitInfo.userMetadata"
_MOST_CHANGED: Final = 0.2
"""The share of all units from which on doing the table whole is quicker."""
_GONE: Final = "_gone"
Inputs = dict[str, dict[str, Any]]
"""Input name → `id`, `version`, newest `batch` and its `source` of the table that was read."""


class GoldJob:
    """One run over the gold tables."""

    def __init__(self, spark: SparkSession, lake: LakeRoot, *, full: bool = False) -> None:
        self._spark = spark
        self._lake = lake
        self._full = full
        self._inputs = InputTables(spark, lake)
        self._small = _small_inputs()
        self._units = ChangedUnits(spark)
        self._sessions = local()

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
        inputs = {name: self._inputs.look(name) for name in table.inputs}
        log = TableLog(self._spark, uri)
        before = None if self._full or not log.exists else _recorded(log, table)
        if before is not None and _are_as_recorded(inputs, before):
            return TableReport(
                table.declared.path, 0, row_count(self._spark, uri), time.monotonic() - started
            )
        now: Inputs = {
            name: {"id": each.id, "version": each.version, "batch": each.batch, "source": each.source}
            for name, each in inputs.items()
        }
        said = {"revision": table.revision, "inputs": now}
        lookups = {name: self._inputs.look(name) for name in table.lookups}
        changed = self._changed_units(table, inputs, before) if table.unit and before else None
        small = self._small is not None and all(
            each.is_small for each in (*inputs.values(), *lookups.values())
        )
        written, notes = self._run_small(table, inputs | lookups, changed, said) if small else (None, ())
        if written is None:
            frames = {name: each.frame for name, each in inputs.items()}
            others = {name: each.frame for name, each in lookups.items()}
            written = self._run_by_spark(table, (frames, others), changed, json.dumps(said))
        total = row_count(self._spark, uri)
        self._inputs.forget(table.name)
        return TableReport(table.declared.path, written, total, time.monotonic() - started, notes)

    def _run_small(
        self, table: GoldTable, inputs: dict[str, Input], changed: Units | None, said: dict[str, Any]
    ) -> tuple[int | None, tuple[str, ...]]:
        """The table, or its `changed` units, of inputs that are read without Spark; returns the rows written, and notes.

        None where it is Spark's: the table itself is too large for that, or DuckDB cannot make it.
        """
        from spark.jobs import gold_small
        from spark.jobs.folder_tables import SparkMerges, open_folder

        if changed is not None and not changed:
            return 0, ()
        assert self._small is not None, "an input is small where deltalake and DuckDB can read it"
        try:
            built = self._small.build(table, inputs, changed)
        except gold_small.NotInHand as failure:
            return None, (f"made by Spark, because DuckDB failed: {failure}",)
        target = open_folder(RunContext(self._spark, self._lake), table.declared)[0]
        if changed is None:
            return gold_small.write_whole(built, target, json.dumps(said)), ()
        try:
            return gold_small.write_units(table, built, target, changed, said), ()
        except SparkMerges:
            return None, ()

    def _run_by_spark(
        self,
        table: GoldTable,
        frames: tuple[dict[str, DataFrame], dict[str, DataFrame]],
        changed: Units | None,
        said: str,
    ) -> int:
        """The same by Spark; `frames` are the inputs and the lookups."""
        session, uri = self._session(), self._lake.uri(table.declared.path)
        target = open_declared(session, uri, table.declared)[0]
        if changed is None:
            return _write(session, table, table.build(frames[0] | frames[1]), uri, said)
        return _bring_up(session, table, (uri, target), frames, changed, said) if changed else 0

    def _session(self) -> SparkSession:
        """This thread's own, with settings of its own: a MERGE takes from them what its commit says."""
        if not hasattr(self._sessions, "own"):
            self._sessions.own = self._spark.newSession()
        found: SparkSession = self._sessions.own
        return found

    def _changed_units(self, table: GoldTable, inputs: dict[str, Input], before: Inputs) -> Units | None:
        """The units to do anew; None where the table has to be done whole."""
        found: set[tuple[str, str]] = set()
        unit = str(table.through or table.unit)
        seen: list[Since] = []
        for name, each in inputs.items():
            was = before.get(name)
            if was is None or was["id"] != each.id or was.get("source") != each.source:
                return None
            if was["version"] >= each.written:
                seen.append(Since(each.uri, each.version, 0, each.version, 0))
                continue
            if (
                was["batch"] is None
                or each.batch is None
                or was["version"] < max(each.remade, each.readable_from)
            ):
                return None
            since = Since(each.uri, was["version"], was["batch"], each.version, _MOST_CHANGED * each.rows)
            seen.append(since)
            units = self._units.of(since, unit)
            if units is None:
                return None
            found |= units
        if table.through and found:
            return self._named_through(table, frozenset(found), seen)
        return frozenset(found)

    def _named_through(self, table: GoldTable, through: Units, seen: list[Since]) -> Units | None:
        """The units that rows of the inputs name, or named, which are of the units `through`."""
        found: Units = frozenset()
        for since in seen:
            named = self._units.named_by(since, through, str(table.through), str(table.unit))
            if named is None:
                return None
            found |= named
        return found


def _small_inputs() -> SmallInputs | None:
    """None where deltalake or DuckDB is not there, as on a cluster."""
    if not find_spec("deltalake") or not find_spec("duckdb"):
        return None
    from spark.jobs.gold_small import SmallInputs

    return SmallInputs()


def _are_as_recorded(inputs: dict[str, Input], before: Inputs) -> bool:
    """Whether the recorded versions have the rows of now: upkeep alone makes no table anew."""
    return inputs.keys() == before.keys() and all(
        before[name]["id"] == each.id
        and before[name].get("source") == each.source
        and before[name]["version"] >= each.written
        for name, each in inputs.items()
    )


def _of_units(frame: DataFrame, changed: DataFrame, unit: str, column: str) -> DataFrame:
    chosen = F.broadcast(changed.withColumnRenamed(unit, column))
    return frame.join(chosen, ["tenant", column], "left_semi")


def _recorded(log: TableLog, table: GoldTable) -> Inputs | None:
    """The inputs of the newest commit that says them; None where none does, or the definition was another."""
    for commit in log.recent():
        found = json.loads(commit.metadata) if commit.metadata else {}
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


def _write(
    session: SparkSession, table: GoldTable, rows: DataFrame, uri: str, said: str, mode: str = "overwrite"
) -> int:
    """The table's rows become these, or are more by these, in one commit; returns how many were written."""
    writer = shaped(table, rows).write.format("delta").mode(mode).option("userMetadata", said)
    (writer.option("overwriteSchema", "true") if mode == "overwrite" else writer).save(uri)
    return rows_written(session, uri)


def _bring_up(
    session: SparkSession,
    table: GoldTable,
    target: tuple[str, DeltaTable],
    frames: tuple[dict[str, DataFrame], dict[str, DataFrame]],
    changed: Units,
    said: str,
) -> int:
    """Does the changed units anew; returns the rows written.

    `target` is the table's URI and what is there, `frames` are its inputs and its lookups.
    """
    unit = str(table.unit)
    units = session.createDataFrame(sorted(changed), f"tenant STRING, {unit} STRING")
    inputs, parts = frames[0], dict(frames[1])
    for name, frame in inputs.items():
        column = unit_column(frame.columns, unit)
        parts[name] = _of_units(frame, units, unit, column) if column else frame
    uri, opened = target
    if can_read_files(uri) and not has_units(uri, changed, unit):
        return _write(session, table, table.build(parts).coalesce(1), uri, said, "append")
    session.conf.set(_METADATA, said)
    try:
        return _replace(table, opened, table.build(parts), units)
    finally:
        session.conf.unset(_METADATA)


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
