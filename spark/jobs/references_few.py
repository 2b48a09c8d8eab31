"""References to what is not on record, read from the files of a lake in a folder: `references` without Spark's plans."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, write_deltalake

from spark.jobs.context import RunContext
from spark.jobs.folder_files import keep
from spark.jobs.folder_tables import found_folder, keys_of, open_folder, rows_of
from spark.jobs.report import TableReport
from spark.plain.arrow_types import arrow_schema
from spark.schemas.columns import Field, Rule, Table
from spark.schemas.derived import UNRESOLVED_REFERENCES, VERSIONS
from spark.schemas.silver import SILVER

MOST_VERSIONS = 1_000_000
"""Of a lake with more the references are looked up by Spark."""
_KEY_ENDS: Final = "\x1f"
"""Between tenant and id: no id of FHIR has it."""


def references_few(context: RunContext) -> TableReport | None:
    """Lists them anew; None where Spark is to do it."""
    started = time.monotonic()
    versions = found_folder(context, VERSIONS.path) if context.by_files else None
    if versions is None or versions.count() > MOST_VERSIONS:
        return None
    known = _Known(versions)
    parts = [part for table in SILVER for part in _unresolved(context, table, known)]
    schema = pa.schema([field.remove_metadata() for field in arrow_schema(UNRESOLVED_REFERENCES)])
    rows = pa.concat_tables([schema.empty_table(), *parts])
    context.on_phase("list unresolved references")
    target = open_folder(context, UNRESOLVED_REFERENCES)[0]
    once = CommitProperties(max_commit_retries=0)
    write_deltalake(target, rows, mode="overwrite", commit_properties=once)
    keep(target)
    counted = Counter(keys_of(rows, ("type", "element", "problem")))
    return TableReport(
        UNRESOLVED_REFERENCES.path, len(rows), len(rows), time.monotonic() - started, noted(counted)
    )


def noted(counted: Counter[tuple[str, str, str]]) -> tuple[str, ...]:
    """How many references of each element lead nowhere, in words."""
    return tuple(
        f"{count} {problem}: {type_}.{element}"
        for (type_, element, problem), count in sorted(counted.items())
    )


class _Known:
    """What is on record, by type."""

    def __init__(self, versions: DeltaTable) -> None:
        self._versions = rows_of(
            versions, ("tenant", "type", "id", "source_version", "content_hash", "deleted")
        )
        self._of: dict[str, tuple[pa.Array, pa.Array]] = {}

    def of(self, type_: str) -> tuple[pa.Array, pa.Array]:
        """The keys of all resources of the type, and of those whose newest version is no deletion."""
        if type_ not in self._of:
            mine = self._versions.filter(pc.equal(self._versions["type"], type_))
            mine = mine.append_column("key", _keys(mine["tenant"], mine["id"]))
            in_order = mine.sort_by([("source_version", "ascending"), ("content_hash", "ascending")])
            newest = in_order.group_by("key", use_threads=False).aggregate([("deleted", "last")])
            live = newest.filter(pc.invert(newest["deleted_last"]))
            self._of[type_] = newest["key"].combine_chunks(), live["key"].combine_chunks()
        return self._of[type_]


def _unresolved(context: RunContext, table: Table, known: _Known) -> Iterator[pa.Table]:
    folder = found_folder(context, table.path) if table.references else None
    if folder is None:
        return
    has = {field.name for field in folder.schema().fields}
    fields = [field for field in table.references if field.name in has]
    rows = rows_of(folder, ["tenant", "id", *(field.name for field in fields)], ~pc.field("deleted"))
    for field in fields:
        tenants, ids, targets = _targets(rows, field)
        everything, live = known.of(str(field.target))
        keys = _keys(tenants, targets)
        nowhere = pc.invert(pc.is_in(keys, value_set=live))
        if not pc.any(nowhere).as_py():
            continue
        found = pa.table({"tenant": tenants, "id": ids, "target_id": targets, "key": keys}).filter(nowhere)
        gone = pc.is_in(found["key"], value_set=everything)
        said = {"type": table.type, "element": field.name, "target_type": field.target}
        yield pa.table(
            {name: found[name] for name in ("tenant", "id", "target_id")}
            | {name: pa.repeat(pa.scalar(value, pa.string()), len(found)) for name, value in said.items()}
            | {"problem": pc.if_else(gone, "deleted", "missing")}
        ).select([column.name for column in UNRESOLVED_REFERENCES.columns])


def _targets(rows: pa.Table, field: Field) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Tenant, id and target of each reference, one row each."""
    targets = rows[field.name].combine_chunks()
    if field.rule is Rule.TEXTS:
        rows, targets = rows.take(pc.list_parent_indices(targets)), pc.list_flatten(targets)
    some = pc.is_valid(targets)
    return rows["tenant"].filter(some), rows["id"].filter(some), targets.filter(some)


def _keys(tenants: pa.Array, ids: pa.Array) -> pa.Array:
    """Tenant and id in one text, by which whole columns are looked up at once."""
    return pc.binary_join_element_wise(tenants, ids, _KEY_ENDS)
