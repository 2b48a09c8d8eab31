"""What a gold table is: its declaration, what it reads, and how its rows come of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pyspark.sql import DataFrame

from shared.names import TABLES
from spark.schemas.columns import Classification, Column, Derived

Frames = Mapping[str, DataFrame]
"""The input tables by name: `patients`, `encounters`, … of silver, and gold tables by theirs."""

TENANT: Final = Column("tenant", "STRING", "Whose data it is", Classification.INTERNAL)
PATIENT: Final = Column("patient_id", "STRING", "The id of the Patient", Classification.HIGHLY_CONFIDENTIAL)
UNKNOWN: Final = "unknown"
"""Stands in a key for what is not known, because a key is never null."""


@dataclass(frozen=True, slots=True)
class GoldTable:
    """A table of gold. `unit` is a column of which each value's rows come of the input rows of that value alone: a patient.

    Such a table is kept up by doing the units anew whose input changed; one without is done whole when an input changed.
    `through` names another column, by which the units are found: those that a changed patient's rows have or had. An input
    that has no column of the unit is read whole.
    `lookups` are tables whose rows never change, of which the rows of the inputs name some: they make no unit new.
    A new `revision` says that the definition changed, and then every row is done anew.
    """

    declared: Derived
    inputs: tuple[str, ...]
    build: Callable[[Frames], DataFrame]
    unit: str | None = None
    through: str | None = None
    revision: int = 1
    lookups: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name that other tables and readers use."""
        return self.declared.name


def declare(name: str, comment: str, key: tuple[str, ...], *columns: Column) -> Derived:
    """The declaration of the gold table whose path `shared.names` has as `gold_<name>`."""
    return Derived(name, TABLES[f"gold_{name}"], comment, key, columns)


def internal(name: str, ddl: str, comment: str) -> Column:
    """A column about organisations and the platform, not about a person."""
    return Column(name, ddl, comment, Classification.INTERNAL)


def confidential(name: str, ddl: str, comment: str) -> Column:
    """A column about one person or about few."""
    return Column(name, ddl, comment, Classification.CONFIDENTIAL)


def sensitive(name: str, ddl: str, comment: str) -> Column:
    """A column that names one person's record."""
    return Column(name, ddl, comment, Classification.HIGHLY_CONFIDENTIAL)
