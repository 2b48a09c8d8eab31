"""How a column's FHIR type is written in a row, and which columns may stand above one another in a union."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.domain.fhir.fhirpath.inference import NUMBERS, WHOLE, Types
from shared.domain.fhir.views.errors import ViewError
from shared.domain.fhir.views.model import Column, Select


class Kind(StrEnum):
    """The forms that values have in JSON and in tables."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    COMPLEX = "complex"
    UNKNOWN = "unknown"


_BOOLEANS: Final = frozenset({"boolean", "System.Boolean"})


def is_boolean(types: frozenset[str]) -> bool:
    """Whether a boolean is among the types."""
    return bool(types & _BOOLEANS)


def only_type(types: Types) -> str:
    """The one type, "" where there are several or none is known."""
    return next(iter(types)) if types is not None and len(types) == 1 else ""


def kind_of(type_name: str) -> Kind:
    """The form of a FHIR type, or of one of FHIRPath's own."""
    if not type_name:
        return Kind.UNKNOWN
    if type_name in _BOOLEANS:
        return Kind.BOOLEAN
    if type_name in WHOLE:
        return Kind.INTEGER
    if type_name in NUMBERS:
        return Kind.DECIMAL
    is_text = type_name[0].islower() or type_name.startswith("System.")
    return Kind.TEXT if is_text else Kind.COMPLEX


def require_agreement(unions: tuple[Select, ...]) -> None:
    """Raises ViewError unless all parts of a union have the same columns in the same order, in forms that agree."""
    if not unions:
        return
    first = list(unions[0].all_columns())
    for other in unions[1:]:
        columns = list(other.all_columns())
        if [column.name for column in columns] != [column.name for column in first]:
            raise ViewError(
                other.place,
                "the columns of a unionAll must have the same names in the same order in each part",
            )
        for one, two in zip(first, columns, strict=True):
            if not _agree(one, two):
                raise ViewError(
                    two.path.place, f"the column {two.name} has another type in the unionAll's first part"
                )


def _agree(one: Column, other: Column) -> bool:
    kinds = {kind_of(one.type), kind_of(other.type)} - {Kind.UNKNOWN}
    return one.is_collection == other.is_collection and (
        len(kinds) < 2 or kinds == {Kind.INTEGER, Kind.DECIMAL}
    )
