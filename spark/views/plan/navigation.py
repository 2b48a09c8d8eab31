"""From an element to its children, in a struct that holds what the view reads. https://hl7.org/fhir/R4/json.html"""

from __future__ import annotations

from functools import partial
from typing import Final

from shared.domain.fhir.definitions.reader import PackedDefinitions
from spark.views.plan.used import Used
from spark.views.plan.values import NOTHING, NotPlanned, Value, named

_OPEN: Final = frozenset({"Resource", "DomainResource"})


def child(model: PackedDefinitions, parent: Value, name: str) -> Value:
    """All children called `name`."""
    if parent.is_nothing:
        return NOTHING
    if parent.choices:
        raise NotPlanned(f"a step to {name} below a choice of types that ofType() does not narrow")
    if parent.type[:1].islower():
        if parent.beside is None:
            raise NotPlanned(f"a step to {name} below a primitive that repeats")
        return child(model, parent.beside(), name)
    properties = model.properties(parent.type, name)
    if not properties or parent.used is None:
        return NOTHING
    is_array = model.type(parent.type).elements[name].is_array
    found = [
        (type_name, partial(_property, parent, parent.used, key, type_name, is_array=is_array))
        for key, type_name in properties.items()
    ]
    return found[0][1]() if len(found) == 1 else Value("", "", choices=tuple(found))


def narrowed(model: PackedDefinitions, value: Value, name: str) -> Value:
    """What of `value` is of the FHIR type `name`; a primitive is not taken for the one it is derived from."""
    if not value.choices:
        return value if value.is_nothing or _is_of(model, value.type, name) else NOTHING
    kept = [choice for choice in value.choices if _is_of(model, choice[0], name)]
    if len(kept) > 1:
        return Value("", "", choices=tuple(kept))
    return kept[0][1]() if kept else NOTHING


def _is_of(model: PackedDefinitions, type_name: str, name: str) -> bool:
    return type_name == name or (type_name[:1].isupper() and model.is_subtype(type_name, name))


def _property(parent: Value, owner: Used, key: str, type_name: str, *, is_array: bool) -> Value:
    if type_name in _OPEN:
        raise NotPlanned("resources inside of resources")
    used = owner.read(key, type_name, is_array=is_array)
    is_primitive = type_name[:1].islower()
    sql = f"{parent.sql}.{named(key)}"
    if not parent.is_many and not is_array:
        beside = (
            partial(_property, parent, owner, f"_{key}", "Element", is_array=False) if is_primitive else None
        )
        return Value(sql, type_name, used=used, beside=beside)
    if parent.is_many and is_array:
        sql = f"flatten(array_compact({sql}))"
    if is_primitive or not is_array:
        sql = f"array_compact({sql})"
    return Value(sql, type_name, is_many=True, used=used)
