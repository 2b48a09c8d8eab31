"""SQL-on-FHIR ViewDefinitions run on one resource: https://sql-on-fhir.org/ (2.0).

Understood: `resource`, `constant`, `where`, nested `select`, `column`, `forEach`, `forEachOrNull`, `unionAll`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from typing import Any

from spark.views.fhirpath import Collection, Path, PathError, compile_path

Row = dict[str, Any]
_Rows = Callable[[Any], list[Row]]


class ViewDefinition:
    """A compiled view: `rows(resource)` gives the rows of one decoded resource, none where it is of another type."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.resource: str = definition["resource"]
        self._constants = {each["name"]: _constant(each) for each in definition.get("constant", ())}
        self._where = [self._path(each["path"]) for each in definition.get("where", ())]
        self._select = self._all(definition["select"])

    def rows(self, resource: dict[str, Any]) -> list[Row]:
        """The view's rows, each a dict by column; an absent element is None."""
        if resource.get("resourceType") != self.resource:
            return []
        if any(criterion([resource]) != [True] for criterion in self._where):
            return []
        return self._select(resource)

    def _path(self, text: object) -> Path:
        if not isinstance(text, str):
            raise PathError("a path is a text")
        return compile_path(text, self._constants)

    def _all(self, selects: list[dict[str, Any]]) -> _Rows:
        parts = [self._one(each) for each in selects]

        def combine(node: Any) -> list[Row]:
            found: list[Row] = [{}]
            for part in parts:
                found = [left | right for left in found for right in part(node)]
            return found

        return combine

    def _one(self, select: dict[str, Any]) -> _Rows:
        columns = [
            (each["name"], self._path(each["path"]), bool(each.get("collection")))
            for each in select.get("column", ())
        ]
        nested = self._all(select.get("select", []))
        unions = [self._one(each) for each in select.get("unionAll", ())]
        each_path = select.get("forEach") or select.get("forEachOrNull")
        nodes = self._path(each_path) if each_path else None

        def rows(node: Any) -> list[Row]:
            found: list[Row] = []
            items = [node] if nodes is None else nodes([node])
            if not items and select.get("forEachOrNull"):
                items = [None]
            for item in items:
                own = {name: _cell(path([item]), collection, name) for name, path, collection in columns}
                united = [row for union in unions for row in union(item)] if unions else [{}]
                found += [own | row | more for row in nested(item) for more in united]
            return found

        return rows


def _constant(declared: dict[str, Any]) -> Any:
    values = [value for key, value in declared.items() if key.startswith("value")]
    if len(values) != 1:
        raise PathError(f"the constant {declared.get('name')} needs one value")
    return values[0]


def _cell(items: Collection, collection: bool, name: str) -> Any:
    if collection:
        return items
    if len(items) > 1:
        raise PathError(f"the column {name} has several values and is not declared a collection")
    return items[0] if items else None


@cache
def load_view(name: str) -> ViewDefinition:
    """The view kept as `<name>.json` beside this file, compiled once per process."""
    return ViewDefinition(
        json.loads(resources.files("spark.views").joinpath(f"{name}.json").read_text("utf-8"))
    )


def view_names() -> Iterator[str]:
    """The views that ship."""
    for file in resources.files("spark.views").iterdir():
        if file.name.endswith(".json"):
            yield file.name.removesuffix(".json")
