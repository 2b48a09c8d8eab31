"""A view run on one resource, in plain Python. https://sql-on-fhir.org/ig/2.0.0, processing algorithm"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from shared.domain.fhir.definitions.reader import PackedDefinitions, r4
from shared.domain.fhir.fhirpath import Element, Evaluation, FhirPathError
from shared.domain.fhir.fhirpath.functions.conversion import to_string
from shared.domain.fhir.views.errors import ViewError
from shared.domain.fhir.views.model import ROW_INDEX, Column, Path, Select, Unnest, ViewDefinition
from shared.domain.fhir.views.reader import read_view

Row: TypeAlias = dict[str, Any]
_Rows: TypeAlias = Callable[[Evaluation, Any], list[Row]]

_MOST_DEPTH: Final = 100
"""Levels that `repeat` follows: JSON that came in by a door has 64 at most."""


class View:
    """A compiled view. Rows are dicts with every column in the view's order, None where there is nothing.

    Values are the resource's own JSON values: decimals keep their digits, a complex element is an object. What a path
    computes is text, a boolean, an int, or a Decimal in its shortest form. A collection is a list, or None where empty.
    """

    def __init__(self, definition: Any, model: PackedDefinitions | None = None) -> None:
        """Raises ViewError for a definition that is wrong."""
        self._model = model or r4()
        self.definition: ViewDefinition = read_view(definition, self._model)
        self.resource = self.definition.resource
        self.names = tuple(column.name for column in self.definition.columns)
        self._select = _product([_rows_of(select) for select in self.definition.select])

    def rows(self, resource: dict[str, Any]) -> list[Row]:
        """The rows of one decoded resource: none where it is of another type or a condition does not hold.

        Raises ViewError where the resource shows the view to be wrong: several values in a column that is no collection.
        """
        if resource.get("resourceType") != self.resource:
            return []
        evaluation = Evaluation(resource, {**self.definition.constants, ROW_INDEX: 0}, self._model)
        for condition in self.definition.where:
            if not _holds(evaluation, condition):
                return []
        return self._select(evaluation, evaluation.root)


def _holds(evaluation: Evaluation, condition: Path) -> bool:
    found = _items(evaluation, condition, evaluation.root)
    values = [item.value if type(item) is Element else item for item in found]
    if len(values) > 1 or not all(isinstance(value, bool) for value in values):
        raise ViewError(condition.place, "a condition is a boolean, and this path gives something else")
    return values == [True]


def _items(evaluation: Evaluation, path: Path, focus: Any) -> Any:
    try:
        return evaluation.items(path.expression, focus)
    except FhirPathError as failure:
        raise ViewError(path.place, failure.text) from None


def _rows_of(select: Select) -> _Rows:
    parts = [_rows_of(nested) for nested in select.selects]
    if select.unions:
        parts.append(_concatenated([_rows_of(each) for each in select.unions]))
    if select.columns:
        parts.insert(0, _row_of(select.columns))
    each = _product(parts)
    if select.unnest is None:
        return each
    find = _repeated(select.over) if select.unnest is Unnest.REPEAT else _found(select.over[0])
    empty: Row = {column.name: None for column in select.all_columns()} | dict.fromkeys(select.indexed(), 0)
    or_null = select.unnest is Unnest.FOR_EACH_OR_NULL

    def rows(evaluation: Evaluation, focus: Any) -> list[Row]:
        items = find(evaluation, focus)
        if not items:
            return [dict(empty)] if or_null else []
        outer = evaluation.get(ROW_INDEX)
        found: list[Row] = []
        for index, item in enumerate(items):
            evaluation.set(ROW_INDEX, index)
            found += each(evaluation, item)
        evaluation.set(ROW_INDEX, outer)
        return found

    return rows


def _found(path: Path) -> Callable[[Evaluation, Any], Any]:
    return lambda evaluation, focus: _items(evaluation, path, focus)


def _repeated(paths: tuple[Path, ...]) -> Callable[[Evaluation, Any], Any]:
    """Every element that the paths reach from the focus, from what they reach, and so on: each before what is below it."""

    def follow(evaluation: Evaluation, focus: Any, found: list[Any], depth: int) -> None:
        if depth > _MOST_DEPTH:
            raise ViewError(paths[0].place, f"the path repeats more than {_MOST_DEPTH} times")
        for path in paths:
            for item in _items(evaluation, path, focus):
                found.append(item)
                follow(evaluation, item, found, depth + 1)

    def find(evaluation: Evaluation, focus: Any) -> list[Any]:
        found: list[Any] = []
        follow(evaluation, focus, found, 1)
        return found

    return find


def _product(parts: list[_Rows]) -> _Rows:
    """Each row of one part beside each of the others, those of the last part changing first."""
    if len(parts) == 1:
        return parts[0]

    def rows(evaluation: Evaluation, focus: Any) -> list[Row]:
        found: list[Row] = [{}]
        for part in parts:
            more = part(evaluation, focus)
            found = [left | right for left in found for right in more]
        return found

    return rows


def _concatenated(parts: list[_Rows]) -> _Rows:
    return lambda evaluation, focus: [row for part in parts for row in part(evaluation, focus)]


def _row_of(columns: tuple[Column, ...]) -> _Rows:
    cells = [(column.name, _cell(column)) for column in columns]
    return lambda evaluation, focus: [{name: cell(evaluation, focus) for name, cell in cells}]


def _cell(column: Column) -> Callable[[Evaluation, Any], Any]:
    path = column.path

    def single(evaluation: Evaluation, focus: Any) -> Any:
        items = _items(evaluation, path, focus)
        if not items:
            return None
        if len(items) == 1:
            return _value(items[0])
        values = [value for value in map(_value, items) if value is not None]
        if len(values) > 1:
            raise ViewError(
                path.place,
                f"a resource has several values for the column {column.name}, which is not declared `collection: true`",
            )
        return values[0] if values else None

    def collection(evaluation: Evaluation, focus: Any) -> Any:
        values = [value for value in map(_value, _items(evaluation, path, focus)) if value is not None]
        return values or None

    return collection if column.is_collection else single


def _value(item: Any) -> Any:
    """An element's own JSON value; what was computed as a boolean, a number or text."""
    if type(item) is Element:
        return item.value
    if isinstance(item, bool | int | str):
        return item
    if isinstance(item, Decimal):
        return Decimal(f"{item.normalize():f}")
    return to_string(item)
