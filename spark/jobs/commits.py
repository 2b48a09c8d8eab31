"""What the newest commits of a table say: which of them changed rows, and how far back it can be read as it was.

Upkeep commits too, but leaves every row: whoever follows a table looks past it. The files that it replaced are removed
after a retention, https://docs.delta.io/latest/delta-utility.html#remove-files-no-longer-referenced-by-a-delta-table
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from delta.tables import DeltaTable
from pyspark.sql import Row
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.names import UPKEEP_OPERATIONS

RETENTION: Final = timedelta(days=7)
"""How far back a table can be read as it was: what left it longer ago is removed."""
_KNOWN_COMMITS: Final = 50
_MARGIN: Final = timedelta(days=1)
"""A run reads what it decided to read some time later, when upkeep may be at work."""


def recent(table: DeltaTable) -> list[Row]:
    """The newest commits, newest first: their columns of Delta's history, and `at` in seconds since 1970."""
    at = F.unix_seconds("timestamp").alias("at")
    said = ("version", "operation", "operationParameters", "userMetadata")
    return list(table.history(_KNOWN_COMMITS).select(*said, at).collect())


def newest_change(commits: Sequence[Row]) -> int:
    """The version that last changed rows; one before the oldest commit where all that are known were upkeep."""
    changes = (row["version"] for row in commits if row["operation"] not in UPKEEP_OPERATIONS)
    return int(next(changes, commits[-1]["version"] - 1))


def readable_from(commits: Sequence[Row], now: float) -> int:
    """The oldest version whose files are certainly there: the one that stood when the retention began.

    Of all known commits being younger it is the one before them, whatever was before that.
    """
    begin = now - (RETENTION - _MARGIN).total_seconds()
    before = (row["version"] for row in commits if row["at"] <= begin)
    return int(next(before, commits[-1]["version"] - 1))
