"""The remarks that valid resources commonly earn, made without the complete reading.

A code outside an extensible or preferred value set, a profile that is not loaded and a missing narrative are no errors, and
most real resources have one of them. The checks note the object; where it stands is found afterwards, by one walk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, Final

import msgspec

from shared.domain.fhir.definitions.model import Definitions
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.explain.findings import MAX_REMARKS

Order = tuple[int, ...]
_LAST: Final = 1 << 30

VALUE_ORDER: Final = 2
"""The length of the order of a remark on a single value: the place of its element in the type, and 0."""


class Stage(IntEnum):
    """When the complete reading comes to a remark on an object, whose elements it has read before."""

    OWN_INVARIANT = 0
    VALUE = 1
    BINDING = 2
    OUTER_INVARIANT = 3
    PROFILE = 4


class Remark(msgspec.Struct, frozen=True):
    """What is to be said of one object: `issues` makes it, given the FHIRPath and the type of the object.

    `order` is when the complete reading says it, among what it says of the object and all below.
    """

    value: dict[str, Any]
    order: Order
    issues: Callable[[str, str], list[Issue]]


def after_elements(stage: Stage, place: int = 0) -> Order:
    """The order of a remark on the object itself, which comes after those on what it holds."""
    return (_LAST, stage, place)


class _Step(msgspec.Struct, frozen=True):
    """A JSON property: its element's place in the type, its FHIRPath, its type."""

    order: int
    path: str
    type_name: str


_Place = tuple[Order, str, str, dict[str, Any]]
"""Where an object stands: when it is read, its FHIRPath, its type, itself."""

Trail = tuple[Any, str, int]
"""The way to an object: the trail of the object around it (None for the resource), the property, the index or -1."""


class Remarks:
    """Makes issues of what was noted."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._steps: dict[str, dict[str, _Step]] = {}

    def on(self, root: dict[str, Any], type_name: str, path: str, noted: list[Remark]) -> list[Issue] | None:
        """The issues about `root` and what it holds, in the order of the complete reading.

        None where an object noted has no one place.
        """
        if len(noted) == 1 and noted[0].value is root:
            return noted[0].issues(path, type_name)[:MAX_REMARKS]
        if len({(id(remark.value), remark.order) for remark in noted}) < len(noted):
            return None  # the same dictionary twice in what was no JSON text
        wanted = {id(remark.value) for remark in noted}
        places: dict[int, tuple[Order, str, str]] = {id(root): ((), path, type_name)}
        if wanted - places.keys():
            search = _Search(wanted - places.keys())
            search.below(root, None)
            known: dict[int, _Place] = {}
            for value, trail in search.found:
                order, where, of_type, _ = self._place(((), path, type_name, root), trail, known)
                places[id(value)] = (order, where, of_type)
        found: list[tuple[Order, Issue]] = []
        for remark in noted:
            order, *place = places[id(remark.value)]
            found += [((*order, *remark.order), issue) for issue in remark.issues(*place)]
        found.sort(key=lambda each: each[0])
        return list(dict.fromkeys(issue for _, issue in found))[:MAX_REMARKS]

    def _place(self, start: _Place, trail: Trail | None, known: dict[int, _Place]) -> _Place:
        """Where a trail ends; `known` are the ends of those before, which many begin with."""
        if trail is None:
            return start
        end = known.get(id(trail))
        if end is None:
            order, path, type_name, value = self._place(start, trail[0], known)
            _, key, index = trail
            step = self._steps_of(type_name)[key]
            if index < 0:
                path, value = f"{path}.{step.path}", value[key]
            else:
                path, value = f"{path}.{step.path}[{index}]", value[key][index]
            type_name = value["resourceType"] if step.type_name == "Resource" else step.type_name
            end = known[id(trail)] = ((*order, step.order, index), path, type_name, value)
        return end

    def _steps_of(self, name: str) -> Mapping[str, _Step]:
        steps = self._steps.get(name)
        if steps is None:
            steps = self._steps[name] = {}
            for order, element in enumerate(self._definitions.type(name).elements.values()):
                for key, reference in element.properties.items():
                    path = f"{element.name}.ofType({reference.name})" if element.is_choice else key
                    steps[key] = _Step(order, path, reference.name)
                    steps[f"_{key}"] = _Step(order, path, "Element")
        return steps


class _Search:
    """Looks for objects in the order of the text and stops with the last of them."""

    def __init__(self, wanted: set[int]) -> None:
        self._wanted = wanted
        self._left = len(wanted)
        self.found: list[tuple[dict[str, Any], Trail]] = []

    def below(self, value: dict[str, Any], trail: Trail | None) -> None:
        for key, inner in value.items():
            if type(inner) is dict:
                self._at(inner, (trail, key, -1))
            elif type(inner) is list:
                for index, item in enumerate(inner):
                    if type(item) is dict:
                        self._at(item, (trail, key, index))
            if not self._left:
                return

    def _at(self, value: dict[str, Any], trail: Trail) -> None:
        if id(value) in self._wanted:
            self.found.append((value, trail))
            self._left -= 1
        if self._left:
            self.below(value, trail)
