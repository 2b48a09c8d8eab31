"""A ViewDefinition that was read and checked: what both engines work from.

https://sql-on-fhir.org/ig/2.0.0/StructureDefinition-ViewDefinition.html; `repeat` and `%rowIndex` are of the next version,
https://build.fhir.org/ig/FHIR/sql-on-fhir-v2/StructureDefinition-ViewDefinition.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from shared.domain.fhir.fhirpath import Expression
from shared.domain.fhir.fhirpath.syntax import Variable

ROW_INDEX: Final = "rowIndex"


@dataclass(frozen=True, slots=True)
class Path:
    """A FHIRPath expression and where it stands in the view."""

    expression: Expression
    place: str


@dataclass(frozen=True, slots=True)
class Column:
    """`type` is the FHIR type that is declared, else the one that the path can give if that is one, else ""."""

    name: str
    path: Path
    type: str
    is_collection: bool
    tags: Mapping[str, str]


class Unnest(StrEnum):
    """What makes a row of each element."""

    FOR_EACH = "forEach"
    FOR_EACH_OR_NULL = "forEachOrNull"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Select:
    """One selection structure. `unnest` says what `over` holds: one path, for `repeat` one or several."""

    place: str
    columns: tuple[Column, ...]
    selects: tuple[Select, ...]
    unions: tuple[Select, ...]
    unnest: Unnest | None = None
    over: tuple[Path, ...] = ()

    def all_columns(self) -> Iterator[Column]:
        """Its own columns, those of what is nested, and those of the union, in the order of a row."""
        yield from self.columns
        for nested in self.selects:
            yield from nested.all_columns()
        if self.unions:
            yield from self.unions[0].all_columns()

    def indexed(self) -> Iterator[str]:
        """The columns that hold its own `%rowIndex`: 0, not null, in the row that an empty `forEachOrNull` gives.

        https://build.fhir.org/ig/FHIR/sql-on-fhir-v2/StructureDefinition-ViewDefinition.html#rowindex
        """
        for column in self.columns:
            tree = column.path.expression.tree
            if isinstance(tree, Variable) and tree.name == ROW_INDEX:
                yield column.name
        for nested in (*self.selects, *self.unions[:1]):
            if nested.unnest in (None, Unnest.FOR_EACH_OR_NULL):
                yield from nested.indexed()

    def all_paths(self) -> Iterator[Path]:
        """Every expression in it and below."""
        yield from self.over
        for column in self.columns:
            yield column.path
        for nested in (*self.selects, *self.unions):
            yield from nested.all_paths()


@dataclass(frozen=True, slots=True)
class ViewDefinition:
    """A whole view. `constants` are elements by name; `remarks` say what is allowed and likely a mistake."""

    name: str
    resource: str
    constants: Mapping[str, Any]
    where: tuple[Path, ...]
    select: tuple[Select, ...]
    remarks: tuple[str, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """In the order of a row; each name occurs once."""
        return tuple(column for select in self.select for column in select.all_columns())
