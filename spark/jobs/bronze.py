"""Raw to bronze, each raw file exactly once.

A batch is first planned in the ledger, then written under its number as Delta's transaction version: a run that died in
between is completed by the next one, and writing a batch twice is skipped by Delta itself. Two runs at once plan the
same number; one of them wins it, both write what the winner planned, once.
https://github.com/delta-io/delta/blob/v4.0.0/PROTOCOL.md#transaction-identifiers
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.fhir.admission import ValidationModes
from shared.names import BRONZE_LEDGER, TABLES, Zone
from spark.jobs.context import RunContext
from spark.jobs.tables import TableReport, open_table, table_id
from spark.paths import LakeRoot
from spark.schemas.bronze import LEDGER, RESOURCES
from spark.transforms.arrow import map_rows
from spark.transforms.expand_lines import BatchContext, Validate, lake_path, rows_of_lines
from spark.transforms.validating import validate

TABLE: Final = "bronze_resources"
BATCH_BYTES: Final = 256 * 1024 * 1024
"""Compressed bytes of raw files in one batch; a first run over a large lake goes in steps of it."""
BATCH_FILES: Final = 5_000


class BronzeJob:
    """One run over what was landed since the last one."""

    def __init__(
        self,
        spark: SparkSession,
        lake: LakeRoot,
        validate: Validate,
        modes: ValidationModes = ValidationModes(),  # noqa: B008 - frozen
        *,
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        self._spark = spark
        self._validate = validate
        self._modes = modes
        self._lake = lake
        self._batch_bytes = batch_bytes
        self._uri = lake.uri(TABLES[TABLE])
        self._raw = lake.uri(Zone.RAW)
        self._ledger_uri = lake.uri(BRONZE_LEDGER)
        table = open_table(spark, self._uri, RESOURCES, "Every resource of every raw line, once, as it came.")
        open_table(spark, self._ledger_uri, LEDGER, "The raw files taken into bronze, and by which batch.")
        self._id = table_id(table)

    def run(self) -> TableReport:
        """Takes in every raw file that no batch has; returns what was added."""
        started = time.monotonic()
        before = self._bronze().count()
        ledger = self._ledger().select("raw_path", "batch", "planned_at").collect()
        last = max((row["batch"] for row in ledger), default=0)
        if last:  # skipped by Delta unless the run that planned it died before this point
            self._write(last, [row for row in ledger if row["batch"] == last])
        waiting = self.waiting({row["raw_path"] for row in ledger})
        while waiting:
            last += 1
            chosen = self._take(waiting)
            waiting = waiting[len(chosen) :]
            self.plan(last, chosen)
            # Read back: where another run planned this number first, its files are the batch.
            planned = self._ledger().where(F.col("batch") == last).select("raw_path", "planned_at").collect()
            self._write(last, planned)
        total = self._bronze().count() if last else before
        return TableReport(TABLES[TABLE], total - before, total, time.monotonic() - started)

    def _bronze(self) -> DataFrame:
        return self._spark.read.format("delta").load(self._uri)

    def _ledger(self) -> DataFrame:
        return self._spark.read.format("delta").load(self._ledger_uri).where(F.col("table_id") == self._id)

    def waiting(self, taken: set[str]) -> list[tuple[str, int]]:
        """Path and size of the landed files that are not among the taken ones, by path."""
        if self._lake.is_local and not (Path(self._lake.root) / Zone.RAW).is_dir():
            return []
        listed = (
            self._spark.read.format("binaryFile")
            .option("recursiveFileLookup", "true")
            .option("pathGlobFilter", "*.ndjson.gz")
            .load(self._raw)
            .select("path", "length")
            .collect()
        )
        found = ((lake_path(row["path"], self._raw), int(row["length"])) for row in listed)
        return sorted(each for each in found if each[0] not in taken)

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
        (
            self._spark.createDataFrame(rows, LEDGER)
            .coalesce(1)
            .write.format("delta")
            .mode("append")
            .option("txnAppId", f"plan-{self._id}")
            .option("txnVersion", batch)
            .save(self._ledger_uri)
        )

    def _write(self, batch: int, planned: list[Row]) -> None:
        paths = [self._lake.uri(row["raw_path"]) for row in planned]
        context = BatchContext(self._raw, batch, planned[0]["planned_at"], self._modes)
        validate = self._validate  # the workers get this function, never the job with its session

        def expand(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
            return rows_of_lines(((row["value"], row["uri"]) for row in rows), context, validate)

        lines = (
            self._spark.read.option("lineSep", "\n")
            .text(paths)
            .select("value", F.col("_metadata.file_path").alias("uri"))
        )
        (
            map_rows(lines, expand, RESOURCES)
            .sortWithinPartitions("type", "tenant", "id")  # so that a reader of one type skips the rest
            .write.format("delta")
            .mode("append")
            .option("txnAppId", f"raw-{self._id}")
            .option("txnVersion", batch)
            .save(self._uri)
        )


def run(context: RunContext) -> Iterator[TableReport]:
    """The job as the graph starts it."""
    yield BronzeJob(context.spark, context.lake, validate, context.modes).run()
