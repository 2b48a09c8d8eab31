"""Checks one item against one profile's tree and says everything that is wrong.

https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from shared.domain.fhir.definitions.model import Binding, Constraint, Definitions, Strength
from shared.domain.fhir.outcome import FAILURES, Issue
from shared.domain.fhir.validation.errata import strength_of
from shared.domain.fhir.validation.profiles.instance import Instances, Item
from shared.domain.fhir.validation.profiles.matching import fits_pattern, is_fixed, is_in_value_set
from shared.domain.fhir.validation.profiles.model import Node, NodeType, Profile
from shared.domain.fhir.validation.profiles.slices import Slices
from shared.domain.fhir.validation.references import Form, read_reference

EvaluateConstraint: TypeAlias = Callable[[Constraint, Item], bool]
"""Whether an invariant holds at an item; True where that cannot be told."""
ProfileOf: TypeAlias = Callable[[str], Profile | None]
"""The profile of a canonical; None where it is not loaded."""

_MAX_NESTING: Final = 8
"""Profiles named by the types of profiles: published ones nest three deep, and one that names itself must end."""


class Surroundings(NamedTuple):
    """What the check of one resource needs beside the profile: `contained_types` is id → type of what it contains."""

    definitions: Definitions
    instances: Instances
    slices: Slices
    evaluate: EvaluateConstraint
    profile_of: ProfileOf
    contained_types: Mapping[str, str]


def check(profile: Profile, item: Item, around: Surroundings, nesting: int = 0) -> list[Issue]:
    """Every finding once, although an element and its slice often ask the same.

    Rules are `profile:<name>:<what>`, `what` being `min`, `max`, `type`, `target`, `fixed`, `pattern`, `binding`,
    `slice-min`, `slice-max`, `closed` or the key of an invariant.
    """
    walk = _Walk(profile.name, around, nesting)
    walk.item(profile.root, item)
    base = None if profile.is_complete else around.profile_of(profile.base)
    if base is not None and nesting < _MAX_NESTING:
        walk.found.update(dict.fromkeys(check(base, item, around, nesting + 1)))
    return list(walk.found)


class _Walk:
    """One profile over one item and all below it."""

    def __init__(self, profile: str, around: Surroundings, nesting: int) -> None:
        self.found: dict[Issue, None] = {}
        self._profile = profile
        self._around = around
        self._nesting = nesting

    def item(self, node: Node, item: Item) -> None:
        """What a node asks of one item, and of everything below it."""
        if node.types:
            self._type(node.types, item)
        self._value(node, item)
        for constraint in node.constraints:
            if not self._around.evaluate(constraint, item):
                text = f"{constraint.human.rstrip('.')}. ({constraint.key} of the profile {self._profile})"
                self._add(constraint.severity, "invariant", text, item.path, constraint.key)
        for name, child in node.children.items():
            self._element(child, item, self._around.instances.children(item, name))

    def _element(self, node: Node, parent: Item, items: list[Item]) -> None:
        if len(items) < node.low:
            demand = f"requires at least {node.low} of this element"
            self._error("required", demand, _path(parent, node), "min")
        if node.high is not None and len(items) > node.high:
            allowed = f"at most {node.high} of this element" if node.high else "none of this element"
            self._error("structure", f"allows {allowed}", _path(parent, node), "max")
        for item in items:
            self.item(node, item)
        divided = self._around.slices.divide(node, items) if node.slices else None
        if divided is not None:
            self._divided(node, parent, divided)

    def _divided(self, node: Node, parent: Item, divided: dict[str, list[Item]]) -> None:
        for name, slice_ in node.slices.items():
            items = divided[name]
            if len(items) < slice_.low:
                demand = f"requires at least {slice_.low} of the slice {name} here"
                self._error("required", demand, _path(parent, node), "slice-min")
            if slice_.high is not None and len(items) > slice_.high:
                demand = f"allows at most {slice_.high} of the slice {name} here"
                self._error("structure", demand, _path(parent, node), "slice-max")
            for item in items:
                self.item(slice_, item)
            nested = self._around.slices.divide(slice_, items) if slice_.slices else None
            if nested is not None:
                self._divided(slice_, parent, nested)
        if node.slicing is not None and node.slicing.closed:
            for item in divided[""]:
                self._error(
                    "structure", "allows only its own slices here, and this is in none", item.path, "closed"
                )

    def _value(self, node: Node, item: Item) -> None:
        if node.fixed is not None and not is_fixed(item.value, node.fixed):
            self._error("value", "fixes another value here", item.path, "fixed")
        if node.pattern is not None and not fits_pattern(item.value, node.pattern):
            self._error("value", "asks for a pattern that this value does not fit", item.path, "pattern")
        if node.binding is not None:
            self._binding(node.binding, item)

    def _binding(self, binding: Binding, item: Item) -> None:
        codes = self._around.definitions.value_set(binding.value_set)
        strength = strength_of(binding)
        if codes is None or strength is Strength.PREFERRED:
            return
        is_in = is_in_value_set(item.value, codes)
        name = binding.value_set.rpartition("/")[2]
        if strength is Strength.REQUIRED:
            if is_in is False or (is_in is None and item.sibling is None):
                text = f"The profile {self._profile} requires a code of the value set {name} here.{codes.listed()}"
                self._add("error", "code-invalid", text, item.path, "binding")
        elif is_in is False:
            text = f"The profile {self._profile} asks for a code of the value set {name} here where one fits."
            self._add("warning", "code-invalid", text, item.path, "binding")

    def _type(self, types: tuple[NodeType, ...], item: Item) -> None:
        fitting = [each for each in types if self._around.instances.is_a(item, each.name)]
        if not fitting:
            allowed = ", ".join(dict.fromkeys(each.name for each in types))
            self._error("structure", f"allows only {allowed} here", item.path, "type")
            return
        if not any(self._may_refer(each, item) for each in fitting):
            targets = ", ".join(target.rpartition("/")[2] for each in fitting for target in each.targets)
            self._error("structure", f"allows only references to {targets} here", item.path, "target")
        asked = [url for each in fitting for url in each.profiles]
        if asked and self._nesting < _MAX_NESTING:
            self._profiles(asked, item)

    def _profiles(self, urls: list[str], item: Item) -> None:
        """One of the profiles must hold; one that is not loaded may, so nothing is said then."""
        outcomes = []
        for url in urls:
            profile = self._around.profile_of(url)
            if profile is None:
                return
            outcomes.append(check(profile, item, self._around, self._nesting + 1))
        best = min(outcomes, key=_severity_count)
        self.found.update(dict.fromkeys(best))

    def _may_refer(self, type_: NodeType, item: Item) -> bool:
        """Whether a reference may be to one of the targets; True where its text does not tell what it is to."""
        if not type_.targets or type_.name != "Reference" or not isinstance(item.value, dict):
            return True
        text, named = item.value.get("reference"), item.value.get("type")
        target = named if isinstance(named, str) else ""
        if isinstance(text, str):
            link = read_reference(text)
            told = (
                self._around.contained_types.get(link.id, "") if link.form is Form.LOCAL else link.type_name
            )
            target = told or target
        return not target or any(self._targets(url, target) for url in type_.targets)

    def _targets(self, url: str, target: str) -> bool:
        """Whether a target of a profile, a type or the canonical of another profile, is of this type."""
        if "/" not in url and url in self._around.definitions.resource_types:
            return url == target
        profile = self._around.profile_of(url)
        return profile is None or profile.type_name == target

    def _error(self, code: str, demand: str, path: str, what: str) -> None:
        self._add("error", code, f"The profile {self._profile} {demand}.", path, what)

    def _add(self, severity: str, code: str, text: str, path: str, what: str) -> None:
        self.found[Issue(severity, code, text, path, f"profile:{self._profile}:{what}")] = None


def _severity_count(issues: list[Issue]) -> tuple[int, int]:
    return sum(issue.severity in FAILURES for issue in issues), len(issues)


def _path(parent: Item, node: Node) -> str:
    return f"{parent.path}.{node.name}"
