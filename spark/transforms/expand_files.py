"""A raw file as rows of bronze: resources, lines of a stream, what it came to, and what had to be set aside, in one pass."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from shared.domain.ingest.chain import MAX_FILE_BYTES
from shared.domain.ingest.raw_line import gunzip_bounded
from shared.errors import InputError, TooLarge
from shared.names import RawZone
from spark.transforms.expand_lines import BatchContext, Row, Validate, lake_path, line_of, rows_of_line

RESOURCE: Final = "resource"
LINE: Final = "line"
FILE: Final = "file"
PROBLEM: Final = "problem"
STREAM_ZONES: Final = tuple(
    str(zone) for zone in RawZone if zone not in (RawZone.PATIENT_RECORDS, RawZone.COMMITS)
)
"""Zones whose lines have a bronze table of their own, as they landed."""
JUDGED_ZONES: Final = (
    RawZone.PATIENT_RECORDS,
    RawZone.VITAL_SIGNS,
    RawZone.SAFETY_REPORTS,
    RawZone.COMMITS,
)
"""Zones whose lines are resources, become resources, or are judged as reports."""
_LINE_COLUMNS: Final = ("stream", "key", "content_type", "sha256", "body", "body_b64")


def rows_of_files(
    files: Iterable[tuple[str, bytes]], context: BatchContext, validate: Validate
) -> Iterator[Row]:
    """The rows of (URI, content) pairs, in order; the row of the file itself comes last. Never raises for its content."""
    for uri, content in files:
        yield from _rows_of_file(lake_path(uri, context.raw_root_uri), content, context, validate)


def _rows_of_file(path: str, content: bytes, context: BatchContext, validate: Validate) -> Iterator[Row]:
    about = context.about(path)
    try:
        lines = gunzip_bounded(content, MAX_FILE_BYTES).split(b"\n")
    except (ValueError, TooLarge, zlib.error, EOFError) as damaged:
        reason = "the file is too large" if isinstance(damaged, TooLarge) else f"{damaged}"
        yield about | {"kind": PROBLEM, "reason": f"raw file: {reason}"}
        yield about | {"kind": FILE, "problems": 1}
        return
    if lines == [b""]:
        yield about | {"kind": PROBLEM, "reason": "raw file: it is empty"}
    tally: Counter[str] = Counter()
    last: int | None = None
    for text in filter(None, lines):
        tally["lines"] += 1
        try:
            line, shared = line_of(text, path, context)
        except (InputError, ValueError, KeyError, TypeError):
            # The evidence itself was changed or cut: nothing of the line can be trusted, its neighbours can.
            last, tally["problems"] = None, tally["problems"] + 1
            yield about | {"kind": PROBLEM, "reason": "raw line: it is not what was landed"}
            continue
        last = shared["sequence"]
        for row in _rows_of_line(line, shared, context, validate):
            tally["resources"] += row["kind"] == RESOURCE
            tally["problems"] += row["kind"] == PROBLEM
            yield row
    counted = {name: tally[name] for name in ("lines", "resources", "problems")}
    yield about | counted | {"kind": FILE, "last_sequence": last}


def _rows_of_line(line: Row, shared: Row, context: BatchContext, validate: Validate) -> Iterator[Row]:
    if shared["zone"] in STREAM_ZONES:
        yield shared | {"kind": LINE} | {name: line.get(name) for name in _LINE_COLUMNS}
    if shared["zone"] not in JUDGED_ZONES:
        return
    try:
        resources, problems = rows_of_line(line, shared, context, validate)
    except (InputError, ValueError, KeyError, TypeError, AttributeError):
        yield shared | {"kind": PROBLEM, "reason": "raw line: its content cannot be read"}
        return
    yield from (resource | {"kind": RESOURCE} for resource in resources)
    yield from (shared | {"kind": PROBLEM, "reason": problem} for problem in problems)


def as_pairs(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """Spark's `binaryFile` rows as (URI, content)."""
    for row in rows:
        yield row["path"], row["content"]
