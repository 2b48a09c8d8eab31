"""Whether the ids of a resource's elements are its own: each stands in it once.

https://hl7.org/fhir/R4/element-definitions.html#Element.id
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.domain.fhir.definitions.model import Definitions, TypeDefinition
from shared.domain.fhir.outcome import Issue, error

_UNASKED: Final = frozenset({"StructureDefinition"})
"""Its snapshot and its differential name the same elements."""


def element_id_issues(resource: dict[str, Any], definitions: Definitions, path: str) -> Iterator[Issue]:
    """The elements whose id another element before them has; resources within have ids of their own."""
    name = resource.get("resourceType")
    if name in _UNASKED:
        return
    ids = list(_ids(resource))
    if len(set(ids)) == len(ids):
        return
    text = "Another element of this resource has this id: what refers to it could mean either."
    seen: set[str] = set()
    for where, element in _elements(resource, definitions, definitions.type(str(name)), path):
        id_ = element["id"]
        if id_ in seen:
            yield error("invalid", text, f"{where}.id", "element-id-unique")
        seen.add(id_)


def _ids(resource: dict[str, Any]) -> Iterator[str]:
    stack: list[Any] = [value for name, value in resource.items() if name != "id"]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict) and "resourceType" not in node:
            if isinstance(node.get("id"), str):
                yield node["id"]
            stack.extend(node.values())


def _elements(
    node: dict[str, Any], definitions: Definitions, definition: TypeDefinition, path: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The elements below a node that have an id, with their paths, in the order of the specification."""
    for element in definition.elements.values():
        for name, reference in element.properties.items():
            if reference.name == "Resource":
                continue
            step = f"{element.name}.ofType({reference.name})" if element.is_choice else name
            for key, of_type in ((name, reference.name), (f"_{name}", "Element")):
                for where, item in _items(node.get(key), f"{path}.{step}"):
                    if isinstance(item.get("id"), str):
                        yield where, item
                    yield from _elements(item, definitions, definitions.type(of_type), where)


def _items(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield f"{path}[{index}]", item
