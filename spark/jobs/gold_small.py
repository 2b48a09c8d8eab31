"""Gold of inputs in a folder without Spark: DuckDB walks through the files, deltalake writes what comes of them.

Of a table of some thousand rows most of what Spark takes is its plan, its commit, the log it reads, and tasks and exchanges
for rows that one thread walks through sooner. The measures are the same (`spark.gold.words`).
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import local
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake

from spark.gold.table import GoldTable
from spark.gold.words import in_hand
from spark.in_hand.column import Column, duck_type, literal, quoted
from spark.in_hand.frame import Frame
from spark.jobs.changed_units import Units, unit_column
from spark.jobs.folder_tables import Change, commit, keys_of, one_of, rows_of
from spark.plain.arrow_types import arrow_schema
from spark.schemas.columns import Derived, Table

if TYPE_CHECKING:
    from spark.jobs.gold_inputs import Input

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of the files of an input: DuckDB reads the columns that a measure names, but what a fold takes is in memory whole."""


class SmallInputs:
    """Inputs as frames in hand; each thread has a connection of its own, which is one thread itself."""

    def __init__(self) -> None:
        self._connections = local()

    def build(self, table: GoldTable, inputs: Mapping[str, Input], units: Units | None) -> pa.Table:
        """The rows of the table; with `units` those of the units, of which the inputs but not the lookups are read."""
        frames = {
            name: self._frame(each, units if name in table.inputs else None, str(table.unit))
            for name, each in inputs.items()
        }
        with in_hand():
            return rows_of_frame(table, table.build(frames))

    def _frame(self, of: Input, units: Units | None, unit: str) -> Frame:
        frame = frame_of(self._connection, of.dataset, of.declared)
        column = unit_column(frame.columns, unit)
        return frame if units is None or column is None else of_units(frame, units, column)

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        if not hasattr(self._connections, "own"):
            self._connections.own = connection()
        found: duckdb.DuckDBPyConnection = self._connections.own
        return found


def connection() -> duckdb.DuckDBPyConnection:
    """In memory, and of one thread: the other cores do other tables.

    Rows are chosen here and not by pyarrow, which has no comparison with the views of texts that deltalake's MERGE writes.
    """
    made = duckdb.connect(config={"threads": 1})
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
    """The rows of the units, which `column` has."""
    values = ", ".join(sorted({literal(each) for _, each in units}))
    pairs = ", ".join(f"({literal(tenant)}, {literal(each)})" for tenant, each in sorted(units))
    # Files know the least and the greatest of a column, not of a pair.
    return frame.where(f"{quoted(column)} IN ({values})").where(f"(tenant, {quoted(column)}) IN ({pairs})")


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
    return len(values)


def write_units(
    table: GoldTable, rows: pa.Table, target: DeltaTable, units: Units, said: Mapping[str, Any]
) -> int:
    """The units' rows become these, in one commit; returns how many were written. Raises folder_tables.SparkMerges."""
    values, unit = rows.to_pylist(), str(table.unit)
    key = table.declared.key

    def decide(found: DeltaTable) -> Change:
        there = rows_of(found, list(dict.fromkeys((*key, unit))), one_of(unit, (each[1] for each in units)))
        gone = zip(keys_of(there, ("tenant", unit)), keys_of(there, key), strict=True)
        return Change(values, {each for of, each in gone if of in units})

    return commit(target, table.declared, decide, said)
