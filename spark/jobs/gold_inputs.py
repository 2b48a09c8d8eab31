"""The tables that gold reads, each looked at once in a run and held in memory where it is small."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Final

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.names import UPKEEP_OPERATIONS
from spark.gold import registry
from spark.gold.safety_reports import REPORTS
from spark.jobs.commits import newest_change, readable_from, recent
from spark.jobs.tables import open_declared
from spark.paths import LakeRoot
from spark.schemas import silver
from spark.schemas.columns import Derived, Table

_KEEPS_ROWS: Final = ("MERGE", "ADD COLUMNS", *UPKEEP_OPERATIONS)
"""Operations after which the rows that changed are those of a newer batch; so they are after an append."""
_WRITES_ROWS: Final = ("MERGE", "WRITE")
_HELD_BYTES: Final = 256 * 1024 * 1024
"""An input up to this size is kept in memory: several tables read it, most of them more than once."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input of `rows` rows as it is now. `frame` is pinned to `version`: what is recorded is what was read."""

    id: str
    version: int
    written: int
    """The version that last changed rows: what was read since then is what would be read now."""
    remade: int
    """The version of the newest commit that may have changed rows of any batch; one before the oldest that is known."""
    readable_from: int
    """The oldest version that can still be read."""
    batch: int | None
    """Rows that come later have a greater one, while `source` is the same."""
    source: str | None
    """The bronze table that the rows were last taken from: one that was made anew counts its batches from 1 again."""
    rows: int
    uri: str
    frame: DataFrame


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
                self._seen[name] = self._open(declaration(name))
            return self._seen[name]

    def _open(self, declared: Table | Derived) -> Input:
        uri = self._lake.uri(declared.path)
        table = open_declared(self._spark, uri, declared)[0]
        commits = recent(table)
        version = int(commits[0]["version"])
        remade = next((row["version"] for row in commits if not _keeps_rows(row)), commits[-1]["version"] - 1)
        detail = table.detail().select("id", "sizeInBytes").first()
        frame = self.read(uri, version)
        if detail["sizeInBytes"] <= _HELD_BYTES:
            frame = frame.persist()
        newest = F.coalesce(F.max("batch"), F.lit(0)) if "batch" in frame.columns else F.lit(None)
        batch, rows = frame.agg(newest, F.count("*")).first()
        source, taken = _taken(commits)
        # Rows of an earlier bronze may have greater batches than its successor. The reports number runs of their own.
        if taken is not None and batch is not None and declared is not REPORTS:
            batch = min(batch, taken)
        return Input(
            id=str(detail["id"]),
            version=version,
            written=newest_change(commits),
            remade=int(remade),
            readable_from=readable_from(commits, time.time()),
            batch=batch,
            source=source,
            rows=rows,
            uri=uri,
            frame=frame,
        )

    def close(self) -> None:
        """Lets go of the inputs held in memory."""
        for name in list(self._seen):
            self.forget(name)

    def forget(self, name: str) -> None:
        """An input that was written has to be looked at anew."""
        if name in self._seen:
            self._seen.pop(name).frame.unpersist()

    def read(self, uri: str, version: int) -> DataFrame:
        """A table as it was."""
        return self._spark.read.format("delta").option("versionAsOf", version).load(uri)


def declaration(name: str) -> Table | Derived:
    """What is declared of an input table. Raises KeyError for a name that no layer has."""
    if name == REPORTS.name:
        return REPORTS
    if name in registry.BY_NAME:
        return registry.BY_NAME[name].declared
    return silver.BY_NAME[name]


def _keeps_rows(commit: Row) -> bool:
    appends = commit["operation"] == "WRITE" and commit["operationParameters"].get("mode") == "Append"
    return appends or commit["operation"] in _KEEPS_ROWS


def _taken(commits: Iterable[Row]) -> tuple[str | None, int | None]:
    """The bronze table, and the batch of it, that the newest commit of rows took in; None where none says so."""
    for commit in commits:
        if commit["operation"] in _WRITES_ROWS and commit["userMetadata"]:
            for source, batch in json.loads(commit["userMetadata"]).get("taken", {}).items():
                return source, int(batch)
    return None, None
