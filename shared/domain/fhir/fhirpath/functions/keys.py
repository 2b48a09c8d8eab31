"""`getResourceKey` and `getReferenceKey`, which SQL on FHIR adds to FHIRPath so that tables can be joined.

https://sql-on-fhir.org/ig/2.0.0/StructureDefinition-ViewDefinition.html#required-additional-functions. The key is the
resource's id.
"""

from __future__ import annotations

import re
from typing import Any, Final

from shared.domain.fhir.fhirpath.element import EMPTY, Element, Items
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.functions.registry import Arguments, Operation, function
from shared.domain.fhir.fhirpath.syntax import Literal, TypeName
from shared.domain.fhir.fhirpath.types import type_name

REFERENCE: Final = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]*)?")
"""A literal reference, relative or absolute: the type, then the id. https://hl7.org/fhir/R4/references.html#literal"""


@function("getResourceKey")
def _get_resource_key(_: Arguments) -> Operation:
    def operate(_env: Environment, items: Items, _this: Items) -> Items:
        found = (item.value.get("id") for item in items if _is_resource(item))
        return [key for key in found if key is not None]

    return operate


def _is_resource(item: Any) -> bool:
    return type(item) is Element and type(item.value) is dict and "resourceType" in item.value


@function("getReferenceKey", 0, 1)
def _get_reference_key(arguments: Arguments) -> Operation:
    """Empty for a reference of another type than asked for, to a contained resource, and to one that has no id yet."""
    wanted = reference_target(arguments).name if arguments else ""

    def operate(_env: Environment, items: Items, _this: Items) -> Items:
        if not items:
            return EMPTY
        keys = (_key(item, wanted) for item in items)
        return [key for key in keys if key is not None]

    return operate


def reference_target(arguments: Arguments) -> TypeName:
    """The type that the argument names; the specification's own example writes it in quotes."""
    node = arguments[0].node
    if isinstance(node, Literal) and isinstance(node.value, str):
        return TypeName("", node.value)
    return type_name(node)


def _key(item: Any, wanted: str) -> str | None:
    value = item.value if type(item) is Element else None
    reference = value.get("reference") if type(value) is dict else None
    match = REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    return match[2] if match and wanted in ("", match[1]) else None
