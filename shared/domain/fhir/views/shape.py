"""Reading the JSON of a view: each piece with its place, refused where it is not of the form it must have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from shared.domain.fhir.views.errors import ViewError

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def at(place: str, name: str) -> str:
    """The place of the property `name`."""
    return f"{place}.{name}" if place else name


def objects(owner: dict[str, Any], name: str, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of the array `name`, which may be absent, each with its place."""
    for where, each in members(owner, name, place):
        if not isinstance(each, dict):
            raise ViewError(where, "an object is expected")
        yield where, each


def members(owner: dict[str, Any], name: str, place: str) -> Iterator[tuple[str, Any]]:
    """The members of the array `name`, which may be absent, each with its place."""
    array = owner.get(name)
    if array is None:
        return
    if not isinstance(array, list):
        raise ViewError(at(place, name), "an array is expected")
    for number, each in enumerate(array):
        yield f"{at(place, name)}[{number}]", each


def text(owner: dict[str, Any], name: str, place: str) -> str:
    """The text `name`, which must be there and not be blank."""
    value = owner.get(name)
    if value is None:
        raise ViewError(at(place, name), "this is required and missing")
    if not isinstance(value, str) or not value.strip():
        raise ViewError(at(place, name), "a text is expected")
    return value


def name_of(owner: dict[str, Any], place: str) -> str:
    """The name of a column or constant: https://sql-on-fhir.org/ig/2.0.0, invariant sql-name."""
    name = text(owner, "name", place)
    if not _NAME.fullmatch(name):
        raise ViewError(
            at(place, "name"), "a name is made of letters, digits and underscores and begins with a letter"
        )
    return name


def flag(owner: dict[str, Any], name: str, place: str) -> bool:
    """The boolean `name`, false where it is absent."""
    value = owner.get(name)
    if value is not None and not isinstance(value, bool):
        raise ViewError(at(place, name), "true or false is expected")
    return value is True
