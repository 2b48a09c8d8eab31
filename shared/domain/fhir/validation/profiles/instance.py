"""An instance seen element by element: values with their types, primitives with their siblings, paths with indices.

https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Final

from shared.domain.fhir.definitions.model import Definitions

_FEW: Final = 4


class Item:
    """One value: JSON, and of a primitive the sibling `_name` with its id and extensions."""

    __slots__ = ("_parent", "_step", "sibling", "type_name", "value")

    def __init__(
        self,
        value: Any,
        type_name: str,
        step: str,
        sibling: dict[str, Any] | None = None,
        parent: Item | None = None,
    ) -> None:
        self.value = value
        self.type_name = type_name
        self.sibling = sibling
        self._step = step
        self._parent = parent

    @property
    def path(self) -> str:
        """A FHIRPath with indices. It is asked for only where something is wrong, so it is put together then."""
        return self._step if self._parent is None else f"{self._parent.path}.{self._step}"


class Instances:
    """Walks JSON by the definitions; what is not built as they say is skipped: structure is checked elsewhere."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._properties: dict[tuple[str, str], tuple[tuple[str, str, str, str], ...]] = {}

    def children(self, item: Item, name: str) -> list[Item]:
        """The items of the element `name`, a choice without its suffix, in the order of the instance."""
        owner = item.value
        if type(owner) is not dict:
            owner = item.sibling
            if owner is None:
                return []
        found: list[Item] = []
        properties = self._properties_of(item.type_name, name)
        if len(properties) > _FEW:  # `value[x]` has fifty, and an object one of them
            names = {each.removeprefix("_") for each in owner}
            properties = tuple(each for each in properties if each[0] in names)
        for key, hidden, type_name, step in properties:
            value, sibling = owner.get(key), owner.get(hidden)
            if type(value) is list or type(sibling) is list:
                found += _listed(value, sibling, type_name, step, item)
            elif value is not None or sibling is not None:
                found.append(_item(value, sibling, type_name, step, item))
        return found

    def is_a(self, item: Item, type_name: str) -> bool:
        """Whether a profile that allows `type_name` allows the item: `valueCode` is no `string`, any Patient a Resource."""
        own = item.type_name
        if own == type_name:
            return True
        by_descent = own == "SimpleQuantity" or "." in own or own in self._definitions.resource_types
        return by_descent and self._definitions.is_subtype(own, type_name)

    def _properties_of(self, type_name: str, name: str) -> tuple[tuple[str, str, str, str], ...]:
        """Of each JSON property of an element: it, its sibling, its type, and its step in a path."""
        known = self._properties.get((type_name, name))
        if known is None:
            known = self._properties[type_name, name] = tuple(self._read_properties(type_name, name))
        return known

    def _read_properties(self, type_name: str, name: str) -> Iterator[tuple[str, str, str, str]]:
        try:
            element = self._definitions.type(type_name).elements.get(name)
        except KeyError:
            return
        for key, reference in element.properties.items() if element is not None else ():
            step = f"{name}.ofType({reference.name})" if element is not None and element.is_choice else name
            yield key, f"_{key}", reference.name, step

    def reached(self, item: Item, path: str) -> list[Item]:
        """The items that a discriminator's path reaches; raises Undecidable for what is more than names and extensions."""
        items = [item]
        for step in _steps(path):
            name, _, argument = step.partition("(")
            if name == "extension" and argument:
                url = argument.rstrip(")").strip("'\"")
                extensions = (below for each in items for below in self.children(each, "extension"))
                items = [e for e in extensions if isinstance(e.value, dict) and e.value.get("url") == url]
            elif name == "ofType" and argument:
                of = argument.rstrip(")")
                items = [each for each in items if self._definitions.is_subtype(each.type_name, of)]
            elif argument:
                raise Undecidable
            else:
                items = [below for each in items for below in self.children(each, name)]
        return items


class Undecidable(Exception):
    """The path follows a reference or uses a function: whether an item is in a slice cannot be told here."""


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[str, ...]:
    """The steps of a path; a dot inside an extension's URL divides nothing."""
    steps: list[str] = []
    depth = start = 0
    for position, sign in enumerate(path):
        depth += (sign == "(") - (sign == ")")
        if sign == "." and not depth:
            steps.append(path[start:position])
            start = position + 1
    steps.append(path[start:])
    return tuple(step for step in steps if step != "$this")


def _listed(value: Any, sibling: Any, type_name: str, step: str, parent: Item) -> Iterator[Item]:
    values = value if isinstance(value, list) else []
    siblings = sibling if isinstance(sibling, list) else []
    for index, (each, beside) in enumerate(zip_longest(values, siblings)):
        yield _item(each, beside, type_name, f"{step}[{index}]", parent)


def _item(value: Any, sibling: Any, type_name: str, step: str, parent: Item) -> Item:
    if type_name == "Resource" and isinstance(value, dict):
        type_name = str(value.get("resourceType", type_name))
    return Item(value, type_name, step, sibling if isinstance(sibling, dict) else None, parent)
