"""The definitions as the validator, FHIRPath and the fast pass see them.

https://hl7.org/fhir/R4/structuredefinition.html, cut down to what decides about an instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec


class Kind(StrEnum):
    """What a type is. A backbone is the unnamed type of an element with children: `Patient.contact`."""

    RESOURCE = "resource"
    COMPLEX = "complex"
    BACKBONE = "backbone"
    PRIMITIVE = "primitive"


class Strength(StrEnum):
    """https://hl7.org/fhir/R4/valueset-binding-strength.html without `example`, which decides nothing."""

    REQUIRED = "required"
    EXTENSIBLE = "extensible"
    PREFERRED = "preferred"


class Binding(msgspec.Struct, frozen=True):
    """Codes from a value set; `value_set` is its canonical without version.

    `maximum` is the value set that every code is of, also where others than those of `value_set` may be used; "" for any.
    https://hl7.org/fhir/R4/extension-elementdefinition-maxvalueset.html
    """

    strength: Strength
    value_set: str
    maximum: str = ""


class Constraint(msgspec.Struct, frozen=True):
    """A FHIRPath invariant: `key` as `dom-2`, `severity` error or warning, `human` as published."""

    key: str
    severity: str
    human: str
    expression: str


class TypeRef(msgspec.Struct, frozen=True):
    """One allowed type of an element.

    `name` is a type of the definitions (`HumanName`, `code`, `Patient.contact` for a backbone or what a contentReference
    points to, `Resource` for any resource). `targets` are the resource types a Reference or canonical may name; empty: any.
    """

    name: str
    targets: tuple[str, ...] = ()


class Element(msgspec.Struct, frozen=True):
    """One element of a type, named without the suffix of a choice: `value` for `value[x]`.

    `high` is None for `*`. `properties` maps each JSON property to its type: `{"valueQuantity": TypeRef("Quantity"), …}`
    for a choice, one entry otherwise. `fixed` and `pattern` are JSON values of a profile, absent (None) in base types.
    `is_array` is the base definition's: a profile that lowers the maximum to 1 does not change the JSON.
    """

    name: str
    low: int
    high: int | None
    is_array: bool
    properties: Mapping[str, TypeRef]
    binding: Binding | None = None
    constraints: tuple[Constraint, ...] = ()
    fixed: Any = None
    pattern: Any = None

    @property
    def is_choice(self) -> bool:
        """Whether the element is written `name[x]`."""
        return self.name not in self.properties


class TypeDefinition(msgspec.Struct, frozen=True):
    """A type with all its elements, inherited ones included, in the order of the specification.

    `constraints` are those on the type's root, inherited ones included. `regex` and `json` (`string`, `boolean`,
    `number`) are a primitive's. `base` is the parent type (`Quantity` for `Age`), "" at the root.
    """

    name: str
    kind: Kind
    base: str
    elements: Mapping[str, Element]
    constraints: tuple[Constraint, ...] = ()
    regex: str = ""
    json: str = ""


class ValueSetCodes(msgspec.Struct, frozen=True):
    """The codes of a value set that can be enumerated from the base specification: system → codes.

    A value set that cannot (it filters SNOMED CT, UCUM, …) has no `ValueSetCodes` at all. `open_systems` are the code
    systems it takes whole whose codes the specification does not hold: any code of theirs is accepted.
    """

    url: str
    systems: Mapping[str, frozenset[str]]
    open_systems: frozenset[str] = frozenset()

    def listed(self) -> str:
        """The codes in a sentence where they are few, else nothing."""
        codes = sorted(frozenset().union(*self.systems.values()))
        if self.open_systems or not 0 < len(codes) <= _FEW_CODES:
            return ""
        return f" Its codes: {', '.join(codes)}."


_FEW_CODES: Final = 12


class Definitions(Protocol):
    """Reads types lazily and keeps what was read; raises KeyError for a name it does not know."""

    resource_types: frozenset[str]

    def __hash__(self) -> int: ...

    def type(self, name: str) -> TypeDefinition: ...

    def is_subtype(self, name: str, of: str) -> bool:
        """Whether `name` is `of` or derived from it: `Age` of `Quantity`, `Patient` of `Resource`, `code` of `string`."""
        ...

    def properties(self, type_name: str, element_name: str) -> Mapping[str, str] | None:
        """JSON property → type name of an element named without a choice's suffix; None where there is none."""
        ...

    def structure_definition(self, url: str) -> dict[str, Any] | None:
        """A profile or extension of the base specification, cut down to what is checked; None where it has none."""
        ...

    def value_set(self, url: str) -> ValueSetCodes | None: ...

    def code_system(self, url: str) -> frozenset[str] | None:
        """All codes of a code system that the specification holds whole, else None."""
        ...
