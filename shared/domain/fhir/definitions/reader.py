"""Reads FHIR R4's definitions type by type from the artefact beside this file.

The artefact is written by `python3 -m local definitions build` from HL7's definition files,
https://hl7.org/fhir/R4/downloads.html (4.0.1, CC0).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, Final

from shared.domain.fhir.definitions.artefact import Artefact
from shared.domain.fhir.definitions.model import (
    Binding,
    Constraint,
    Element,
    Kind,
    Strength,
    TypeDefinition,
    TypeRef,
    ValueSetCodes,
)

R4_ARTEFACT: Final = f"{__file__.removesuffix('reader.py')}r4.definitions"


@cache
def r4() -> PackedDefinitions:
    """FHIR R4 4.0.1, one object for the process."""
    with open(R4_ARTEFACT, "rb") as file:  # noqa: PTH123 - pathlib takes 4 ms to import, which a cold start pays
        return PackedDefinitions(Artefact(file.read()))


class PackedDefinitions:
    """`Definitions` over an artefact. What was read is kept; two threads that read the same type get equal ones."""

    def __init__(self, artefact: Artefact) -> None:
        self._artefact = artefact
        outline = artefact.read("outline", "outline")
        self.resource_types: frozenset[str] = frozenset(outline["resources"])
        self._bases: dict[str, str] = outline["bases"]
        self._types: dict[str, TypeDefinition] = {}
        self._properties: dict[tuple[str, str], Mapping[str, str] | None] = {}
        self._value_sets: dict[str, ValueSetCodes | None] = {}
        self._code_systems: dict[str, frozenset[str] | None] = {}
        self._shared: dict[Any, Any] = {}

    def type(self, name: str) -> TypeDefinition:
        """The definition of a resource, data type or backbone (`Patient.contact`); KeyError where R4 has none."""
        found = self._types.get(name)
        if found is None:
            self._types.update(self._unpacked(self._artefact.read("type", name.partition(".")[0])))
            found = self._types[name]
        return found

    def is_subtype(self, name: str, of: str) -> bool:
        """Whether `name` is `of` or derived from it; an unknown name is a subtype of itself only."""
        if name == of:
            return True
        if "." in name:
            try:
                name = self.type(name).base
            except KeyError:
                return False
        while name and name != of:
            name = self._bases.get(name, "")
        return name == of

    def properties(self, type_name: str, element_name: str) -> Mapping[str, str] | None:
        """JSON property → type name of an element named without a choice's suffix; None where there is none."""
        key = (type_name, element_name)
        if key not in self._properties:
            try:
                element = self.type(type_name).elements.get(element_name)
            except KeyError:
                element = None
            self._properties[key] = (
                None if element is None else {name: ref.name for name, ref in element.properties.items()}
            )
        return self._properties[key]

    def value_set(self, url: str) -> ValueSetCodes | None:
        """The codes of a value set, or None where they cannot be enumerated or the value set is not held."""
        if url not in self._value_sets:
            self._value_sets[url] = self._codes_of(url)
        return self._value_sets[url]

    def code_system(self, url: str) -> frozenset[str] | None:
        """All codes of a code system that the specification holds whole, else None."""
        if url not in self._code_systems:
            held = url in self._artefact.names("code-system")
            codes = frozenset(self._artefact.read("code-system", url)) if held else None
            self._code_systems[url] = codes
        return self._code_systems[url]

    @cached_property
    def vital_sign_profiles(self) -> Mapping[str, str]:
        """LOINC code → canonical of the base specification's profile for it."""
        codes: dict[str, str] = self._artefact.read("outline", "vital-signs")
        return codes

    def structure_definition(self, url: str) -> dict[str, Any] | None:
        """A profile or extension of the base specification, cut down to what is checked; None where it has none."""
        if url not in self._artefact.names("profile"):
            return None
        packed: dict[str, Any] = self._artefact.read("profile", url)
        return packed

    def _codes_of(self, url: str) -> ValueSetCodes | None:
        if url not in self._artefact.names("value-set"):
            return None
        packed = self._artefact.read("value-set", url)
        systems = {
            system: (self.code_system(system) or frozenset()) if codes is None else frozenset(codes)
            for system, codes in packed["systems"].items()
        }
        return ValueSetCodes(url, systems, frozenset(packed["open"]))

    def _unpacked(self, packed: dict[str, Any]) -> dict[str, TypeDefinition]:
        constraints = [self._one(Constraint, *parts) for parts in packed["constraints"]]
        types = {}
        for name, (kind, base, regex, json, keys, elements) in packed["types"].items():
            types[name] = TypeDefinition(
                name=name,
                kind=Kind(kind),
                base=base,
                elements={element[0]: self._element(element, constraints) for element in elements},
                constraints=tuple(constraints[key] for key in keys),
                regex=regex,
                json=json,
            )
        return types

    def _element(self, packed: list[Any], constraints: list[Constraint]) -> Element:
        name, low, high, is_array, properties, binding, keys = packed
        refs = {
            key: self._one(TypeRef, ref)
            if isinstance(ref, str)
            else self._one(TypeRef, ref[0], tuple(ref[1:]))
            for key, ref in properties.items()
        }
        return Element(
            name=name,
            low=low,
            high=high,
            is_array=is_array,
            properties=refs,
            binding=self._one(Binding, Strength(binding[0]), *binding[1:]) if binding else None,
            constraints=tuple(constraints[key] for key in keys),
        )

    def _one(self, kind: Any, *parts: Any) -> Any:
        """The one object with these parts: `TypeRef("string")` and `dom-2` occur hundreds of times."""
        key = (kind, *parts)
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = kind(*parts)
        return found
