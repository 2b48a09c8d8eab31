"""Raw to bronze for adverse event reports: each raw file exactly once, because a run's files and rows are one commit."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.domain.fhir.json import decode_object
from shared.errors import InputError
from shared.names import RawZone, Zone
from spark.gold.safety_reports import REPORTS
from spark.jobs.context import RunContext
from spark.jobs.report import TableReport
from spark.jobs.tables import open_declared
from spark.measures.adverse_events import report_version
from spark.paths import LakeRoot
from spark.schemas.struct import struct_of
from spark.transforms.arrow import map_rows
from spark.transforms.expand_lines import instant, lake_path

FOLDER: Final = f"{Zone.RAW}/{RawZone.SAFETY_REPORTS}"


def rows_of_line(text: str, path: str, batch: int) -> Iterator[dict[str, Any]]:
    """The row of one raw line; none of a body that is no report with a number, which the door had set aside.

    Raises ValueError where the line itself is not one that was landed: the evidence is damaged.
    """
    try:
        line = decode_object(text)
    except InputError:
        message = f"integrity: a line of {path} is not a JSON object; the landed file was changed or cut"
        raise ValueError(message) from None
    try:
        report = decode_object(line.get("body") or "")
    except InputError:
        return
    number = report.get("safetyreportid")
    if isinstance(number, str) and number.strip():
        version, received = report_version(report)
        yield {
            "tenant": line["tenant"],
            "report_id": number.strip(),
            "report_version": version,
            "received": received,
            "body": line["body"],
            "raw_path": path,
            "sequence": line.get("sequence") or 0,
            "landed_at": instant(line.get("landed_at")),
            "batch": batch,
        }


def run(context: RunContext) -> Iterator[TableReport]:
    """The job as the graph starts it."""
    yield run_safety_reports(context.spark, context.lake)


def run_safety_reports(spark: SparkSession, lake: LakeRoot) -> TableReport:
    """Takes in every raw file that the table does not know."""
    started = time.monotonic()
    uri = lake.uri(REPORTS.path)
    table, _ = open_declared(spark, uri, REPORTS)
    known = table.toDF()
    taken = {row["raw_path"] for row in known.select("raw_path").distinct().collect()}
    before, batch = known.agg(F.count("*"), F.coalesce(F.max("batch"), F.lit(0)) + 1).first()
    waiting = [path for path in _landed(spark, lake) if path not in taken]
    if waiting:
        raw = lake.uri(Zone.RAW)

        def expand(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
            for row in rows:
                if row["value"]:
                    yield from rows_of_line(row["value"], lake_path(row["uri"], raw), int(batch))

        lines = spark.read.option("lineSep", "\n").text([lake.uri(path) for path in waiting])
        named = lines.select("value", F.col("_metadata.file_path").alias("uri"))
        map_rows(named, expand, struct_of(REPORTS)).write.format("delta").mode("append").save(uri)
    total = spark.read.format("delta").load(uri).count()
    return TableReport(REPORTS.path, total - before, total, time.monotonic() - started)


def _landed(spark: SparkSession, lake: LakeRoot) -> list[str]:
    if lake.is_local and not (Path(lake.root) / FOLDER).is_dir():
        return []
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    found = files.option("pathGlobFilter", "*.ndjson.gz").load(lake.uri(FOLDER)).select("path").collect()
    return sorted(lake_path(row["path"], lake.uri(Zone.RAW)) for row in found)
