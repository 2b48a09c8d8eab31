"""What a section of the report is made of: figures, each a chart with its table and the gold table it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from local.report.charts import table
from local.report.tables import Gold, Row

SHOWN: Final = 12
"""Rows of a table, and bars of a chart, at most."""
FEWEST: Final = 5
"""Groups of fewer people are not shown, as in the tables whose small cells are hidden."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart with its table, what it says, and the gold table that it was made of."""

    title: str
    words: str
    chart: str
    figures: str
    source: str


@dataclass(frozen=True, slots=True)
class Section:
    """One project."""

    name: str
    title: str
    figures: Callable[[Gold], list[Figure]]


def largest(rows: Iterable[Row], by: str) -> list[Row]:
    """The rows with the largest values, ties in an order that is always the same."""
    return sorted(rows, key=lambda row: (-row[by], str(sorted(row.items(), key=str))))[:SHOWN]


def rows_table(rows: Iterable[Row], columns: tuple[str, ...], names: tuple[str, ...]) -> str:
    """Some columns of the rows under these names."""
    return table(names, [[row[column] for column in columns] for row in rows])
