"""The constants of a view as typed values. https://sql-on-fhir.org/ig/2.0.0/StructureDefinition-ViewDefinition.html#using-constants"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from shared.domain.fhir.definitions.reader import PackedDefinitions
from shared.domain.fhir.fhirpath import Element
from shared.domain.fhir.fhirpath.inference import INTEGER, Types
from shared.domain.fhir.views.errors import ViewError
from shared.domain.fhir.views.shape import name_of, objects

_PREFIX: Final = "value"
_TYPES: Final = (
    "base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer", "integer64",
    "oid", "string", "positiveInt", "time", "unsignedInt", "uri", "url", "uuid",
)  # fmt: skip
_BY_PROPERTY: Final = {f"{_PREFIX}{name[0].upper()}{name[1:]}": name for name in _TYPES}
_LONG: Final = re.compile(r"-?\d{1,19}")


def read_constants(definition: dict[str, Any], model: PackedDefinitions) -> dict[str, Any]:
    """Name → element or own value. Raises ViewError for a constant without one value of a type that may be one."""
    constants: dict[str, Any] = {}
    for place, declared in objects(definition, "constant", ""):
        name = name_of(declared, place)
        if name in constants:
            raise ViewError(place, "another constant has this name already")
        constants[name] = _value(declared, place, model)
    return constants


def types_of(constants: dict[str, Any]) -> dict[str, Types]:
    """The type of each constant."""
    return {
        name: frozenset({value.type}) if type(value) is Element else INTEGER
        for name, value in constants.items()
    }


def _value(declared: dict[str, Any], place: str, model: PackedDefinitions) -> Any:
    given = [key for key in declared if key.startswith(_PREFIX)]
    if len(given) != 1:
        raise ViewError(place, f"a constant has exactly one value[x], and this one has {len(given)}")
    type_name = _BY_PROPERTY.get(given[0])
    if type_name is None:
        raise ViewError(f"{place}.{given[0]}", f"a constant is of one of the types {', '.join(_TYPES)}")
    value = declared[given[0]]
    if type_name == "integer64":
        if not isinstance(value, int | str) or not _LONG.fullmatch(str(value)):
            raise ViewError(f"{place}.{given[0]}", "the value is no integer64")
        return int(value)
    if not _fits(value, model, type_name):
        raise ViewError(f"{place}.{given[0]}", f"the value is no {type_name}")
    return Element(value, type_name)


def _fits(value: Any, model: PackedDefinitions, type_name: str) -> bool:
    definition = model.type(type_name)
    if definition.json == "boolean":
        return isinstance(value, bool)
    if definition.json == "number":
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        if not is_number or (type_name != "decimal" and not isinstance(value, int)):
            return False
    elif not isinstance(value, str):
        return False
    return not definition.regex or re.fullmatch(definition.regex, str(value)) is not None
