"""The JSON properties of a type, and what was meant by a property it does not have.

https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import msgspec

from shared.domain.fhir.definitions.model import Element, TypeDefinition, TypeRef
from shared.domain.fhir.releases import release_of_element

_COMMENTS: Final = "fhir_comments"
_LONGEST_NAME: Final = 64


class Property(msgspec.Struct, frozen=True):
    """What one JSON property of a type is."""

    element: Element
    type: TypeRef


@lru_cache(maxsize=512)
def _known(names: tuple[str, ...]) -> Mapping[str, str]:
    return {name.lower(): name for name in names}


def properties_of(definition: TypeDefinition) -> dict[str, Property]:
    """JSON property → its element and type, in the order of the specification."""
    return {
        name: Property(element, reference)
        for element in definition.elements.values()
        for name, reference in element.properties.items()
    }


def unknown_name_text(name: str, type_name: str, known: Mapping[str, Property]) -> str:
    """Why a type has no property `name`, and which one was meant where that can be told."""
    if name == _COMMENTS:
        return "fhir_comments is of DSTU 2: JSON in R4 has no comments."
    bare = name.removeprefix("_")
    meant = _known(tuple(known)).get(bare.lower())
    if name.startswith("_") and meant == bare:
        return f"_{bare} carries the id and extensions of a primitive, and {bare} is not one here: put them inside it."
    if meant is not None:
        return f"FHIR names are case-sensitive: this element is written {meant}."
    release = release_of_element(type_name, bare)
    if release:
        return f"This element is of {release}, not R4."
    choice = _choice(bare, known)
    if choice is not None:
        forms = ", ".join(choice.properties)
        return f"The choice element {choice.name}[x] is written here as one of {forms}."
    from difflib import get_close_matches

    close = get_close_matches(bare, list(known), n=1, cutoff=0.8) if len(bare) <= _LONGEST_NAME else []
    if close:
        return f"FHIR R4 has no element of this name here: {close[0]} may be meant."
    return "FHIR R4 has no element of this name here: check its spelling and its place."


def _choice(name: str, known: Mapping[str, Property]) -> Element | None:
    """The choice element that `value` or `valueTypeItDoesNotTake` was meant to be."""
    for found in known.values():
        choice = found.element
        rest = name.removeprefix(choice.name)
        if choice.is_choice and name.startswith(choice.name) and (not rest or rest[0].isupper()):
            return choice
    return None
