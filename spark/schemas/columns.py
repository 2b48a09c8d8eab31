"""How a column of a silver table is declared: once, for the schema, the normalisation, the checks and the catalogue.

A view (`spark/views/<table>.json`) gives the texts and numbers as they stand in the resource; a rule makes the columns of
them, in Spark and in Python alike. No import of Spark: without Java the same declarations build the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Classification(StrEnum):
    """Who may see a column, from least to most."""

    HIGHLY_CONFIDENTIAL = "Highly Confidential"
    """Names or locates one person, or could."""
    CONFIDENTIAL = "Confidential"
    """Says something about one person, without naming them."""
    INTERNAL = "Internal"
    """How the platform came to the row."""
    PUBLIC = "Public"


COLUMN_CLASSIFICATION: Final = "classification"
"""Where the metadata of a column has it, in Delta and in Spark."""


class Rule(StrEnum):
    """What makes columns of view columns. Of several sources the first that has a value counts."""

    TEXT = "text"
    """One column; empty text is null."""
    GENDER = "gender"
    """One column of FHIR's AdministrativeGender; what a sender wrote otherwise becomes it, or `unknown`."""
    FLAG = "flag"
    """One boolean column."""
    NUMBER = "number"
    """One double column."""
    TEXTS = "texts"
    """One array of texts, in the order of the resource; empty is null."""
    DAY = "day"
    """`<name>_text` as written and `<name>_on`, its first day."""
    MOMENT = "moment"
    """`<name>_text` as written and `<name>_at`, the first instant it covers, in UTC."""
    QUANTITY = "quantity"
    """`<prefix>value`, `value_text` (digits as written), `unit`, and `value_canonical` in `unit_canonical`."""
    COMPONENTS = "components"
    """The array of an Observation's components, each with code and quantity."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as a reader sees it. `ddl` is its type in Spark SQL."""

    name: str
    ddl: str
    comment: str
    classification: Classification = Classification.CONFIDENTIAL


@dataclass(frozen=True, slots=True)
class Field:
    """A rule, the view columns it reads, the columns it makes, and the resource type that a reference points to."""

    rule: Rule
    sources: tuple[str, ...]
    columns: tuple[Column, ...]
    target: str | None = None
    past: bool = False
    """Whether what it says cannot lie after the landing of the resource."""

    @property
    def name(self) -> str:
        """The name of the first column."""
        return self.columns[0].name


@dataclass(frozen=True, slots=True)
class Table:
    """A table that has one row a resource of one type. `order` are the columns people filter by, best first."""

    name: str
    type: str
    path: str
    comment: str
    fields: tuple[Field, ...]
    order: tuple[str, ...] = ("tenant", "id")

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns in their order: key, what the view gives, version and lineage."""
        own = tuple(column for each in self.fields for column in each.columns)
        return (*KEY, *own, *VERSION)

    @property
    def has_components(self) -> bool:
        """Whether the view `observation_components` belongs to it."""
        return any(each.rule is Rule.COMPONENTS for each in self.fields)

    @property
    def references(self) -> tuple[Field, ...]:
        """The fields that point to another resource."""
        return tuple(each for each in self.fields if each.target)


@dataclass(frozen=True, slots=True)
class Derived:
    """A table made of other tables: its columns are all it has, `key` tells its rows apart."""

    name: str
    path: str
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def order(self) -> tuple[str, ...]:
        """The columns people filter by: the key's."""
        return self.key


_C: Final = Classification

KEY: Final = (
    Column("tenant", "STRING", "Whose data it is", _C.INTERNAL),
    Column("id", "STRING", "The id of the resource, unique per tenant and type", _C.HIGHLY_CONFIDENTIAL),
)
VERSION: Final = (
    Column("version", "STRING", "meta.versionId as the platform shows it", _C.INTERNAL),
    Column("source_version", "STRING", "What decides which version is newer; compared as text", _C.INTERNAL),
    Column("content_hash", "STRING", "SHA-256 of the resource without its version", _C.INTERNAL),
    Column("deleted", "BOOLEAN", "Whether this version is a deletion; then only key and version are set"),
    Column("last_updated", "TIMESTAMP", "meta.lastUpdated as the platform shows it", _C.INTERNAL),
    Column("source", "STRING", "The logical sending system", _C.INTERNAL),
    Column("raw_path", "STRING", "The raw file that the version came in", _C.INTERNAL),
    Column("sequence", "BIGINT", "The line's number in its stream or file", _C.INTERNAL),
    Column("landed_at", "TIMESTAMP", "When the raw line was landed", _C.INTERNAL),
    Column("batch", "BIGINT", "The bronze batch that brought the version", _C.INTERNAL),
)
COMPONENT_DDL: Final = (
    "ARRAY<STRUCT<code_system: STRING, code: STRING, code_display: STRING, value: DOUBLE, value_text: STRING, "
    "unit: STRING, value_canonical: DOUBLE, unit_canonical: STRING, value_code: STRING>>"
)


def text(name: str, comment: str, classification: Classification = _C.CONFIDENTIAL, *sources: str) -> Field:
    """A text column, by default of the view column of the same name."""
    return Field(Rule.TEXT, sources or (name,), (Column(name, "STRING", comment, classification),))


def reference(name: str, target: str, comment: str) -> Field:
    """The id of another resource of the same tenant."""
    column = Column(name, "STRING", comment, _C.HIGHLY_CONFIDENTIAL)
    return Field(Rule.TEXT, (name,), (column,), target)


def references(name: str, target: str, comment: str) -> Field:
    """The ids of other resources of the same tenant."""
    return Field(
        Rule.TEXTS, (name,), (Column(name, "ARRAY<STRING>", comment, _C.HIGHLY_CONFIDENTIAL),), target
    )


def coding(prefix: str, what: str, *, short: bool = False) -> tuple[Field, ...]:
    """`<prefix>_system`, `_code` and `_display` of the first coding; `short` names the code column `code` itself."""
    code = prefix if short else f"{prefix}_code"
    return (
        text(f"{prefix}_system", f"The code system of {what}", _C.CONFIDENTIAL),
        text(code, f"The code of {what}, first coding"),
        text(
            f"{prefix}_display",
            f"The words of {what}: of the coding, else the text",
            _C.CONFIDENTIAL,
            f"{prefix}_display",
            f"{prefix}_words",
        ),
    )


def moment(name: str, what: str, *sources: str, past: bool = False) -> Field:
    """An instant: as written, and in UTC."""
    columns = (
        Column(f"{name}_text", "STRING", f"{what}, as written"),
        Column(f"{name}_at", "TIMESTAMP", f"{what}: the first instant it covers, in UTC"),
    )
    return Field(Rule.MOMENT, sources or (f"{name}_text",), columns, past=past)


def day(name: str, what: str, classification: Classification = _C.CONFIDENTIAL) -> Field:
    """A date that has passed: as written, and its first day."""
    columns = (
        Column(f"{name}_text", "STRING", f"{what}, as written", classification),
        Column(f"{name}_on", "DATE", f"{what}: the first day it covers", classification),
    )
    return Field(Rule.DAY, (f"{name}_text",), columns, past=True)


def number(name: str, comment: str) -> Field:
    """A double column."""
    return Field(Rule.NUMBER, (name,), (Column(name, "DOUBLE", comment),))


def flag(name: str, comment: str) -> Field:
    """A boolean column."""
    return Field(Rule.FLAG, (name,), (Column(name, "BOOLEAN", comment),))


def texts(name: str, comment: str) -> Field:
    """An array of texts."""
    return Field(Rule.TEXTS, (name,), (Column(name, "ARRAY<STRING>", comment),))


def quantity() -> Field:
    """The five columns of a Quantity."""
    columns = (
        Column("value", "DOUBLE", "The value as a number"),
        Column("value_text", "STRING", "The value with its digits as written"),
        Column("unit", "STRING", "The UCUM code of the unit, else its name"),
        Column("value_canonical", "DOUBLE", "The value in the canonical unit"),
        Column(
            "unit_canonical", "STRING", "One unit for each kind of quantity; the unit itself where not known"
        ),
    )
    return Field(Rule.QUANTITY, ("value_decimal", "unit_code", "unit_name"), columns)


def components() -> Field:
    """The components of an Observation, from the view `observation_components`."""
    return Field(
        Rule.COMPONENTS,
        ("components",),
        (Column("components", COMPONENT_DDL, "The components, such as systolic and diastolic, in order"),),
    )
