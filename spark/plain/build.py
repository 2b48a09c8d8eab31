"""Raw to the silver tables in one Python process: everything that was landed, anew each time.

For a laptop's lake without Java: all current resources of one type are held in memory. The tables are those of the Spark
jobs, column for column, so that a later Spark run goes on from them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.domain.fhir.admission import ValidationModes
from shared.names import Zone
from spark.jobs.report import TableReport
from spark.plain.arrow_types import arrow_schema
from spark.plain.current import VERSION_KEY, keep_newest, table_rows
from spark.schemas.columns import Derived, Table
from spark.schemas.derived import SET_ASIDE, VERSIONS
from spark.schemas.silver import SILVER
from spark.transforms.expand_files import PROBLEM, RESOURCE, rows_of_files
from spark.transforms.expand_lines import BatchContext, Row, Validate


def build(
    lake: Path,
    validate: Validate,
    modes: ValidationModes = ValidationModes(),  # noqa: B008 - frozen
) -> Iterator[TableReport]:
    """Every silver table of one row a resource, the versions, and what was set aside; reports are of those with rows."""
    from spark.plain.empty_tables import make_missing

    started = time.monotonic()
    newest: dict[str, dict[tuple[str, str], Row]] = {}
    versions: dict[tuple[Any, ...], Row] = {}
    aside: list[Row] = []
    for row in _rows(lake, validate, modes):
        if row["kind"] == PROBLEM:
            aside.append(row | {"layer": "raw"})
        elif row["kind"] == RESOURCE:
            versions.setdefault(tuple(row[name] for name in VERSION_KEY), row)
            keep_newest(newest.setdefault(row["type"], {}), row)
    for table in SILVER:
        if table.type in newest:
            yield _table(lake, table, list(newest.pop(table.type).values()), versions.values(), aside)
    make_missing(lake, SILVER)
    yield _write(lake, VERSIONS, list(versions.values()), started)
    if aside:
        yield _write(lake, SET_ASIDE, aside, started)


def _rows(lake: Path, validate: Validate, modes: ValidationModes) -> Iterator[Row]:
    root = str(lake / Zone.RAW)
    files = sorted((lake / Zone.RAW).rglob("*.ndjson.gz"))
    context = BatchContext(root, 1, datetime.now(UTC), modes)
    return rows_of_files(((str(file), file.read_bytes()) for file in files), context, validate)


def _table(
    lake: Path, table: Table, resources: list[Row], versions: Iterable[Row], aside: list[Row]
) -> TableReport:
    started = time.monotonic()
    rows, refused = table_rows(table, resources, versions)
    aside += [each | {"layer": "silver"} for each in refused]
    report = _write(lake, table, rows, started)
    notes = (f"{len(refused)} set aside",) if refused else ()
    return TableReport(report.table, report.rows, report.total, report.seconds, notes)


def _write(lake: Path, table: Table | Derived, rows: list[Row], started: float) -> TableReport:
    """The table's rows become these, in one commit."""
    import pyarrow as pa
    from deltalake import write_deltalake

    schema = arrow_schema(table)
    names = schema.names
    batch = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], schema=schema)
    folder = lake / table.path
    folder.mkdir(parents=True, exist_ok=True)
    write_deltalake(folder, batch, mode="overwrite", schema_mode="overwrite", description=table.comment)
    return TableReport(table.path, len(rows), len(rows), time.monotonic() - started)
