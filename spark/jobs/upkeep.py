"""Upkeep of every Delta table: small files compacted in the order people filter by, old files removed, comments kept true.

Rows stay as they are, and readers that follow a table look past these commits (`spark/jobs/commits.py`).
https://docs.delta.io/latest/optimizations-oss.html and https://docs.delta.io/latest/delta-utility.html
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from delta.exceptions import DeltaConcurrentModificationException
from delta.tables import DeltaTable

from shared.names import UPKEEP_OPERATIONS
from spark.jobs.commits import RETENTION, Commit, TableLog
from spark.jobs.context import AT_A_TIME, RunContext
from spark.jobs.report import TableReport
from spark.jobs.tables import row_count
from spark.schemas.bronze import DAY
from spark.schemas.catalogue import classification_of, declared
from spark.schemas.columns import Derived, Table
from spark.schemas.struct import struct_of

CLASSIFICATION: Final = "galen.classification"
_PATIENT: Final = "patient_id"
_VACUUM: Final = ("VACUUM START", "VACUUM END")
_MOST_COLUMNS: Final = 3
"""Each further column of a Z-order takes from what the others skip."""
_COUNTED: Final = 32
"""Delta keeps the least and greatest values of the first columns only: by others nothing could be skipped."""
_SKIPPING: Final = ("STRING", "DATE", "TIMESTAMP", "DOUBLE", "INT", "BIGINT")
_DAY_OF_FILE: Final = re.compile(rf"/{DAY}=(\d{{4}}-\d\d-\d\d)/")


def run(context: RunContext, chosen: Sequence[Table | Derived] = ()) -> Iterator[TableReport]:
    """Each table that exists, or those chosen; with `full` those too that were not written to since the last upkeep."""

    def keep_up(table: Table | Derived) -> TableReport:
        started = time.monotonic()
        found = DeltaTable.forPath(context.spark, context.lake.uri(table.path))
        try:
            notes = _keep_up(context, table, found)
        except DeltaConcurrentModificationException:
            notes = ["another run was writing: left for the next upkeep"]
        total = row_count(context.spark, context.lake.uri(table.path))
        return TableReport(table.path, 0, total, time.monotonic() - started, tuple(notes))

    tables = [
        table
        for table in chosen or declared()
        if DeltaTable.isDeltaTable(context.spark, context.lake.uri(table.path))
    ]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield from pool.map(keep_up, tables)


def _keep_up(context: RunContext, table: Table | Derived, found: DeltaTable) -> list[str]:
    uri = context.lake.uri(table.path)
    commits = TableLog(context.spark, uri).recent()
    notes = _comments(context, table, found, uri)
    if context.full or was_written(commits):
        notes += _compact(table, found)
    if context.full or has_garbage(commits):
        hours = round(RETENTION.total_seconds() / 3600)
        context.spark.sql(f"VACUUM delta.`{uri}` RETAIN {hours} HOURS")
    return notes


def was_written(commits: Sequence[Commit]) -> bool:
    """Whether a write came after the last OPTIMIZE."""
    operations = (each.operation for each in commits)
    return (
        next((name for name in operations if name == "OPTIMIZE" or name not in UPKEEP_OPERATIONS), "")
        != "OPTIMIZE"
    )


def has_garbage(commits: Sequence[Commit]) -> bool:
    """Whether a file may be there that left the table: until a VACUUM came a retention after the last change."""
    vacuumed = next((each.at for each in commits if each.operation == "VACUUM END"), None)
    changed = next((each.at for each in commits if each.operation not in _VACUUM), None)
    return vacuumed is None or changed is None or vacuumed <= changed + RETENTION.total_seconds()


def order_of(table: Table | Derived) -> list[str]:
    """The columns of the Z-order: the patient, then the declared order; none for a table that has no key.

    A tenant tells too few rows apart to be worth a place, and a day is a partition.
    """
    counted = {column.name for column in table.columns[:_COUNTED] if column.ddl in _SKIPPING}
    wanted = dict.fromkeys((_PATIENT, *table.order) if table.order else ())
    return [name for name in wanted if name not in ("tenant", DAY) and name in counted][:_MOST_COLUMNS]


def _compact(table: Table | Derived, found: DeltaTable) -> list[str]:
    """Compacts what has more than one file: the table, or those of its days."""
    files = found.toDF().inputFiles()
    days = Counter(match[1] for match in map(_DAY_OF_FILE.search, files) if match)
    many = sorted(day for day, number in days.items() if number > 1)
    if (not many) if days else len(files) < 2:
        return []
    optimizer = found.optimize()
    if days:
        chosen = ", ".join(f"DATE'{day}'" for day in many)
        optimizer = optimizer.where(f"{DAY} IN ({chosen})")
    order = order_of(table)
    done = optimizer.executeZOrderBy(*order) if order else optimizer.executeCompaction()
    metrics = done.first()["metrics"]
    removed, added = int(metrics["numFilesRemoved"]), int(metrics["numFilesAdded"])
    return [f"{removed} files became {added}, by {', '.join(order) or 'size'}"] if removed else []


def _comments(context: RunContext, table: Table | Derived, found: DeltaTable, uri: str) -> list[str]:
    """Sets the comments and the classification that the declaration has and the table has not."""
    detail = found.detail().select("description", "properties").first()
    classification = classification_of(table)
    if detail["description"] != table.comment or detail["properties"].get(CLASSIFICATION) != classification:
        context.spark.sql(
            f"ALTER TABLE delta.`{uri}` SET TBLPROPERTIES"
            f" ('{CLASSIFICATION}' = '{classification}', 'comment' = '{_quoted(table.comment)}')"
        )
    has = {field.name: field.metadata.get("comment") for field in found.toDF().schema}
    changed = [
        f"`{field.name}` COMMENT '{_quoted(field.metadata['comment'])}'"
        for field in struct_of(table)
        if field.name in has and has[field.name] != field.metadata["comment"]
    ]
    if changed:
        context.spark.sql(f"ALTER TABLE delta.`{uri}` ALTER COLUMN {', '.join(changed)}")
    return [f"{len(changed)} comments renewed"] if changed else []


def _quoted(words: str) -> str:
    return words.replace("\\", "\\\\").replace("'", "\\'")
