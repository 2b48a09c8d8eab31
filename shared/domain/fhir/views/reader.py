"""JSON to a checked view: every path is compiled and typed, so that a wrong view is refused before any row.

https://sql-on-fhir.org/ig/2.0.0/StructureDefinition-ViewDefinition.html
"""

from __future__ import annotations

import re
from typing import Any, Final

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.reader import PackedDefinitions, r4
from shared.domain.fhir.fhirpath import FhirPathError
from shared.domain.fhir.fhirpath.inference import INTEGER, STRING, Inference, Types
from shared.domain.fhir.fhirpath.syntax import Call, Variable, walk
from shared.domain.fhir.views.constants import read_constants, types_of
from shared.domain.fhir.views.errors import ViewError
from shared.domain.fhir.views.kinds import is_boolean, only_type, require_agreement
from shared.domain.fhir.views.model import ROW_INDEX, Column, Path, Select, Unnest, ViewDefinition
from shared.domain.fhir.views.shape import at, flag, members, name_of, objects, text

_TYPE_PREFIX: Final = "http://hl7.org/fhir/StructureDefinition/"
_GIVEN: Final = frozenset({"context", "resource", "rootResource", "ucum", "sct", "loinc", ROW_INDEX})
_NOT_HERE: Final = {
    **dict.fromkeys(("now", "today", "timeOfDay"), "a row may not depend on the clock"),
    "memberOf": "views know no value sets: list the codes",
    **dict.fromkeys(("elementDefinition", "slice", "checkModifiers"), "views know no profiles"),
}
_MOST_LEVELS: Final = 32
_VIEW_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def read_view(definition: Any, model: PackedDefinitions | None = None) -> ViewDefinition:
    """The view that `definition`, decoded JSON, defines over FHIR R4. Raises ViewError with the place of a mistake."""
    return _Reader(definition, model or r4()).view()


class _Reader:
    def __init__(self, definition: Any, model: PackedDefinitions) -> None:
        if not isinstance(definition, dict):
            raise ViewError("", "a ViewDefinition is a JSON object")
        self._definition = definition
        self._model = model

    def view(self) -> ViewDefinition:
        definition = self._definition
        if definition.get("resourceType", "ViewDefinition") != "ViewDefinition":
            raise ViewError("resourceType", "this is another resource than a ViewDefinition")
        resource = text(definition, "resource", "")
        if resource not in self._model.resource_types:
            raise ViewError("resource", "FHIR R4 has no resource type of this name")
        name = definition.get("name")
        if name is not None and (not isinstance(name, str) or not _VIEW_NAME.fullmatch(name)):
            raise ViewError(
                "name", "a name is made of letters, digits and underscores and begins with a letter"
            )
        self._constants = read_constants(definition, self._model)
        variables: dict[str, Types] = {
            **dict.fromkeys(("resource", "rootResource"), frozenset({resource})),
            **dict.fromkeys(("ucum", "sct", "loinc"), STRING),
            ROW_INDEX: INTEGER,
            **types_of(self._constants),
        }
        self._inference = Inference(self._model, variables)
        self._remarks: list[str] = []
        root: Types = frozenset({resource})
        where = tuple(self._condition(place, each, root) for place, each in objects(definition, "where", ""))
        selects = tuple(
            self._select(place, each, root, 1) for place, each in objects(definition, "select", "")
        )
        if not selects:
            raise ViewError("select", "at least one is required")
        view = ViewDefinition(name or "", resource, self._constants, where, selects, tuple(self._remarks))
        _require_columns(view)
        return view

    def _condition(self, place: str, declared: dict[str, Any], this: Types) -> Path:
        path, types = self._path(declared, "path", place, this)
        if types and not is_boolean(types):
            raise ViewError(path.place, "a condition is a boolean, and this path gives something else")
        return path

    def _select(self, place: str, declared: dict[str, Any], this: Types, level: int) -> Select:
        if level > _MOST_LEVELS:
            raise ViewError(place, f"nested deeper than {_MOST_LEVELS} levels")
        given = [unnest for unnest in Unnest if declared.get(unnest) is not None]
        if len(given) > 1:
            raise ViewError(place, f"only one of {', '.join(Unnest)} may stand here")
        unnest = given[0] if given else None
        over, this = self._over(unnest, declared, place, this)
        columns = tuple(self._column(where, each, this) for where, each in objects(declared, "column", place))
        selects = tuple(
            self._select(where, each, this, level + 1) for where, each in objects(declared, "select", place)
        )
        unions = tuple(
            self._select(where, each, this, level + 1) for where, each in objects(declared, "unionAll", place)
        )
        require_agreement(unions)
        return Select(place, columns, selects, unions, unnest, over)

    def _over(
        self, unnest: Unnest | None, declared: dict[str, Any], place: str, this: Types
    ) -> tuple[tuple[Path, ...], Types]:
        if unnest is None:
            return (), this
        if unnest is not Unnest.REPEAT:
            path, types = self._path(declared, unnest, place, this)
            return (path,), types
        paths = []
        found: Types = frozenset()
        for where, each in members(declared, unnest, place):
            path, types = self._path({"path": each}, "path", where, this, where)
            paths.append(path)
            found = None if found is None or types is None else found | types
        if not paths:
            raise ViewError(at(place, unnest), "at least one path is required")
        return tuple(paths), found

    def _column(self, place: str, declared: dict[str, Any], this: Types) -> Column:
        name = name_of(declared, place)
        path, types = self._path(declared, "path", place, this)
        type_name = only_type(types)
        if declared.get("type") is not None:
            type_name = text(declared, "type", place).removeprefix(_TYPE_PREFIX)
        tags = {
            text(each, "name", where): str(each.get("value", ""))
            for where, each in objects(declared, "tag", place)
        }
        return Column(name, path, type_name, flag(declared, "collection", place), tags)

    def _path(
        self, owner: dict[str, Any], name: str, place: str, this: Types, shown: str = ""
    ) -> tuple[Path, Types]:
        where = shown or at(place, name)
        written = text(owner, name, place)
        try:
            expression = fhirpath.compile(written)
            for node in walk(expression.tree):
                if isinstance(node, Variable):
                    self._require_variable(node.name, where)
                if isinstance(node, Call) and node.name in _NOT_HERE:
                    raise ViewError(where, f"{node.name}() cannot be used: {_NOT_HERE[node.name]}")
            types = self._inference.types(expression.tree, this)
        except FhirPathError as failure:
            raise ViewError(where, failure.text) from None
        self._remarks += [
            f"{where}: {owner_type} has no element {element} in FHIR R4, so that nothing will be found"
            for owner_type, element in self._inference.missing
        ]
        self._inference.missing.clear()
        return Path(expression, where), types

    def _require_variable(self, name: str, where: str) -> None:
        if name not in self._constants and name not in _GIVEN and not name.startswith(("vs-", "ext-")):
            raise ViewError(where, f"%{name} is no constant of this view")


def _require_columns(view: ViewDefinition) -> None:
    seen: set[str] = set()
    for column in view.columns:
        if column.name in seen:
            raise ViewError(
                column.path.place.removesuffix(".path"), f"another column is called {column.name} already"
            )
        seen.add(column.name)
    if not seen:
        raise ViewError("select", "the view has no column")
