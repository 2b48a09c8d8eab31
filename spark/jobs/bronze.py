"""Raw to bronze, each raw file exactly once.

A batch is first planned in the ledger, then written under its number as Delta's transaction version: a run that died in
between is completed by the next one, and writing a batch twice is skipped by Delta itself. Two runs at once plan the
same number; one of them wins it, both write what the winner planned, once.
https://github.com/delta-io/delta/blob/v4.0.0/PROTOCOL.md#transaction-identifiers
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from delta.tables import DeltaTable
from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.names import BRONZE_FILES, BRONZE_LEDGER, TABLES, Zone
from spark.jobs.chains import missing_files
from spark.jobs.commits import TableLog
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.set_aside import set_aside, summary
from spark.jobs.stops import SchemaRefused
from spark.jobs.tables import open_declared, remove_table, row_count
from spark.schemas.bronze import DAY, FILES, KIND, LEDGER, PASS, RESOURCES, lines_of
from spark.schemas.columns import Derived
from spark.schemas.struct import struct_of
from spark.transforms.arrow import map_rows
from spark.transforms.expand_files import FILE, LINE, PROBLEM, RESOURCE, STREAM_ZONES, as_pairs, rows_of_files
from spark.transforms.expand_lines import BatchContext, Validate, lake_path
from spark.transforms.validating import validate

TABLE: Final = "bronze_resources"
BATCH_BYTES: Final = 256 * 1024 * 1024
"""Compressed bytes of raw files in one batch; a first run over a large lake goes in steps of it."""
BATCH_FILES: Final = 5_000
SMALL_BYTES: Final = 8 * 1024 * 1024
"""Compressed bytes of a batch that the driver expands by itself where the lake is a folder."""


def run(context: RunContext) -> Iterator[TableReport]:
    """The job as the graph starts it. With `full` bronze is removed first: raw is the truth it is made of."""
    if context.full:
        for path in (TABLES[TABLE], BRONZE_LEDGER, BRONZE_FILES, *map(stream_path, STREAM_ZONES)):
            remove_table(context.spark, context.lake.uri(path))
    yield from BronzeJob(context, validate).run()


def stream_path(zone: str) -> str:
    """The bronze table of a zone's lines."""
    return f"{Zone.BRONZE}/{zone}"


class BronzeJob:
    """One run over what was landed since the last one."""

    def __init__(self, context: RunContext, validate: Validate, *, batch_bytes: int = BATCH_BYTES) -> None:
        self._context = context
        self._spark = context.spark
        self._lake = context.lake
        self._validate = validate
        self._batch_bytes = batch_bytes
        self._uri = self._lake.uri(TABLES[TABLE])
        self._raw = self._lake.uri(Zone.RAW)
        self._ledger_uri = self._lake.uri(BRONZE_LEDGER)
        self._files_uri = self._lake.uri(BRONZE_FILES)
        self._by_files = context.by_files
        if DAY not in self._opened():
            raise SchemaRefused(f"{TABLES[TABLE]} is of an older layout: run `bronze --full` once")
        self._id = TableLog(self._spark, self._uri).id
        self._written: Counter[str] = Counter()

    def _opened(self) -> list[str]:
        """The columns of the table, with the ledger and the list of files beside it, made where they are not there."""
        if self._by_files:
            from spark.jobs.folder_tables import declared_folder

            for table in (LEDGER, FILES):
                declared_folder(self._context, table)
            bronze = declared_folder(self._context, RESOURCES, partition_by=DAY)[0]
            return [each.name for each in bronze.schema().fields]
        open_declared(self._spark, self._ledger_uri, LEDGER)
        open_declared(self._spark, self._files_uri, FILES)
        return list(bronze_table(self._context).toDF().columns)

    def run(self) -> Iterator[TableReport]:
        """Takes in every raw file that no batch has; reports what was added, and what was set aside."""
        started = time.monotonic()
        ledger = self._ledger()
        last = max((row["batch"] for row in ledger), default=0)
        if last:  # skipped by Delta unless the run that planned it died before this point
            self._complete(last, [row for row in ledger if row["batch"] == last])
        waiting = self.waiting(ledger)
        while waiting:
            last += 1
            chosen = self._take(waiting)
            waiting = waiting[len(chosen) :]
            self._context.on_phase("plan batch")
            self.plan(last, chosen)
            # Read back: where another run planned this number first, its files are the batch.
            self._write(last, [row for row in self._ledger() if row["batch"] == last])
        notes = [*summary({k.removeprefix("! "): n for k, n in self._written.items() if k.startswith("! ")})]
        notes += missing_files(self._context, self._files_uri, last)
        paths = [
            TABLES[TABLE],
            *(stream_path(zone) for zone in STREAM_ZONES if self._written[stream_path(zone)]),
        ]
        for path in paths:
            total = row_count(self._spark, self._lake.uri(path))
            seconds = time.monotonic() - started
            yield TableReport(path, self._written[path], total, seconds, tuple(notes))
            notes = []

    def _ledger(self) -> Sequence[Any]:
        """The rows of this bronze table, each by its columns' names."""
        if self._by_files:
            from spark.jobs.bronze_few import ledger_rows

            return ledger_rows(self._context, self._id)
        ledger = self._spark.read.format("delta").load(self._ledger_uri)
        return ledger.where(F.col("table_id") == self._id).collect()

    def waiting(self, ledger: Sequence[Any]) -> list[tuple[str, int]]:
        """Path and size of the landed files that are to be taken, by path.

        A file that could not be read is taken again when it was put right, which its size shows.
        """
        taken = {
            row["raw_path"]: int(row["size_bytes"]) for row in sorted(ledger, key=lambda row: row["batch"])
        }
        found = sorted(self._landed())
        changed = {path for path, size in found if taken.get(path, size) != size}
        again = changed & self._unread() if changed else set[str]()
        return [each for each in found if each[0] not in taken or each[0] in again]

    def _landed(self) -> Iterable[tuple[str, int]]:
        raw = Path(self._lake.root) / Zone.RAW
        if self._lake.is_local and not raw.is_dir():
            return []
        if self._by_files:
            from spark.jobs.bronze_few import landed_files

            return landed_files(raw)
        listed = (
            self._spark.read.format("binaryFile")
            .option("recursiveFileLookup", "true")
            .option("pathGlobFilter", "*.ndjson.gz")
            .load(self._raw)
            .select("path", "length")
            .collect()
        )
        return ((lake_path(row["path"], self._raw), int(row["length"])) for row in listed)

    def _unread(self) -> set[str]:
        if self._by_files:
            from spark.jobs.bronze_few import unread_files

            return unread_files(self._context)
        files = self._spark.read.format("delta").load(self._files_uri)
        return {row["raw_path"] for row in files.where("lines IS NULL").select("raw_path").collect()}

    def _take(self, waiting: list[tuple[str, int]]) -> list[tuple[str, int]]:
        taken: list[tuple[str, int]] = []
        size = 0
        for path, length in waiting[:BATCH_FILES]:
            if taken and size + length > self._batch_bytes:
                break
            taken.append((path, length))
            size += length
        return taken

    def plan(self, batch: int, files: list[tuple[str, int]]) -> None:
        """Notes in the ledger which files are a batch; does nothing where the number is taken."""
        now = datetime.now(UTC)
        rows = [(path, size, batch, self._id, now) for path, size in files]
        if self._by_files:
            from spark.jobs.bronze_few import add

            named = (dict(zip((column.name for column in LEDGER.columns), row, strict=True)) for row in rows)
            add(self._context, LEDGER, named, f"plan-{self._id}", batch)
            return
        frame = self._spark.createDataFrame(rows, struct_of(LEDGER)).coalesce(1)
        self._append(frame, self._ledger_uri, "plan", batch)

    def _append(self, rows: DataFrame, uri: str, what: str, batch: int) -> None:
        (
            rows.write.format("delta")
            .mode("append")
            .option("txnAppId", f"{what}-{self._id}")
            .option("txnVersion", batch)
            .save(uri)
        )

    def _complete(self, batch: int, planned: Sequence[Any]) -> None:
        """Writes a planned batch whose last step, the list of its files, is missing."""
        if self._by_files:
            from spark.jobs.folder_tables import declared_folder

            taken = declared_folder(self._context, FILES)[0].transaction_version(f"files-{self._id}")
            if (taken or 0) < batch:
                self._write(batch, planned)
            return
        files = self._spark.read.format("delta").load(self._files_uri)
        if files.where(F.col("batch") == batch).isEmpty():
            self._write(batch, planned)

    def _write(self, batch: int, planned: Sequence[Any]) -> None:
        if self._by_files and sum(int(row["size_bytes"]) for row in planned) <= SMALL_BYTES:
            from spark.jobs.bronze_few import add_few

            paths = [row["raw_path"] for row in planned]
            root = Path(self._lake.root)
            contents = ((self._lake.uri(path), (root / path).read_bytes()) for path in paths)
            few = list(rows_of_files(contents, self._about(batch, planned), self._validate))
            self._written += add_few(self._context, self._id, batch, few)
            return
        rows = self._rows(batch, planned).persist(StorageLevel.MEMORY_AND_DISK)
        try:
            counted = {
                (row[KIND], row["zone"]): row["count"] for row in rows.groupBy(KIND, "zone").count().collect()
            }
            self._context.on_phase("append resources")
            self._append(_columns(rows, RESOURCE, RESOURCES), self._uri, "raw", batch)
            self._written[TABLES[TABLE]] += sum(n for (kind, _), n in counted.items() if kind == RESOURCE)
            for zone in sorted(str(zone) for kind, zone in counted if kind == LINE):
                self._append_lines(rows, zone, batch)
                self._written[stream_path(zone)] += counted[LINE, zone]
            if any(kind == PROBLEM for kind, _ in counted):
                self._context.on_phase("set raw lines aside")
                problems = rows.where(F.col(KIND) == PROBLEM)
                for reason, number in set_aside(self._context, "raw", problems).items():
                    self._written[f"! {reason}"] += number
            self._context.on_phase("list files")
            self._append(_columns(rows, FILE, FILES).coalesce(1), self._files_uri, "files", batch)
        finally:
            rows.unpersist()

    def _append_lines(self, rows: DataFrame, zone: str, batch: int) -> None:
        uri = self._lake.uri(stream_path(zone))
        lines = lines_of(zone)
        open_declared(self._spark, uri, lines, partition_by=DAY)
        self._context.on_phase(f"append {zone}")
        self._append(_columns(rows.where(F.col("zone") == zone), LINE, lines), uri, f"lines-{zone}", batch)

    def _about(self, batch: int, planned: Sequence[Any]) -> BatchContext:
        return BatchContext(self._raw, batch, planned[0]["planned_at"], self._context.modes)

    def _rows(self, batch: int, planned: Sequence[Any]) -> DataFrame:
        context = self._about(batch, planned)
        validate = self._validate  # the workers get this function, never the job with its session

        def expand(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
            return rows_of_files(as_pairs(rows), context, validate)

        uris = [self._lake.uri(row["raw_path"]) for row in planned]
        files = self._spark.read.format("binaryFile").load(uris)
        return map_rows(files.select("path", "content"), expand, struct_of(PASS))


def _columns(rows: DataFrame, kind: str, table: Derived) -> DataFrame:
    chosen = rows.where(F.col(KIND) == kind).select(*(column.name for column in table.columns))
    # So that a reader of one type skips the rest.
    return chosen.sortWithinPartitions("type", "tenant", "id") if kind == RESOURCE else chosen


def bronze_table(context: RunContext) -> DeltaTable:
    """The table that silver reads, created empty where there is none."""
    return open_declared(context.spark, context.lake.uri(RESOURCES.path), RESOURCES, partition_by=DAY)[0]
