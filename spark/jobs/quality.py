"""The expectations of a layer, judged; a critical one that fails stops what comes after.

Rows that broke a critical expectation are set aside by their keys, where the expectation is about single rows. In a lake
that is a folder a run judges what is new since the expectations were last met (`spark.jobs.judged`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from shared.names import Zone
from spark.jobs.commits import TableLog
from spark.jobs.context import AT_A_TIME, RunContext
from spark.jobs.judged import Scope, all_met, marks_of, metadata_of, scope_of
from spark.jobs.report import TableReport
from spark.jobs.set_aside import set_aside
from spark.jobs.stops import PromotionStopped
from spark.jobs.tables import open_declared, row_count
from spark.quality.rows import rows_of
from spark.quality.runner import Expectations, Finding
from spark.quality.suites import SUITES, UNIQUE, Check
from spark.schemas.derived import QUALITY_RESULTS
from spark.schemas.struct import struct_of


def run(
    context: RunContext, layer: str, suites: Mapping[str, Sequence[Check]] = SUITES
) -> Iterator[TableReport]:
    """Judges the tables of the layer that exist. Raises PromotionStopped after the results are written."""
    started = time.monotonic()
    before = marks_of(context, layer)
    scopes: list[Scope] = []
    for path, checks in groupby(sorted(suites[layer], key=_path), key=_path):
        if TableLog(context.spark, context.lake.uri(path)).exists:
            scopes.append(scope_of(context, path, tuple(checks), before.get(path)))
    by_table = _screened(context, scopes)
    if by_table is None:
        by_table = _by_expectations(context, layer, scopes)
    findings = [each for found in by_table.values() for each in found]
    met = {each.path: each.mark for each in scopes if all_met(by_table.get(each.path, ()))}
    failed = [each for each in findings if not each.success]
    critical = [each for each in failed if each.check.critical]
    context.on_phase("write quality results")
    if findings or not before:
        _write(context, layer, findings, metadata_of(layer, met, len(critical)))
    for finding in critical:
        _quarantine(context, layer, finding)
    total = row_count(context.spark, context.lake.uri(QUALITY_RESULTS.path))
    notes = tuple(_words(each) for each in failed)
    yield TableReport(QUALITY_RESULTS.path, len(findings), total, time.monotonic() - started, notes)
    if critical:
        words = "; ".join(_words(each) for each in critical)
        raise PromotionStopped(f"promotion from {layer} stopped (P2): {words}")


def _screened(context: RunContext, scopes: Sequence[Scope]) -> dict[str, list[Finding]] | None:
    """By table that what is new in it meets its checks; None where Great Expectations is to judge the layer."""
    if not find_spec("duckdb") or any(each.new_files is None for each in scopes):
        return None
    import duckdb

    from spark.jobs.folder_files import dataset_at
    from spark.jobs.gold_small import connection
    from spark.quality.screen import screened

    def screen(scope: Scope) -> list[Finding] | None:
        rows = dataset_at(context.lake.uri(scope.path), scope.mark["version"])
        try:
            with connection() as own:
                return screened(own, rows, scope.new_files or frozenset(), scope.checks)
        except duckdb.Error:  # it says nothing of the rows: they are judged
            return None

    found: dict[str, list[Finding]] = {}
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        new = [each for each in scopes if each.new_files]
        for scope, findings in zip(new, pool.map(screen, new), strict=True):
            if findings is None:
                return None
            found[scope.path] = findings
    return found


def _by_expectations(context: RunContext, layer: str, scopes: Sequence[Scope]) -> dict[str, list[Finding]]:
    """By table what Great Expectations finds; Data Docs are written."""
    docs = Path(context.lake.root) / Zone.AUDIT / "data-docs" / layer if context.lake.is_local else None
    expectations = Expectations(docs)
    found = {
        each.path: expectations.judge(each.path, partial(rows_of, context, each.path), each.checks)
        for each in scopes
    }
    expectations.write_docs()
    return found


bronze: Final = partial(run, layer="bronze")
silver: Final = partial(run, layer="silver")
gold: Final = partial(run, layer="gold")


def _path(check: Check) -> str:
    return check.path


def _words(finding: Finding) -> str:
    check = finding.check
    how = "could not be evaluated" if finding.error else f"{finding.unexpected} of {finding.rows} rows"
    level = "critical" if check.critical else "warning"
    return f"{level}: {check.path} {check.expectation}({check.columns}): {how}"


def _write(context: RunContext, layer: str, findings: Sequence[Finding], said: str) -> None:
    now = datetime.now(UTC)
    rows = [
        (
            *(now, layer, each.check.path, each.check.expectation, each.check.columns, each.check.where),
            *(each.check.critical, each.success, each.rows, each.unexpected),
        )
        for each in findings
    ]
    if context.by_files:
        from deltalake import CommitProperties, write_deltalake

        from spark.jobs.folder_files import keep
        from spark.jobs.folder_tables import as_arrow, open_folder

        names = [column.name for column in QUALITY_RESULTS.columns]
        values = as_arrow(QUALITY_RESULTS, (dict(zip(names, row, strict=True)) for row in rows))
        target, properties = (
            open_folder(context, QUALITY_RESULTS)[0],
            CommitProperties({"userMetadata": said}),
        )
        write_deltalake(target, values, mode="append", commit_properties=properties)
        keep(target)
        return
    uri = context.lake.uri(QUALITY_RESULTS.path)
    open_declared(context.spark, uri, QUALITY_RESULTS)
    frame = context.spark.createDataFrame(rows, struct_of(QUALITY_RESULTS))
    frame.coalesce(1).write.format("delta").mode("append").option("userMetadata", said).save(uri)


def _quarantine(context: RunContext, layer: str, finding: Finding) -> None:
    """The rows that a critical expectation about a value or a key found wrong."""
    check = finding.check
    rows = context.read(check.path)
    wrong = _wrong(rows.where(check.where) if check.where else rows, check)
    if wrong is None or finding.error:
        return
    reason = f"expectation: {check.expectation}({check.columns})"
    named = wrong.withColumn("reason", F.lit(reason))
    typed = named if "type" in named.columns else named.withColumn("type", F.lit(check.path))
    set_aside(context, layer, typed)


def _wrong(rows: DataFrame, check: Check) -> DataFrame | None:
    column = check.arguments.get("column", "")
    if check.expectation == "ExpectColumnValuesToNotBeNull":
        return rows.where(F.col(column).isNull())
    if check.expectation == "ExpectColumnValuesToBeInSet":
        return rows.where(~F.col(column).isin(*check.arguments["value_set"]))
    if check.expectation == "ExpectColumnValuesToMatchRegex":
        return rows.where(~F.col(column).rlike(check.arguments["regex"]))
    if check.expectation == UNIQUE:
        key = list(check.arguments["column_list"])
        twice = rows.groupBy(*key).count().where("count > 1").drop("count")
        return rows.join(twice, key, "left_semi")
    return None
