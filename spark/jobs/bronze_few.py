"""What bronze does by the files alone where the lake is a folder: lists raw, reads the ledger, appends what few files hold.

The same batches under the same transaction numbers as by Spark: either goes on from the other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc

from shared.names import RawZone, Zone
from spark.jobs.context import RunContext
from spark.jobs.folder_tables import append_once, declared_folder, found_folder, open_folder, rows_of
from spark.jobs.set_aside import set_aside_few
from spark.schemas.bronze import DAY, FILES, KIND, LEDGER, RESOURCES, lines_of
from spark.schemas.columns import Derived
from spark.transforms.expand_files import FILE, LINE, PROBLEM, RESOURCE
from spark.transforms.expand_lines import Row

_NAME: Final = re.compile(r"(.*)/(\d+)\.ndjson\.gz")
_LONGEST: Final = 2**63 - 1
"""A sequence of Kinesis may be greater, and then says nothing about what comes before it."""


def landed_files(raw: Path) -> Iterator[tuple[str, int]]:
    """Path below the lake's root and size of each landed file. Hidden ones and parts of uploads are none."""
    for path in raw.rglob("*.ndjson.gz"):
        below = path.relative_to(raw)
        if path.is_file() and not any(part.startswith((".", "_")) for part in below.parts):
            yield f"{Zone.RAW}/{below.as_posix()}", path.stat().st_size


def ledger_rows(context: RunContext, table_id: str) -> list[Row]:
    """What the ledger has of this bronze table."""
    ledger = declared_folder(context, LEDGER)[0]
    return list(rows_of(ledger, None, pc.field("table_id") == table_id).to_pylist())


def unread_files(context: RunContext) -> set[str]:
    """The files that could not be read when they were taken."""
    files = found_folder(context, FILES.path)
    unread = pc.is_null(pc.field("lines"))
    return set(rows_of(files, ["raw_path"], unread)["raw_path"].to_pylist()) if files else set()


def add(context: RunContext, table: Derived, rows: Iterable[Row], app_id: str, batch: int) -> None:
    """Appends the rows of a batch, once."""
    days = DAY if any(column.name == DAY for column in table.columns) else None
    append_once(open_folder(context, table, partition_by=days)[0], table, rows, app_id, batch)


def add_few(context: RunContext, table_id: str, batch: int, rows: list[Row]) -> Counter[str]:
    """Appends the rows of raw files to their tables; returns rows by table, and by `! reason` those set aside."""
    of_kind = {kind: [row for row in rows if row[KIND] == kind] for kind in (RESOURCE, LINE, PROBLEM, FILE)}
    written: Counter[str] = Counter()
    context.on_phase("append resources")
    resources = sorted(of_kind[RESOURCE], key=lambda row: (row["type"], row["tenant"], row["id"]))
    add(context, RESOURCES, resources, f"raw-{table_id}", batch)
    written[RESOURCES.path] += len(resources)
    by_zone = sorted(of_kind[LINE], key=lambda row: str(row["zone"]))
    for zone, lines in groupby(by_zone, key=lambda row: str(row["zone"])):
        table, mine = lines_of(zone), list(lines)
        context.on_phase(f"append {zone}")
        add(context, table, mine, f"lines-{zone}-{table_id}", batch)
        written[table.path] += len(mine)
    context.on_phase("set raw lines aside")
    for reason, number in set_aside_few(context, "raw", of_kind[PROBLEM]).items():
        written[f"! {reason}"] += number
    context.on_phase("list files")
    add(context, FILES, of_kind[FILE], f"files-{table_id}", batch)
    return written


def missing(context: RunContext, reason: str) -> int:
    """Sets each hole of a chain aside by the chain's folder and the sequence that is missing; returns how many."""
    files = found_folder(context, FILES.path)
    rows = rows_of(files, ("raw_path", "last_sequence")).to_pylist() if files else []
    holes = [
        {"raw_path": folder, "sequence": sequence, "reason": reason} for folder, sequence in _holes(rows)
    ]
    return sum(set_aside_few(context, "raw", holes).values())


def _holes(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    """Folder and sequence of each file that is missing before one that is there."""
    chains: dict[str, dict[int | None, int | None]] = {}
    for row in rows:
        match = _NAME.fullmatch(row["raw_path"])
        if match is None or row["raw_path"].startswith(f"{Zone.RAW}/{RawZone.COMMITS}/"):
            continue
        start = int(match[2]) if int(match[2]) <= _LONGEST else None
        links = chains.setdefault(match[1], {})
        # A file that was put right is listed twice: what was read of it counts.
        ends = [each for each in (links.get(start), row["last_sequence"]) if each is not None]
        links[start] = max(ends, default=None)
    for folder, links in chains.items():
        end: int | None = 0 if "/files/t=" in folder else -1
        for start in sorted(links, key=lambda each: -1 if each is None else each):
            if start is not None and end is not None and start > end + 1:
                yield folder, end + 1
            end = links[start]
