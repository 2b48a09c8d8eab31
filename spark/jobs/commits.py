"""What the newest commits of a Delta table say, read from its log as files: a query of Spark takes longer than the work.

Upkeep commits too, but leaves every row: whoever follows a table looks past it. The files that it replaced are removed
after a retention, https://docs.delta.io/latest/delta-utility.html#remove-files-no-longer-referenced-by-a-delta-table.
The log: https://github.com/delta-io/delta/blob/v4.0.0/PROTOCOL.md#delta-log-entries
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from shared.names import UPKEEP_OPERATIONS

RETENTION: Final = timedelta(days=7)
"""How far back a table can be read as it was: what left it longer ago is removed."""
_KNOWN_COMMITS: Final = 50
_MARGIN: Final = timedelta(days=1)
"""A run reads what it decided to read some time later, when upkeep may be at work."""
MERGED: Final = "merged"
"""In the metadata of an overwrite: only rows of a newer batch are other ones, as after a MERGE."""
_MAKE_ONLY: Final = ("CREATE TABLE", "ADD COLUMNS", "CHANGE COLUMN", "CHANGE COLUMNS", "SET TBLPROPERTIES")
"""Operations that write no row."""
_COMMIT_FILE: Final = re.compile(r"(\d{20})\.json")
_LOCAL: Final = "file:"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as it tells of itself; `at` is in seconds since 1970."""

    version: int
    operation: str
    at: float = 0.0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    metadata: str = ""


class TableLog:
    """The log of the Delta table at a URI as it was when it was first asked; where `exists` is false there is none."""

    def __init__(self, spark: SparkSession, uri: str) -> None:
        self._spark = spark
        self._uri = uri

    @cached_property
    def id(self) -> str:
        """The identity that Delta gave the table when it was made: a table made anew has another."""
        for line in self._lines(0, "metaData") if 0 in self._files else ():
            if "metaData" in line:
                return str(line["metaData"]["id"])
        found = DeltaTable.forPath(self._spark, self._uri).detail().select("id").first()
        return str(found["id"])

    @property
    def exists(self) -> bool:
        """Whether there is a table."""
        return bool(self._files)

    @property
    def version(self) -> int:
        """The newest version."""
        return max(self._files)

    def recent(self) -> list[Commit]:
        """The newest commits that are known, newest first."""
        return list(islice(self.commits(), _KNOWN_COMMITS))

    def has_rows(self) -> bool:
        """Whether rows were ever written, as far as is known."""
        return 0 not in self._files or any(each.operation not in _MAKE_ONLY for each in self.commits())

    def added_since(self, version: int) -> frozenset[str] | None:
        """The files, below the table's folder, that came after a version and are there; None where the log has not all."""
        found: set[str] = set()
        for number in range(version + 1, self.version + 1):
            if number not in self._files:
                return None
            for action in self._lines(number, "add", "remove"):
                if "remove" in action:
                    found.discard(unquote(action["remove"]["path"]))
                elif "add" in action:
                    found.add(unquote(action["add"]["path"]))
        return frozenset(found)

    def commits(self) -> Iterator[Commit]:
        """Newest first."""
        for version in sorted(self._files, reverse=True):
            found = (
                line["commitInfo"] for line in self._lines(version, "commitInfo") if "commitInfo" in line
            )
            info: dict[str, Any] = next(found, {})
            yield Commit(
                version,
                str(info.get("operation", "")),
                self._files[version][0],
                info.get("operationParameters") or {},
                info.get("operationMetrics") or {},
                info.get("userMetadata") or "",
            )

    @cached_property
    def _files(self) -> dict[int, tuple[float, str]]:
        """By version: when it was written, and the file."""
        listed = self._list()
        named = ((_COMMIT_FILE.fullmatch(path.rpartition("/")[2]), at, path) for path, at in listed)
        return {int(match[1]): (at, path) for match, at, path in named if match}

    def _list(self) -> Iterator[tuple[str, float]]:
        folder = f"{self._uri}/_delta_log"
        if self._uri.startswith(_LOCAL):
            for each in Path(folder.removeprefix(_LOCAL)).glob("*.json"):
                yield str(each), each.stat().st_mtime
            return
        system, path = self._opened(folder)
        for status in system.listStatus(path) if system.exists(path) else ():
            yield str(status.getPath().toString()), status.getModificationTime() / 1000

    def _lines(self, version: int, *about: str) -> Iterator[dict[str, Any]]:
        """The actions of a commit; those alone in which one of the words stands, if any are given."""
        _, name = self._files[version]
        lines = (line for line in self._read(name).splitlines() if line)
        return (json.loads(line) for line in lines if not about or any(word in line for word in about))

    def _read(self, name: str) -> str:
        if self._uri.startswith(_LOCAL):
            return Path(name).read_text("utf-8")
        system, path = self._opened(name)
        stream = system.open(path)
        try:
            return str(self._spark._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
        finally:
            stream.close()

    def _opened(self, name: str) -> tuple[Any, Any]:
        jvm: Any = self._spark._jvm
        path = jvm.org.apache.hadoop.fs.Path(name)
        return path.getFileSystem(self._spark._jsparkSession.sessionState().newHadoopConf()), path


def newest_change(commits: Sequence[Commit]) -> int:
    """The version that last changed rows; one before the oldest commit where all that are known were upkeep."""
    changes = (each.version for each in commits if each.operation not in UPKEEP_OPERATIONS)
    return next(changes, commits[-1].version - 1)


def readable_from(commits: Sequence[Commit], now: float) -> int:
    """The oldest version whose files are certainly there: the one that stood when the retention began.

    Of all known commits being younger it is the one before them, whatever was before that.
    """
    begin = now - (RETENTION - _MARGIN).total_seconds()
    before = (each.version for each in commits if each.at <= begin)
    return next(before, commits[-1].version - 1)
