"""Value sets as the codes in them, as far as the specification's own code systems reach.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Codes = dict[str, set[str]]


class NotEnumerable(Exception):
    """The value set selects from a code system whose content the specification does not hold."""


@dataclass(slots=True)
class Expansion:
    """System → codes, and the systems taken whole whose codes are not held."""

    codes: Codes = field(default_factory=dict)
    open_systems: set[str] = field(default_factory=set)

    def add(self, other: Expansion) -> None:
        """Takes in what `other` has."""
        for system, codes in other.codes.items():
            self.codes.setdefault(system, set()).update(codes)
        self.open_systems |= other.open_systems

    def common(self, other: Expansion) -> Expansion:
        """What both have; a system open on one side keeps the other side's codes."""
        both = Expansion(open_systems=self.open_systems & other.open_systems)
        for mine, theirs in ((self, other), (other, self)):
            for system, codes in mine.codes.items():
                if system in theirs.open_systems:
                    both.codes[system] = set(codes)
                elif system in theirs.codes:
                    both.codes[system] = codes & theirs.codes[system]
        return both

    def remove(self, other: Expansion) -> None:
        """Takes out what `other` has; raises NotEnumerable where that would leave a system open but for a few codes."""
        if self.open_systems & (other.open_systems | other.codes.keys()):
            raise NotEnumerable
        for system, codes in other.codes.items():
            self.codes.get(system, set()).difference_update(codes)
        for system in other.open_systems:
            self.codes.pop(system, None)


@dataclass(frozen=True, slots=True)
class HeldSystem:
    """A code system whose content is whole: all codes, and of each its direct parents."""

    codes: frozenset[str]
    parents: Mapping[str, frozenset[str]]

    def descends(self, code: str, ancestor: str) -> bool:
        """Whether `ancestor` stands somewhere above `code`."""
        seen: set[str] = set()
        waiting = list(self.parents.get(code, ()))
        while waiting:
            parent = waiting.pop()
            if parent == ancestor:
                return True
            if parent not in seen:
                seen.add(parent)
                waiting.extend(self.parents.get(parent, ()))
        return False


class Terminology:
    """The code systems and value sets of the specification."""

    def __init__(self, resources: Iterable[dict[str, Any]]) -> None:
        self.systems: dict[str, HeldSystem] = {}
        self.value_sets: dict[str, dict[str, Any]] = {}
        for resource in resources:
            if resource["resourceType"] == "ValueSet":
                self.value_sets[resource["url"]] = resource
            elif resource["resourceType"] == "CodeSystem" and resource["content"] == "complete":
                self.systems[resource["url"]] = _held(resource)

    def chunks(self) -> dict[str, dict[str, Any]]:
        """The groups `code-system` and `value-set`; null stands for all codes of a held system."""
        value_sets = {}
        for url in self.value_sets:
            try:
                expansion = self.expand(url)
            except NotEnumerable:
                continue
            value_sets[url] = {
                "systems": {
                    system: None if self._is_whole(system, codes) else sorted(codes)
                    for system, codes in sorted(expansion.codes.items())
                },
                "open": sorted(expansion.open_systems),
            }
        systems = {url: sorted(system.codes) for url, system in self.systems.items()}
        return {"code-system": systems, "value-set": value_sets}

    def expand(self, url: str, inside: tuple[str, ...] = ()) -> Expansion:
        """The codes of a value set; raises NotEnumerable where they cannot be known."""
        if url in inside or url not in self.value_sets:
            raise NotEnumerable
        compose = self.value_sets[url].get("compose", {})
        if "include" not in compose:
            raise NotEnumerable
        expansion = Expansion()
        for include in compose["include"]:
            expansion.add(self._selected(include, (*inside, url)))
        for exclude in compose.get("exclude", ()):
            expansion.remove(self._selected(exclude, (*inside, url)))
        return expansion

    def _selected(self, part: dict[str, Any], inside: tuple[str, ...]) -> Expansion:
        selections = [self.expand(url.partition("|")[0], inside) for url in part.get("valueSet", ())]
        if "system" in part:
            selections.append(self._of_system(part))
        selected, *rest = selections
        for other in rest:
            selected = selected.common(other)
        return selected

    def _of_system(self, part: dict[str, Any]) -> Expansion:
        system: str = part["system"]
        if "concept" in part:
            return Expansion({system: {concept["code"] for concept in part["concept"]}})
        held = self.systems.get(system)
        if held is None:
            if "filter" in part:
                raise NotEnumerable
            return Expansion(open_systems={system})
        codes = set(held.codes)
        for filter_ in part.get("filter", ()):
            codes &= _filtered(held, filter_)
        return Expansion({system: codes})

    def _is_whole(self, system: str, codes: set[str]) -> bool:
        return system in self.systems and self.systems[system].codes == codes


def _filtered(held: HeldSystem, filter_: dict[str, str]) -> set[str]:
    value = filter_["value"]
    if filter_["property"] != "concept":
        raise NotEnumerable
    below = {code for code in held.codes if held.descends(code, value)}
    match filter_["op"]:
        case "is-a":
            return below | {value}
        case "descendent-of":
            return below
        case "is-not-a":
            return set(held.codes) - below - {value}
        case _:
            raise NotEnumerable


def _held(code_system: dict[str, Any]) -> HeldSystem:
    parents: dict[str, set[str]] = {}
    for code, above in _concepts(code_system.get("concept", ()), None):
        parents.setdefault(code, set()).update(above)
    return HeldSystem(frozenset(parents), {code: frozenset(above) for code, above in parents.items()})


def _concepts(concepts: Iterable[dict[str, Any]], parent: str | None) -> Iterator[tuple[str, set[str]]]:
    """Each code with its parents: by nesting, or by `subsumedBy`, as version 3's code systems write a second parent."""
    for concept in concepts:
        above = {
            value["valueCode"]
            for value in concept.get("property", ())
            if value["code"] == "subsumedBy" and "valueCode" in value
        }
        yield concept["code"], above | ({parent} if parent else set())
        yield from _concepts(concept.get("concept", ()), concept["code"])
