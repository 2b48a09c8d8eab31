"""References to what is not on record, read from the files of a lake in a folder: `references` without Spark's plans."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, write_deltalake

from spark.jobs.context import RunContext
from spark.jobs.folder_tables import as_arrow, found_folder, keys_of, open_folder, rows_of
from spark.jobs.report import TableReport
from spark.schemas.columns import Field, Rule, Table
from spark.schemas.derived import UNRESOLVED_REFERENCES, VERSIONS
from spark.schemas.silver import SILVER
from spark.transforms.expand_lines import Row

MOST_VERSIONS = 1_000_000
"""Of a lake with more the references are looked up by Spark."""
_NEWEST = ("source_version", "content_hash", "deleted")
_TARGET = ("tenant", "type", "id")
Known = dict[tuple[str, str, str], bool]


def references_few(context: RunContext) -> TableReport | None:
    """Lists them anew; None where Spark is to do it."""
    started = time.monotonic()
    versions = found_folder(context, VERSIONS.path) if context.by_files else None
    if versions is None or versions.count() > MOST_VERSIONS:
        return None
    known = _known(versions)
    rows = [row for table in SILVER for row in _unresolved(context, table, known)]
    context.on_phase("list unresolved references")
    target = open_folder(context, UNRESOLVED_REFERENCES)[0]
    once = CommitProperties(max_commit_retries=0)
    write_deltalake(target, as_arrow(UNRESOLVED_REFERENCES, rows), mode="overwrite", commit_properties=once)
    counted = Counter((row["type"], row["element"], row["problem"]) for row in rows)
    return TableReport(
        UNRESOLVED_REFERENCES.path,
        len(rows),
        len(rows),
        time.monotonic() - started,
        noted(counted),
    )


def noted(counted: Counter[tuple[str, str, str]]) -> tuple[str, ...]:
    """How many references of each element lead nowhere, in words."""
    return tuple(
        f"{count} {problem}: {type_}.{element}"
        for (type_, element, problem), count in sorted(counted.items())
    )


def _known(versions: DeltaTable) -> Known:
    """By resource whether its newest version is a deletion."""
    found: dict[tuple[str, str, str], tuple[str, str, bool]] = {}
    rows = rows_of(versions, (*_TARGET, *_NEWEST))
    for key, newest in zip(keys_of(rows, _TARGET), keys_of(rows, _NEWEST), strict=True):
        if key not in found or newest > found[key]:
            found[key] = newest
    return {key: newest[-1] for key, newest in found.items()}


def _unresolved(context: RunContext, table: Table, known: Known) -> Iterator[Row]:
    folder = found_folder(context, table.path) if table.references else None
    if folder is None:
        return
    columns = [field.name for field in table.references]
    has = {field.name for field in folder.schema().fields}
    where = ~pc.field("deleted")
    rows = rows_of(folder, ["tenant", "id", *(name for name in columns if name in has)], where)
    for field in table.references:
        if field.name not in has:
            continue
        tenants_ids = keys_of(rows, ("tenant", "id"))
        for (tenant, id_), targets in zip(tenants_ids, _targets(rows, field), strict=True):
            for target in targets:
                key = (tenant, str(field.target), str(target))
                if target is not None and known.get(key, True):
                    yield {
                        "tenant": tenant,
                        "type": table.type,
                        "id": id_,
                        "element": field.name,
                        "target_type": field.target,
                        "target_id": target,
                        "problem": "deleted" if key in known else "missing",
                    }


def _targets(rows: pa.Table, field: Field) -> Iterator[list[str | None]]:
    for value in rows[field.name].to_pylist():
        yield (value or []) if field.rule is Rule.TEXTS else [value]
