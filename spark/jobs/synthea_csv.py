"""Folders of Synthea CSV or Parquet to bronze, as a streaming file source: each new file is picked up once.

Structured Streaming with `availableNow` says which files are new; a batch writes a table's rows in one commit, and leaves
out files that the table has, so that a batch done again or a lost checkpoint adds nothing twice.
https://spark.apache.org/docs/4.1.0/streaming/apis-on-dataframes-and-datasets.html#using-foreach-and-foreachbatch
Rows stand as they came, all columns as texts. A file with other columns, or one that cannot be read, is set aside by name
and the others go on.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import reduce
from typing import Final

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text
from pyspark.sql.types import StringType, StructField, StructType

from shared.names import Zone
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.set_aside import set_aside, summary
from spark.jobs.stops import SourceMissing
from spark.jobs.tables import open_declared, remove_table, row_count
from spark.schemas.bronze import DAY
from spark.schemas.synthea_csv import COLUMNS, DECLARED

_CHECKPOINTS: Final = f"{Zone.AUDIT}/checkpoints/synthea-csv"
_FILES_OF_A_BATCH: Final = 100
_MALFORMED: Final = "_malformed"
OTHER_COLUMNS: Final = "synthea: the columns are other ones"
UNREADABLE: Final = "synthea: the file cannot be read"
OTHER_LINES: Final = "synthea: the file has lines with another number of columns"


def run(context: RunContext) -> Iterator[TableReport]:
    """What is new below `context.source`; with `full` every file that no table has.

    Raises SourceMissing without a source.
    """
    if not context.source:
        raise SourceMissing("the job synthea-csv needs `--from` and the folder that holds the files")
    started = time.monotonic()
    source = hashlib.sha256(context.source.encode()).hexdigest()[:16]
    checkpoint = context.lake.uri(f"{_CHECKPOINTS}/{source}")
    if context.full:
        remove_table(context.spark, checkpoint)
    taking = _Taking(context)
    files = (
        context.spark.readStream.format("binaryFile")
        .schema("path STRING, modificationTime TIMESTAMP, length BIGINT, content BINARY")
        .option("recursiveFileLookup", "true")
        .option("pathGlobFilter", "*.{csv,parquet}")
        .option("maxFilesPerTrigger", _FILES_OF_A_BATCH)
        .load(_as_it_is(context.source))
        .select("path", F.unix_seconds("modificationTime").alias("written_at"))
    )
    query = (
        files.writeStream.option("checkpointLocation", checkpoint)
        .trigger(availableNow=True)
        .foreachBatch(taking.take)
        .start()
    )
    try:
        query.awaitTermination()
    except PySparkException:
        if taking.raised:
            raise taking.raised[0] from None
        raise
    notes = taking.notes() or ([] if taking.rows else ["nothing new"])
    for name in sorted(taking.rows):
        total = row_count(context.spark, context.lake.uri(DECLARED[name].path))
        yield TableReport(
            DECLARED[name].path, taking.rows[name], total, time.monotonic() - started, tuple(notes)
        )
        notes = []
    if notes:
        yield TableReport(Zone.BRONZE, 0, 0, time.monotonic() - started, tuple(notes))


class _Taking:
    """The batches of one run, and what they came to."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self.rows: Counter[str] = Counter()
        self.raised: list[BaseException] = []
        self._aside: Counter[str] = Counter()
        self._unknown = 0

    def take(self, files: DataFrame, _batch: int) -> None:
        """One batch of new files."""
        try:
            by_table: defaultdict[str, dict[str, int]] = defaultdict(dict)
            for row in files.collect():
                by_table[_table_of(row["path"])][row["path"]] = row["written_at"]
            for name in sorted(by_table):
                if name in COLUMNS:
                    self._take_table(name, by_table[name])
                else:
                    self._unknown += len(by_table[name])
        except BaseException as failure:
            self.raised.append(failure)  # the JVM would hand on its text alone
            raise

    def notes(self) -> list[str]:
        """What was set aside, and what was left where it is."""
        unknown = [f"{self._unknown} files have the name of no table"] if self._unknown else []
        return [*summary(self._aside), *unknown]

    def _take_table(self, name: str, files: dict[str, int]) -> None:
        declared = DECLARED[name]
        uri = self._context.lake.uri(declared.path)
        there = open_declared(self._context.spark, uri, declared, partition_by=DAY)[0].toDF()
        known = there.where(F.col("raw_path").isin(list(files))).select("raw_path").distinct().collect()
        frames = [
            frame
            for path in sorted(files.keys() - {row["raw_path"] for row in known})
            if (frame := self._open(name, path, files[path])) is not None
        ]
        if not frames:
            return
        rows = reduce(DataFrame.unionByName, frames).persist()
        try:
            sound = rows.where(f"{_MALFORMED} IS NULL").drop(_MALFORMED)
            self.rows[name] += sound.count()
            # Before the rows: a file that has some is not looked at again, whatever ended the run in between.
            malformed = rows.where(f"{_MALFORMED} IS NOT NULL").select("raw_path").distinct()
            self._set_aside(OTHER_LINES, [row["raw_path"] for row in malformed.collect()])
            sound.write.format("delta").mode("append").save(uri)
        finally:
            rows.unpersist()

    def _open(self, name: str, path: str, written_at: int) -> DataFrame | None:
        """The rows of one file with their lineage; None where it was set aside."""
        try:
            rows = (
                _parquet(self._context, name, path)
                if path.endswith(".parquet")
                else _csv(self._context, name, path)
            )
        except (PySparkException, Py4JJavaError):
            self._set_aside(UNREADABLE, [path])
            return None
        if rows is None:
            self._set_aside(OTHER_COLUMNS, [path])
            return None
        day = datetime.fromtimestamp(written_at, UTC).date()
        return rows.withColumn("raw_path", F.lit(path)).withColumn(DAY, F.lit(day))

    def _set_aside(self, reason: str, paths: list[str]) -> None:
        rows = [(path, reason) for path in paths]
        if rows:
            frame = self._context.spark.createDataFrame(rows, "raw_path string, reason string")
            self._aside.update(set_aside(self._context, "raw", frame))


def _as_it_is(path: str) -> str:
    """The path of one file or folder, none of whose characters stands for others.

    https://hadoop.apache.org/docs/r3.4.1/api/org/apache/hadoop/fs/FileSystem.html#globStatus-org.apache.hadoop.fs.Path-
    """
    return re.sub(r"([\\*?\[\]{}])", r"\\\1", path)


def _table_of(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _csv(context: RunContext, name: str, path: str) -> DataFrame | None:
    first = context.spark.read.text(_as_it_is(path)).first()
    if first is None or tuple(first["value"].lstrip("\ufeff").strip().split(",")) != COLUMNS[name]:
        return None
    schema = StructType([StructField(column, StringType()) for column in (*COLUMNS[name], _MALFORMED)])
    reader = context.spark.read.schema(schema).option("header", "true").option("escape", '"')
    return reader.option("columnNameOfCorruptRecord", _MALFORMED).csv(_as_it_is(path))


def _parquet(context: RunContext, name: str, path: str) -> DataFrame | None:
    rows = context.spark.read.parquet(_as_it_is(path))
    if set(rows.columns) != set(COLUMNS[name]):
        return None
    texts = (F.col(column).cast("string").alias(column) for column in COLUMNS[name])
    return rows.select(*texts, F.lit(None).cast("string").alias(_MALFORMED))
