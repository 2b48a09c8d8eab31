"""The tables that gold reads, each looked at once in a run and held in memory where it is small."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from threading import Lock, RLock
from typing import TYPE_CHECKING, Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.names import UPKEEP_OPERATIONS, RawZone
from spark.gold import registry
from spark.gold.safety_reports import BODIES, REPORTS
from spark.jobs.changed_units import can_read_files, newest_batch_in
from spark.jobs.commits import MERGED, Commit, TableLog, newest_change, readable_from
from spark.jobs.tables import make_empty
from spark.paths import LakeRoot
from spark.schemas import silver
from spark.schemas.bronze import lines_of
from spark.schemas.columns import Derived, Table
from spark.schemas.struct import struct_of

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyarrow.dataset import FileSystemDataset

_KEEPS_ROWS: Final = ("MERGE", "ADD COLUMNS", *UPKEEP_OPERATIONS)
"""Operations after which the rows that changed are those of a newer batch; so they are after an append."""
_WRITES_ROWS: Final = ("MERGE", "WRITE")
_HELD_BYTES: Final = 256 * 1024 * 1024
"""An input up to this size is kept in memory: several tables read it, most of them more than once."""


class Input:
    """An input as it is now. `frame` is pinned to `version`: what is recorded is what was read.

    What its log says is known at once; its rows are looked at when they are asked for.
    """

    def __init__(self, spark: SparkSession, uri: str, declared: Table | Derived) -> None:
        if not TableLog(spark, uri).exists:
            make_empty(spark, uri, declared)
        self._spark = spark
        self.declared = declared
        self._once = RLock()
        self.uri = uri
        log = TableLog(spark, uri)
        commits = log.recent()
        self.id = log.id
        self.version = commits[0].version
        self.written = newest_change(commits)
        """The version that last changed rows: what was read since then is what would be read now."""
        self.remade = next(
            (each.version for each in commits if not _keeps_rows(each)), commits[-1].version - 1
        )
        """The version of the newest commit that may have changed rows of any batch; one before the oldest that is known."""
        self.readable_from = readable_from(commits, time.time())
        """The oldest version that can still be read."""
        self.source, self._taken = _taken(commits)
        """The bronze table that the rows were last taken from: one that was made anew counts its batches from 1 again."""

    @property
    def frame(self) -> DataFrame:
        """Its rows, with every column that is declared; in memory where it is small."""
        with self._once:
            return self._frame

    @cached_property
    def is_small(self) -> bool:
        """Whether its files are so few bytes that they are read without Spark; of a lake that is no folder they are not."""
        if not can_read_files(self.uri):
            return False
        from spark.jobs import gold_small

        return gold_small.size_bytes(self._files) <= gold_small.MOST_BYTES

    @cached_property
    def dataset(self) -> FileSystemDataset:
        """The files of a small one, of which each reader takes the columns that it needs."""
        from spark.jobs.folder_files import dataset_of

        return dataset_of(self._files)

    @cached_property
    def _files(self) -> DeltaTable:
        """It as deltalake reads it, once for all that is asked of it: each time its log is read."""
        from spark.jobs.folder_files import opened

        return opened(self.uri, self.version)

    @property
    def batch(self) -> int | None:
        """Rows that come later have a greater one, while `source` is the same."""
        newest = self._size[0]
        # Rows of an earlier bronze may have greater batches than its successor. The reports number runs of their own.
        if self._taken is None or newest is None or self.declared is REPORTS:
            return newest
        return min(newest, self._taken)

    @property
    def rows(self) -> int:
        """How many there are."""
        return self._size[1]

    @cached_property
    def _frame(self) -> DataFrame:
        found = self._spark.read.format("delta").option("versionAsOf", self.version).load(self.uri)
        is_small = _size_bytes(found) <= _HELD_BYTES
        missing = [field for field in struct_of(self.declared) if field.name not in found.columns]
        for field in missing:  # a declaration gained it since the table was last written
            found = found.withColumn(field.name, F.lit(None).cast(field.dataType))
        return found.persist() if is_small else found

    @cached_property
    def _size(self) -> tuple[int | None, int]:
        has_batch = any(column.name == "batch" for column in self.declared.columns)
        if can_read_files(self.uri):
            return newest_batch_in(self.dataset) if has_batch else None, int(self._files.count())
        newest = F.coalesce(F.max("batch"), F.lit(0)) if has_batch else F.lit(None)
        batch, rows = self.frame.agg(newest, F.count("*")).first()
        return batch, rows

    def forget(self) -> None:
        """Lets go of what is held in memory."""
        with self._once:
            if "_frame" in self.__dict__:
                self._frame.unpersist()


class InputTables:
    """The inputs of one run as they are when first asked for."""

    def __init__(self, spark: SparkSession, lake: LakeRoot) -> None:
        self._spark = spark
        self._lake = lake
        self._seen: dict[str, Input] = {}
        self._looking: defaultdict[str, Lock] = defaultdict(Lock)

    def look(self, name: str) -> Input:
        """The input of this name."""
        with self._looking[name]:
            if name not in self._seen:
                declared = declaration(name)
                self._seen[name] = Input(self._spark, self._lake.uri(declared.path), declared)
            return self._seen[name]

    def close(self) -> None:
        """Lets go of the inputs held in memory."""
        for name in list(self._seen):
            self.forget(name)

    def forget(self, name: str) -> None:
        """An input that was written has to be looked at anew."""
        if name in self._seen:
            self._seen.pop(name).forget()


def declaration(name: str) -> Table | Derived:
    """What is declared of an input table. Raises KeyError for a name that no layer has."""
    if name == REPORTS.name:
        return REPORTS
    if name == BODIES:
        return lines_of(RawZone.SAFETY_REPORTS)
    if name in registry.BY_NAME:
        return registry.BY_NAME[name].declared
    return silver.BY_NAME[name]


def _size_bytes(frame: DataFrame) -> int:
    """Of the files of a table, as their log has it."""
    return int(str(frame._jdf.queryExecution().optimizedPlan().stats().sizeInBytes()))


def _keeps_rows(commit: Commit) -> bool:
    appends = commit.operation == "WRITE" and commit.parameters.get("mode") == "Append"
    merged = bool(commit.metadata) and bool(json.loads(commit.metadata).get(MERGED))
    return appends or merged or commit.operation in _KEEPS_ROWS


def _taken(commits: Iterable[Commit]) -> tuple[str | None, int | None]:
    """The bronze table, and the batch of it, that the newest commit of rows took in; None where none says so."""
    for commit in commits:
        if commit.operation in _WRITES_ROWS and commit.metadata:
            for source, batch in json.loads(commit.metadata).get("taken", {}).items():
                return source, int(batch)
    return None, None
