"""Gold of small inputs in a folder: read and written by deltalake, so that of Spark the measure itself is left.

Of a table of some thousand rows most of what Spark takes is its commit, the log it reads, and tasks, exchanges and
compiled code for rows that one thread walks through sooner.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - its name in every Spark text

from spark.gold.table import GoldTable
from spark.jobs.changed_units import Units, unit_column
from spark.jobs.folder_files import opened
from spark.jobs.folder_tables import Change, commit, keys_of, one_of, rows_of
from spark.plain.arrow_types import arrow_schema
from spark.schemas.columns import Derived, Table
from spark.schemas.struct import struct_of
from spark.transforms.arrow import IN_HAND

if TYPE_CHECKING:
    from spark.jobs.gold_inputs import Input

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of the files of an input: with some ten times as much in memory one core is still sooner done than a plan for many."""
_ONE_THREAD: Final = {
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # What follows of what is asked anew at every step of the optimiser, and gains filters that drop a row or two.
    "spark.sql.constraintPropagation.enabled": "false",
    IN_HAND: "true",
}


class SmallInputs:
    """Inputs of one partition as frames, each made once for all tables of a run that read the same of it.

    Their session is beside `spark`: it makes no exchange, and walks through expressions instead of compiling them.
    """

    def __init__(self, spark: SparkSession) -> None:
        self.session = spark.newSession()
        for key, value in _ONE_THREAD.items():
            self.session.conf.set(key, value)
        self._frames: dict[tuple[str, int, Units | None, str], DataFrame] = {}
        self._making = Lock()

    def frame(self, of: Input, units: Units | None, unit: str) -> DataFrame:
        """The rows of an input, or those of the units."""
        with self._making:
            key = (of.uri, of.version, units, unit if units is not None else "")
            if key not in self._frames:
                rows = of.in_hand if units is None else of_units(of.in_hand, units, unit)
                self._frames[key] = as_frame(self.session, rows, of.declared)
            return self._frames[key]


def size_bytes(uri: str, version: int) -> int:
    """Of the files of a table in a folder, as its log has it."""
    return sum(opened(uri, version).get_add_actions(flatten=True)["size_bytes"].to_pylist())


def rows_in_hand(uri: str, version: int, declared: Table | Derived) -> pa.Table:
    """The rows of that version, with every column that is declared."""
    found = rows_of(opened(uri, version))
    columns = [
        found[field.name].cast(field.type)
        if field.name in found.column_names
        else pa.nulls(len(found), field.type)
        for field in arrow_schema(declared)
    ]
    return pa.table(columns, names=[field.name for field in arrow_schema(declared)])


def as_frame(session: SparkSession, rows: pa.Table, declared: Table | Derived) -> DataFrame:
    """The rows for Spark, in one partition."""
    # Spark does not take a column without any chunk, which is how a table of no row is read.
    if not len(rows):
        rows = pa.table([column.combine_chunks() for column in rows.columns], names=rows.column_names)
    return session.createDataFrame(rows, struct_of(declared)).coalesce(1)


def of_units(rows: pa.Table, units: Units, unit: str) -> pa.Table:
    """Those of the units; all where no column has them."""
    column = unit_column(rows.column_names, unit)
    if column is None:
        return rows
    some = rows.filter(one_of(column, (each[1] for each in units)))
    return some.filter(pa.array([each in units for each in keys_of(some, ("tenant", column))], pa.bool_()))


def write_whole(table: GoldTable, rows: DataFrame, target: DeltaTable, said: str) -> int:
    """The table's rows become these, in one commit; returns how many were written."""
    values = _collected(table, rows)
    write_deltalake(
        target,
        values,
        mode="overwrite",
        schema_mode="overwrite",
        commit_properties=CommitProperties({"userMetadata": said}),
    )
    return len(values)


def write_units(
    table: GoldTable, rows: DataFrame, target: DeltaTable, units: Units, said: Mapping[str, Any]
) -> int:
    """The units' rows become these, in one commit; returns how many were written. Raises folder_tables.SparkMerges."""
    values, unit = _collected(table, rows).to_pylist(), str(table.unit)
    key = table.declared.key

    def decide(found: DeltaTable) -> Change:
        there = rows_of(found, list(dict.fromkeys((*key, unit))), one_of(unit, (each[1] for each in units)))
        gone = zip(keys_of(there, ("tenant", unit)), keys_of(there, key), strict=True)
        return Change(values, {each for of, each in gone if of in units})

    return commit(target, table.declared, decide, said)


def _collected(table: GoldTable, rows: DataFrame) -> pa.Table:
    schema = arrow_schema(table.declared)
    named = rows.select(*(F.col(f"`{name}`") for name in schema.names))
    found = named.toArrow()
    return pa.table([found[place].cast(field.type) for place, field in enumerate(schema)], schema=schema)
