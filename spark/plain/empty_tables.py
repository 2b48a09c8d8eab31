"""Declared Delta tables in a folder, made empty by deltalake where there are none."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deltalake import DeltaTable

from spark.plain.arrow_types import arrow_schema
from spark.schemas.columns import Derived, Table


def made_folder(
    folder: Path,
    table: Table | Derived,
    properties: dict[str, str] | None = None,
    partition_by: str | None = None,
) -> DeltaTable:
    """The declared table, empty, where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    return DeltaTable.create(
        folder,
        arrow_schema(table),
        mode="ignore",  # another run may have been quicker
        partition_by=partition_by,
        description=table.comment,
        configuration=dict(properties or {}),
    )


def make_missing(lake: Path, tables: Iterable[Table]) -> None:
    """Makes those that the lake in this folder has not; of the others no log is read."""
    for table in tables:
        folder = lake / table.path
        if not (folder / "_delta_log").is_dir():
            made_folder(folder, table)
