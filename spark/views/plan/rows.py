"""The structure of a view as SQL: the rows of one resource are an array of structs.

https://sql-on-fhir.org/ig/2.0.0, processing algorithm
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.fhir.views import Column, Kind, Path, Select, Unnest
from spark.views.plan.expressions import Expressions
from spark.views.plan.values import (
    NotPlanned,
    Value,
    array_of,
    named,
    quoted,
    shortest,
    single,
    with_item,
    with_item_and_place,
)

SQL_TYPES: Final = {
    Kind.BOOLEAN: "BOOLEAN",
    Kind.INTEGER: "BIGINT",
    Kind.DECIMAL: "STRING",
    Kind.TEXT: "STRING",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of a row: its SQL, and the form of what that gives."""

    sql: str
    kind: Kind
    is_collection: bool

    @property
    def sql_type(self) -> str:
        """The SQL type, which is the same in every part of a union."""
        single_type = SQL_TYPES[self.kind]
        return f"ARRAY<{single_type}>" if self.is_collection else single_type


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that one part of a view gives: a single one if `array` is empty, else those of the SQL array.

    `cells` holds each column's form; its SQL counts for a single row only.
    """

    cells: dict[str, Cell]
    array: str = ""

    def as_array(self) -> str:
        """The SQL array of structs."""
        return self.array or f"array({self.as_struct()})"

    def as_struct(self) -> str:
        """The single row."""
        return _struct({name: f"CAST({cell.sql} AS {cell.sql_type})" for name, cell in self.cells.items()})


def rows_of(select: Select, expressions: Expressions, focus: Value) -> Rows:
    """The rows of a selection structure on a single value. Raises NotPlanned."""
    if select.unnest is None:
        return _inside(select, expressions, focus)
    if select.unnest is Unnest.REPEAT:
        raise NotPlanned("repeat, whose depth only data tells")
    found = expressions.value(select.over[0].expression.tree, focus)
    if found.choices:
        raise NotPlanned("forEach over a choice of types that ofType() does not narrow")
    outer = expressions.row_index
    forms: dict[str, Cell] = {}
    is_single = False

    def body(name: str, place: str) -> str:
        nonlocal forms, is_single
        expressions.row_index = f"CAST({place} AS BIGINT)"
        inner = _inside(select, expressions, found.item(name))
        forms, is_single = inner.cells, not inner.array
        return inner.as_struct() if is_single else inner.array

    mapped = with_item_and_place(array_of(found), body)
    expressions.row_index = outer
    array = mapped if is_single else f"flatten({mapped})"
    if select.unnest is Unnest.FOR_EACH_OR_NULL:
        indexed = set(select.indexed())
        nulls = _struct(
            {
                name: f"CAST({'0' if name in indexed else 'NULL'} AS {cell.sql_type})"
                for name, cell in forms.items()
            }
        )
        array = f"CASE WHEN size({array_of(found)}) > 0 THEN {array} ELSE array({nulls}) END"
    return Rows(forms, array)


def _inside(select: Select, expressions: Expressions, focus: Value) -> Rows:
    parts = [rows_of(nested, expressions, focus) for nested in select.selects]
    if select.columns:
        parts.insert(0, Rows({column.name: _cell(column, expressions, focus) for column in select.columns}))
    if select.unions:
        parts.append(_concatenated([rows_of(each, expressions, focus) for each in select.unions]))
    return product(parts)


def product(parts: list[Rows]) -> Rows:
    """Each row of one part beside each of the others, those of the last part changing first."""
    result = parts[0] if parts else Rows({})
    for part in parts[1:]:
        result = _pair(result, part)
    return result


def _pair(left: Rows, right: Rows) -> Rows:
    cells = left.cells | right.cells
    if not left.array and not right.array:
        return Rows(cells)
    if not right.array:
        return Rows(
            cells, with_item(left.array, "transform", lambda name: _joined(_of(left, name), _own(right)))
        )
    if not left.array:
        return Rows(
            cells, with_item(right.array, "transform", lambda name: _joined(_own(left), _of(right, name)))
        )

    def beside(outer: str) -> str:
        return with_item(right.array, "transform", lambda name: _joined(_of(left, outer), _of(right, name)))

    return Rows(cells, f"flatten({with_item(left.array, 'transform', beside)})")


def _own(rows: Rows) -> dict[str, str]:
    return {name: f"CAST({cell.sql} AS {cell.sql_type})" for name, cell in rows.cells.items()}


def _of(rows: Rows, variable: str) -> dict[str, str]:
    return {name: f"{variable}.{named(name)}" for name in rows.cells}


def _joined(left: dict[str, str], right: dict[str, str]) -> str:
    return _struct(left | right)


def _struct(fields: dict[str, str]) -> str:
    return f"named_struct({', '.join(f'{quoted(name)}, {sql}' for name, sql in fields.items())})"


def _concatenated(parts: list[Rows]) -> Rows:
    first = parts[0].cells
    for part in parts[1:]:
        for name, cell in part.cells.items():
            if cell.sql_type != first[name].sql_type or cell.kind is not first[name].kind:
                raise NotPlanned(f"a union whose parts have different types in the column {name}")
    return Rows(first, f"concat({', '.join(part.as_array() for part in parts)})")


def _cell(column: Column, expressions: Expressions, focus: Value) -> Cell:
    value = expressions.value(column.path.expression.tree, focus)
    if value.is_nothing:
        return Cell("NULL", Kind.TEXT, column.is_collection)
    if value.choices or value.kind not in SQL_TYPES or value.type == "System.Quantity":
        raise NotPlanned(f"the column {column.name}, which is no primitive of one type")
    if column.is_collection:
        array = array_of(value)
        if value.is_computed:
            array = with_item(array, "transform", shortest)
        return Cell(f"nullif({array}, array())", value.kind, is_collection=True)
    one = single(
        value,
        f"{column.path.place}: a resource has several values for the column {column.name}, "
        "which is not declared `collection: true`",
    )
    return Cell(shortest(one.sql) if one.is_computed else one.sql, value.kind, is_collection=False)


def condition(path: Path, expressions: Expressions, root: Value) -> str:
    """The SQL boolean of a `where`."""
    value = expressions.value(path.expression.tree, root)
    if value.is_nothing:
        return "false"
    one = single(value)
    if one.kind is not Kind.BOOLEAN:
        raise NotPlanned("a condition whose type is not known")
    return one.sql
