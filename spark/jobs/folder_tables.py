"""Delta tables in a folder, made, read and written by deltalake: a plan of Spark takes seconds, however few rows there are.

A commit is made only as the version after the one that was read: where another run has written since then the rows are
looked at anew, so that two runs at once add nothing twice. Rows that replace others are written with the whole table,
while it is small; deltalake's own MERGE writes strings in a form that a filter of pyarrow does not take.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from spark.jobs.commits import MERGED
from spark.jobs.context import RunContext
from spark.jobs.folder_files import dataset_of, for_writing, found_in, keep
from spark.jobs.tables import LOCAL, open_declared
from spark.plain.arrow_types import arrow_schema
from spark.plain.empty_tables import made_folder
from spark.schemas.columns import Derived, Table
from spark.schemas.struct import struct_of
from spark.transforms.expand_lines import Row

_TRIES: Final = 5
_REWRITTEN_BYTES: Final = 32 * 1024 * 1024
"""Files of a table up to this size together are written anew for one row that changed."""
Key = tuple[Any, ...]


class SparkMerges(Exception):
    """The table is too large to be written anew, or has columns that are not declared: Spark is to merge."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit does to a table: rows that come, and the keys of rows that go."""

    added: Sequence[Row] | pa.Table
    gone: Collection[Key] = field(default_factory=frozenset)


def open_folder(
    context: RunContext,
    table: Table | Derived,
    properties: dict[str, str] | None = None,
    partition_by: str | None = None,
) -> tuple[DeltaTable, list[str]]:
    """`declared_folder` for writing: until it is kept again the next reader or writer is given another one."""
    found, notes = declared_folder(context, table, properties, partition_by)
    return for_writing(found), notes


def declared_folder(
    context: RunContext,
    table: Table | Derived,
    properties: dict[str, str] | None = None,
    partition_by: str | None = None,
) -> tuple[DeltaTable, list[str]]:
    """The declared table, made where there is none, widened by Spark where it has not every column, and what was done.

    Raises SchemaRefused.
    """
    uri = context.lake.uri(table.path)
    folder = uri.removeprefix(LOCAL)
    found = found_in(folder)
    if found is None:
        made = made_folder(Path(folder), table, properties, partition_by)
        keep(made)
        return made, []
    has = {each["name"]: each["type"] for each in json.loads(found.schema().to_json())["fields"]}
    if all(has.get(name) == kind for name, kind in _declared(table)):
        return found, []
    notes = open_declared(context.spark, uri, table, properties)[1]
    return DeltaTable(folder), notes


@cache
def _declared(table: Table | Derived) -> tuple[tuple[str, Any], ...]:
    """Name and type of each declared column, as the log of a table has them."""
    return tuple((each["name"], each["type"]) for each in json.loads(struct_of(table).json())["fields"])


def found_folder(context: RunContext, path: str) -> DeltaTable | None:
    """The table at a lake path, for reading; None where there is none."""
    return found_in(context.lake.uri(path).removeprefix(LOCAL))


def rows_of(
    target: DeltaTable, columns: Sequence[str] | None = None, where: pc.Expression | None = None
) -> pa.Table:
    """The rows that `where` holds of, all without it."""
    dataset = dataset_of(target)
    return dataset.to_table(None if columns is None else list(columns), filter=where)


def count_of(target: DeltaTable, where: pc.Expression) -> int:
    """How many rows `where` holds of."""
    return int(dataset_of(target).count_rows(filter=where))


def keys_of(rows: pa.Table, columns: Sequence[str]) -> list[Key]:
    """The values of the columns, row by row."""
    return list(zip(*(rows[name].to_pylist() for name in columns), strict=True))


def one_of(column: str, values: Iterable[str | None]) -> pc.Expression:
    """That a column of texts has one of the values."""
    return pc.field(column).isin(pa.array(sorted({each for each in values if each is not None}), pa.string()))


def as_arrow(table: Table | Derived, rows: Iterable[Row] | pa.Table) -> pa.Table:
    """The rows with the declared columns; what a row has not is null."""
    schema = _schema(table)
    if isinstance(rows, pa.Table):
        return rows.select(schema.names).cast(schema)
    return pa.Table.from_pylist(
        [{name: row.get(name) for name in schema.names} for row in rows], schema=schema
    )


def _schema(table: Table | Derived) -> pa.Schema:
    """Without comments: those of the table stay, whatever an older declaration said."""
    return pa.schema([field.remove_metadata() for field in arrow_schema(table)])


def commit(
    target: DeltaTable,
    table: Table | Derived,
    decide: Callable[[DeltaTable], Change | None],
    said: Mapping[str, Any],
    on_append: Callable[[], None] = lambda: None,
) -> int:
    """Makes the change that `decide` finds due to the table as it is, in one commit; returns the rows that came.

    None is no change and no commit, which else carries what is `said`. Raises SparkMerges before anything is written.
    """
    for tried in range(1, _TRIES + 1):
        change = decide(target)
        if change is None:
            return 0
        rows = as_arrow(table, change.added)
        more = {}
        if change.gone:
            rows = pa.concat_tables([_without(target, table, change.gone), rows])
            more = {MERGED: True}
        on_append()
        try:
            write_deltalake(
                target,
                rows,
                mode="overwrite" if change.gone else "append",
                commit_properties=CommitProperties(
                    {"userMetadata": json.dumps({**said, **more})}, max_commit_retries=0
                ),
            )
            keep(target)
            return len(change.added)
        except CommitFailedError:  # another run has written since the table was read
            if tried == _TRIES:
                raise
            target.update_incremental()
    raise AssertionError("a try ends in a return or an error")


def append_once(
    target: DeltaTable, table: Table | Derived, rows: Iterable[Row], app_id: str, version: int
) -> None:
    """Appends the rows under Delta's transaction number, unless the table has that number.

    https://github.com/delta-io/delta/blob/v4.0.0/PROTOCOL.md#transaction-identifiers
    """
    values = as_arrow(table, rows)
    for tried in range(1, _TRIES + 1):
        if (target.transaction_version(app_id) or 0) >= version:
            return
        once = CommitProperties(app_transactions=[Transaction(app_id, version)], max_commit_retries=0)
        try:
            write_deltalake(target, values, mode="append", commit_properties=once)
            keep(target)
            return
        except CommitFailedError:  # another run has written since the table was read
            if tried == _TRIES:
                raise
            target.update_incremental()


def _without(target: DeltaTable, table: Table | Derived, gone: Collection[Key]) -> pa.Table:
    """The rows of the table whose key is not among `gone`."""
    if {each.name for each in target.schema().fields} != {column.name for column in table.columns}:
        raise SparkMerges
    if sum(target.get_add_actions(flatten=True)["size_bytes"].to_pylist()) > _REWRITTEN_BYTES:
        raise SparkMerges
    key = key_of(table)
    rows = rows_of(target)
    last = pa.array(sorted({each[-1] for each in gone}), rows[key[-1]].type)
    at = pc.indices_nonzero(pc.is_in(rows[key[-1]], value_set=last))
    leave = {
        place
        for place, each in zip(at.to_pylist(), keys_of(rows.select(key).take(at), key), strict=True)
        if each in gone
    }
    stays = pa.array([number not in leave for number in range(len(rows))], pa.bool_())
    return rows.filter(stays).select(_schema(table).names).cast(_schema(table))


def key_of(table: Table | Derived) -> list[str]:
    """The columns that name a row; of a table of one type its resource."""
    return list(table.key) if isinstance(table, Derived) else ["tenant", "id"]
