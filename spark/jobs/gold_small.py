"""Gold of inputs in a folder without Spark: DuckDB walks through the files, deltalake writes what comes of them.

Of a table of some thousand rows most of what Spark takes is its plan, its commit, the log it reads, and tasks and exchanges
for rows that one thread walks through sooner. The measures are the same (`spark.gold.words`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake

from spark.gold.table import GoldTable
from spark.gold.words import in_hand
from spark.in_hand.column import Column, duck_type
from spark.in_hand.frame import Frame
from spark.jobs.changed_units import Units, unit_column
from spark.jobs.folder_files import keep
from spark.jobs.folder_tables import Change, commit, keys_of, one_of, rows_of
from spark.plain.arrow_types import arrow_schema
from spark.schemas.columns import Derived, Table

if TYPE_CHECKING:
    from spark.jobs.gold_inputs import Input

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of the files of an input: DuckDB reads the columns that a measure names, but what a fold takes is in memory whole."""


_ALONE: Final = {
    "threads": "1",
    "memory_limit": "2GB",
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class NotInHand(Exception):
    """DuckDB cannot make a table; says the kind of its error."""


class SmallInputs:
    """Inputs as frames in hand; each table has a connection of its own, which is one thread itself."""

    def build(self, table: GoldTable, inputs: Mapping[str, Input], units: Units | None) -> pa.Table:
        """The rows of the table; with `units` those of the units, of which the inputs but not the lookups are read.

        Raises NotInHand where DuckDB cannot make them.
        """
        try:
            with connection() as own:
                frames = {
                    name: self._frame(own, each, units if name in table.inputs else None, str(table.unit))
                    for name, each in inputs.items()
                }
                with in_hand():
                    return rows_of_frame(table, table.build(frames))
        except (duckdb.Error, pa.ArrowException) as failure:
            # Without its message, which may have a value of somebody's record.
            raise NotInHand(type(failure).__name__) from None

    @staticmethod
    def _frame(own: duckdb.DuckDBPyConnection, of: Input, units: Units | None, unit: str) -> Frame:
        frame = frame_of(own, of.dataset, of.declared)
        column = unit_column(frame.columns, unit)
        return frame if units is None or column is None else of_units(frame, units, column)


@contextmanager
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """One of a database in memory that a process has; where an error broke it, the next connection has another.

    It has a bound, writes nothing beside the lake, reads what it is given and loads no extension. What was registered with
    it nobody else sees, and is let go with it.
    Rows are chosen here and not by pyarrow, which has no comparison with the views of texts that deltalake's MERGE writes.
    """
    try:
        with _database().cursor() as own:
            yield own
    except duckdb.FatalException:
        _database.cache_clear()
        raise


@cache
def _database() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect(":memory:", config=dict(_ALONE))
    # After the folder for what does not fit, which is none.
    made.execute("SET enable_external_access = false")
    made.execute("SET disabled_optimizers = 'filter_pushdown,join_filter_pushdown'")
    return made


def size_bytes(table: DeltaTable) -> int:
    """Of the files of a table, as its log has it."""
    return sum(table.get_add_actions(flatten=True)["size_bytes"].to_pylist())


def frame_of(connection: duckdb.DuckDBPyConnection, rows: Any, declared: Table | Derived) -> Frame:
    """The rows of a table or dataset of pyarrow, with every column that is declared."""
    found = Frame.of_arrow(connection, rows)
    missing = {
        column.name: Column("NULL" if "<" in column.ddl else f"CAST(NULL AS {duck_type(column.ddl)})")
        for column in declared.columns
        if column.name not in found.columns
    }
    return found.withColumns(missing) if missing else found


def of_units(frame: Frame, units: Units, column: str) -> Frame:
    """The rows of the units, which `column` has. Units are joined as rows: no text of a record becomes part of a query."""
    tenants, values = zip(*sorted(units), strict=True) if units else ((), ())
    chosen = pa.table({"tenant": pa.array(tenants, pa.string()), column: pa.array(values, pa.string())})
    return frame.join(frame.of_table(chosen), ["tenant", column], "left_semi")


def rows_of_frame(table: GoldTable, built: Any) -> pa.Table:
    """What a measure built in hand, with the declared columns in their order and type."""
    schema = arrow_schema(table.declared)
    found = built.select(*schema.names).toArrow()
    return pa.table([found[place].cast(field.type) for place, field in enumerate(schema)], schema=schema)


def write_whole(values: pa.Table, target: DeltaTable, said: str) -> int:
    """The table's rows become these, in one commit; returns how many were written."""
    write_deltalake(
        target,
        values,
        mode="overwrite",
        schema_mode="overwrite",
        commit_properties=CommitProperties({"userMetadata": said}),
    )
    keep(target)
    return len(values)


def write_units(
    table: GoldTable, rows: pa.Table, target: DeltaTable, units: Units, said: Mapping[str, Any]
) -> int:
    """The units' rows become these, in one commit; returns how many were written. Raises folder_tables.SparkMerges."""
    unit, key = str(table.unit), table.declared.key

    def decide(found: DeltaTable) -> Change:
        there = rows_of(found, list(dict.fromkeys((*key, unit))), one_of(unit, (each[1] for each in units)))
        gone = zip(keys_of(there, ("tenant", unit)), keys_of(there, key), strict=True)
        return Change(rows, {each for of, each in gone if of in units})

    return commit(target, table.declared, decide, said)
