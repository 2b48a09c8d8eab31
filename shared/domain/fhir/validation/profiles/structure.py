"""Reads a StructureDefinition into a profile's tree.

https://hl7.org/fhir/R4/structuredefinition.html and https://hl7.org/fhir/R4/elementdefinition.html#id
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec.structs import replace

from shared.domain.fhir.definitions.model import (
    Binding,
    Constraint,
    Definitions,
    Element,
    Strength,
    TypeDefinition,
)
from shared.domain.fhir.validation.profiles.model import Discriminator, Node, NodeType, Profile, Slicing
from shared.errors import InputError

_CANONICAL: Final = "http://hl7.org/fhir/StructureDefinition/"
_STRENGTHS: Final = frozenset(strength.value for strength in Strength)


def read_profile(definition: dict[str, Any], definitions: Definitions) -> Profile:
    """The profile that a StructureDefinition of derivation `constraint` describes.

    With a snapshot the tree is complete; with a differential alone the base profile is to be checked too. Raises
    InputError (400) where it is no profile of a type that is known, or where elements have no id.
    """
    try:
        type_definition = definitions.type(definition["type"])
        part = "snapshot" if "snapshot" in definition else "differential"
        elements: list[dict[str, Any]] = definition[part]["element"]
        root = Node(definition["type"])
        _Reader(definitions).fill(root, type_definition, elements)
        return Profile(
            url=definition["url"],
            name=definition["url"].rpartition("/")[2],
            type_name=definition["type"],
            base=definition.get("baseDefinition", ""),
            is_complete=part == "snapshot",
            root=root,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as failure:
        raise InputError(
            "The StructureDefinition cannot be used as a profile: it needs url, a type of FHIR R4, and a snapshot or "
            "differential whose elements have ids."
        ) from failure


class _Reader:
    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def fill(self, root: Node, root_type: TypeDefinition, elements: list[dict[str, Any]]) -> None:
        """Hangs every element under `root` and then drops what the base type says already."""
        root.constraints = _constraints(elements[0]) if elements and "." not in elements[0]["id"] else ()
        for element in elements:
            _, *parts = element["id"].split(".")
            if parts:
                _say(_place(root, parts), element)
        keys = {constraint.key for constraint in root_type.constraints}
        root.constraints = tuple(c for c in root.constraints if c.key not in keys)
        self._prune_children(root, root_type.name)

    def _prune_children(self, node: Node, type_name: str) -> None:
        for name, child in list(node.children.items()):
            base = self._element(type_name, name)
            self._prune(child, base)
            if child.asks_nothing:
                del node.children[name]

    def _prune(self, node: Node, base: Element | None) -> None:
        """Takes from `node` what `base` asks of every instance anyway."""
        type_name = _one_type(node, base)
        if node.slices and node.slicing is None:
            node.slicing = _implied_slicing(node, base)
        for slice_ in list(node.slices.values()):
            self._prune(slice_, base)
        if base is not None:
            if not node.slice_name and node.low <= base.low:
                node.low = 0
            if base.high is not None and node.high is not None and node.high >= base.high:
                node.high = None
            if _same_types(node.types, base):
                node.types = ()
            # A maximum is the base type's to check.
            if base.binding is not None and node.binding == replace(base.binding, maximum=""):
                node.binding = None
            known = {constraint.key for constraint in base.constraints} | self._keys(type_name)
            node.constraints = tuple(c for c in node.constraints if c.key not in known)
        self._prune_children(node, type_name)

    def _element(self, type_name: str, name: str) -> Element | None:
        try:
            return self._definitions.type(type_name).elements.get(name)
        except KeyError:
            return None

    def _keys(self, type_name: str) -> set[str]:
        try:
            constraints = self._definitions.type(type_name).constraints
        except KeyError:
            constraints = ()
        return {constraint.key for constraint in constraints} | {"ele-1", "ext-1"}


def _place(root: Node, parts: list[str]) -> Node:
    """The node of an element id, made where it is new: `category:VSCat.coding` is a child of a slice of a child."""
    node = root
    for part in parts:
        name, _, slice_name = part.partition(":")
        name = name.removesuffix("[x]")
        node = node.children.setdefault(name, Node(name))
        if slice_name:
            node = node.slices.setdefault(slice_name, Node(name, slice_name))
    return node


def _say(node: Node, element: dict[str, Any]) -> None:
    """Writes what an ElementDefinition says into its node."""
    node.low = element.get("min", 0)
    maximum = element.get("max", "*")
    node.high = None if maximum == "*" else int(maximum)
    node.types = tuple(_types(element))
    node.constraints = _constraints(element)
    node.fixed = _of_any_type(element, "fixed")
    node.pattern = _of_any_type(element, "pattern")
    binding = element.get("binding", {})
    if binding.get("strength") in _STRENGTHS and "valueSet" in binding:
        node.binding = Binding(Strength(binding["strength"]), binding["valueSet"].partition("|")[0])
    slicing = element.get("slicing")
    if slicing is not None:
        discriminators = tuple(
            Discriminator(each["type"], each["path"]) for each in slicing.get("discriminator", ())
        )
        node.slicing = Slicing(discriminators, slicing.get("rules") == "closed")


def _types(element: dict[str, Any]) -> Iterator[NodeType]:
    for type_ in element.get("type", ()):
        if not type_["code"].startswith("http:"):  # FHIRPath's own types, of ids and primitives' values
            targets = tuple(target.removeprefix(_CANONICAL) for target in type_.get("targetProfile", ()))
            yield NodeType(
                type_["code"], tuple(type_.get("profile", ())), () if "Resource" in targets else targets
            )


def _constraints(element: dict[str, Any]) -> tuple[Constraint, ...]:
    return tuple(
        Constraint(each["key"], each["severity"], each["human"], each["expression"])
        for each in element.get("constraint", ())
        if "expression" in each
    )


def _of_any_type(element: dict[str, Any], prefix: str) -> Any:
    """The value of `fixed[x]` or `pattern[x]`."""
    return next((value for name, value in element.items() if name.startswith(prefix)), None)


def _implied_slicing(node: Node, base: Element | None) -> Slicing | None:
    """What a differential may leave out: extensions are sliced by `url`, choices by type."""
    if node.name in ("extension", "modifierExtension"):
        return Slicing((Discriminator("value", "url"),))
    return Slicing((Discriminator("type", "$this"),)) if base is not None and base.is_choice else None


def _one_type(node: Node, base: Element | None) -> str:
    """The type whose elements stand below the node; "" where there are several."""
    named = {type_.name for type_ in node.types}
    if base is None:
        return named.pop() if len(named) == 1 else ""
    of_base = {reference.name for reference in base.properties.values()}
    if len(of_base) == 1:
        return of_base.pop()
    return named.pop() if len(named) == 1 else ""


def _same_types(types: tuple[NodeType, ...], base: Element) -> bool:
    if any(set(type_.profiles) - {f"{_CANONICAL}SimpleQuantity"} for type_ in types):
        return False
    mine = {(type_.name, frozenset(type_.targets)) for type_ in types}
    theirs = {(reference.name, frozenset(reference.targets)) for reference in base.properties.values()}
    backbone = len(theirs) == 1 and all("." in name or name == "SimpleQuantity" for name, _ in theirs)
    return backbone or mine == theirs
