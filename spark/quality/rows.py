"""The rows that expectations judge: in memory where the table lies in a folder, which is quicker by far, else in Spark."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Final

from spark.jobs.context import RunContext
from spark.jobs.tables import LOCAL

_MOST_ROWS: Final = 2_000_000
"""Of a table that is judged in memory: its checked columns take some hundred megabytes."""


def rows_of(context: RunContext, path: str, where: str, columns: Mapping[str, bool]) -> Any:
    """These columns of the table's rows for which `where` holds, empty for all: a frame of pandas or of Spark.

    Of a column that is mapped to False it only matters whether there is a value: a body is not read into memory for that.
    """
    if context.lake.is_local and find_spec("deltalake") and find_spec("duckdb"):
        import duckdb
        from deltalake import DeltaTable

        from spark.jobs.folder_files import dataset_of

        table = DeltaTable(context.lake.uri(path).removeprefix(LOCAL))
        if table.count() <= _MOST_ROWS:
            with duckdb.connect() as connection:
                rows = connection.from_arrow(dataset_of(table))
                chosen = rows.filter(where) if where else rows
                return chosen.project(", ".join(map(_projected, columns, columns.values()))).df()
    frame = context.read(path)
    return (frame.where(where) if where else frame).select(*(f"`{name}`" for name in columns))


def _projected(name: str, value_matters: bool) -> str:
    return f'"{name}"' if value_matters else f'CASE WHEN "{name}" IS NOT NULL THEN true END AS "{name}"'
