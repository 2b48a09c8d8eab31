"""Bronze to bronze: the lines of the zone of adverse event reports become reports, those that the door took.

A line is judged by the check of the door, so that what was set aside there is set aside here. What was not seen is taken by
the number of its bronze batch, which is written with the rows: in one commit, or not at all.
"""

from __future__ import annotations

import binascii
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

from shared.domain.fhir.json import decode_object
from shared.domain.safety.report import check_report
from shared.errors import InputError
from shared.names import RawZone
from spark.gold.safety_reports import REPORTS, text_of
from spark.jobs.bronze import stream_path
from spark.jobs.changed_units import can_read_files, newest_batch
from spark.jobs.commits import TableLog
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.tables import Progress, open_declared, progress_of, row_count, said_of, set_progress
from spark.measures.adverse_events import report_version
from spark.schemas.struct import struct_of
from spark.transforms.arrow import map_rows

_READ: Final = ("tenant", "body", "body_b64", "raw_path", "sequence", "landed_at", "batch")


def reports_of(lines: Iterable[dict[str, Any]], batch: int) -> Iterator[dict[str, Any]]:
    """The rows of those lines that are reports; `batch` numbers the runs of this job."""
    for line in lines:
        try:
            report = decode_object(text_of(line))
        except (InputError, binascii.Error):
            continue
        landed_at = line["landed_at"]
        if check_report(report, landed_at.date() if landed_at else None):
            continue
        version, received = report_version(report)
        yield {
            "tenant": line["tenant"],
            "report_id": report["safetyreportid"].strip(),
            "report_version": version,
            "received": received,
            "batch": batch,
            **{name: line[name] for name in ("raw_path", "sequence", "landed_at")},
        }


def run(context: RunContext) -> Iterator[TableReport]:
    """The job as the graph starts it."""
    started = time.monotonic()
    uri = context.lake.uri(REPORTS.path)
    source = context.lake.uri(stream_path(RawZone.SAFETY_REPORTS))
    if context.by_files:
        from spark.jobs.folder_tables import declared_folder

        declared_folder(context, REPORTS)
    else:
        open_declared(context.spark, uri, REPORTS)
    before = row_count(context.spark, uri)
    if TableLog(context.spark, source).exists and not (context.by_files and _take_few(context, source, uri)):
        _take(context, source, uri)
    total = row_count(context.spark, uri)
    yield TableReport(
        REPORTS.path, total if context.full else total - before, total, time.monotonic() - started
    )


def _take(context: RunContext, source: str, uri: str) -> None:
    """New lines are appended; of a bronze that was made anew, or in a full run, the table is made anew."""
    log = TableLog(context.spark, source)
    done = 0 if context.full else progress_of(TableLog(context.spark, uri), log.id)
    if can_read_files(source) and newest_batch(source, log.version) <= done:
        return
    lines = context.spark.read.format("delta").load(source).select(*_READ)
    last = lines.agg({"batch": "max"}).first()[0]
    if last is None or last <= done:
        return
    # Bronze that was made anew counts its batches from 1 again; gold asks this table for what is new.
    found = context.read(REPORTS.path).agg({"batch": "max"}).first()
    batch = int(found[0] or 0) + 1

    def judged(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        return reports_of(rows, batch)

    rows = map_rows(lines.where(lines["batch"] > done), judged, struct_of(REPORTS))
    set_progress(context.spark, Progress(log.id, int(last)))
    try:
        rows.write.format("delta").mode("append" if done else "overwrite").save(uri)
    finally:
        set_progress(context.spark, None)


def _take_few(context: RunContext, source: str, uri: str) -> bool:
    """`_take` of few new lines in a folder, without Spark; False where they are more."""
    import pyarrow.compute as pc
    from deltalake import CommitProperties, write_deltalake

    from spark.jobs.folder_files import keep
    from spark.jobs.folder_tables import as_arrow, count_of, found_folder, open_folder, rows_of
    from spark.jobs.silver_few import MOST_LETTERS

    log = TableLog(context.spark, source)
    done = progress_of(TableLog(context.spark, uri), log.id)
    lines = found_folder(context, stream_path(RawZone.SAFETY_REPORTS))
    is_new = pc.field("batch") > done
    if lines is None or count_of(lines, is_new) > context.few:
        return False
    new = rows_of(lines, _READ, is_new)
    if not len(new):
        return True
    if (pc.sum(pc.utf8_length(new["body"])).as_py() or 0) > MOST_LETTERS:
        return False
    target = open_folder(context, REPORTS)[0]
    found = reports_of(new.to_pylist(), newest_batch(uri, target.version()) + 1)
    said = {"userMetadata": said_of(Progress(log.id, int(pc.max(new["batch"]).as_py())))}
    write_deltalake(
        target,
        as_arrow(REPORTS, found),
        mode="append" if done else "overwrite",
        commit_properties=CommitProperties(said, max_commit_retries=0),
    )
    keep(target)
    return True
