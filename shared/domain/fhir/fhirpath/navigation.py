"""From elements to their children: choice types, `_name` siblings of primitives, nulls in arrays, resources in resources.

https://hl7.org/fhir/R4/json.html and https://hl7.org/fhir/R4/fhirpath.html#polymorphism
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from shared.domain.fhir.fhirpath.element import Element, Items, TypeInfo
from shared.domain.fhir.fhirpath.model import TypeModel
from shared.domain.fhir.fhirpath.quantity import Quantity

_PRIMITIVES: Final = frozenset(
    {
        "base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer",
        "markdown", "oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url", "uuid",
    }
)  # fmt: skip
_COMPLEX: Final = frozenset(
    {
        "Address", "Age", "Annotation", "Attachment", "CodeableConcept", "Coding", "ContactDetail", "ContactPoint",
        "Contributor", "Count", "DataRequirement", "Distance", "Dosage", "Duration", "Expression", "HumanName",
        "Identifier", "Meta", "Money", "ParameterDefinition", "Period", "Quantity", "Range", "Ratio", "Reference",
        "RelatedArtifact", "SampledData", "Signature", "Timing", "TriggerDefinition", "UsageContext",
    }
)  # fmt: skip
_SUFFIXES: Final = {name[0].upper() + name[1:]: name for name in _PRIMITIVES | _COMPLEX}
"""https://hl7.org/fhir/R4/datatypes.html#open: what may follow the name of a choice, where no model tells."""

_ANY_RESOURCE: Final = frozenset({"Resource", "DomainResource"})


class Step:
    """One JSON property that an element may be, with its type."""

    __slots__ = ("is_resource", "property", "sibling", "type")

    def __init__(self, name: str, type_name: str) -> None:
        self.property = name
        self.sibling = "" if type_name[:1].isupper() else f"_{name}"
        self.type = type_name
        self.is_resource = type_name in _ANY_RESOURCE or not type_name


class Steps:
    """All properties that an element may be: a choice has up to fifty, of which data has one."""

    __slots__ = ("by_key", "few")

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.few = steps if len(steps) <= _FEW else ()
        self.by_key = {key: step for step in steps for key in (step.sibling, step.property) if key}

    def of(self, data: Mapping[str, Any]) -> Iterable[Step]:
        """Those that `data` may have."""
        if self.few:
            return self.few
        by_key = self.by_key
        return {by_key[key]: None for key in data if key in by_key}


_FEW: Final = 2
_MOST_NAMES: Final = 10_000
"""Of elements that are kept: R4 has some 3,000, expressions from outside may have any."""
_OWN_CHILDREN: Final[dict[type, tuple[str, ...]]] = {
    TypeInfo: ("name", "namespace"),
    Quantity: ("value", "unit"),
}
_NO_DATA: Final[dict[str, Any]] = {}


class Schema:
    """A model with what was asked of it before: the steps by element name and type.

    Elements of types that it does not know are read as those of no type are: by what their data has.
    """

    def __init__(self, model: TypeModel | None) -> None:
        self.model = model
        self._steps: dict[str, dict[str, Steps]] = {}
        self._owners: dict[tuple[str, str], Step] = {}
        self.answers: dict[str, dict[str, bool]] = {}
        """For each test of a type, what it said of the types that it met."""

    def _learn(self, type_name: str, data: Any, name: str) -> Steps:
        if not type_name or self.model is None:
            return Steps(_guess(data, name))
        found = self.model.properties(type_name, name)
        if found is None and not self.is_known(type_name):
            return Steps(_guess(data, name))
        found = found or {}
        steps = Steps(tuple(Step(key, value_type) for key, value_type in found.items()))
        if len(self._steps) > _MOST_NAMES:
            self._steps.clear()
        self._steps.setdefault(name, {})[type_name] = steps
        return steps

    def is_known(self, type_name: str) -> bool:
        """Whether the model has such a type: every type of FHIR, resource or element, may have an id."""
        return self.model is not None and self.model.properties(type_name, "id") is not None

    def children(self, items: Items, name: str) -> Items:
        """All children called `name`, in order."""
        found: list[Any] = []
        known = self._steps.get(name, _NO_DATA)
        for item in items:
            if type(item) is Element:
                data, type_name = item.value, item.type
                if data.__class__ is not dict:
                    data, type_name = item.sibling, "Element" if type_name else ""
                    if data is None:
                        continue
                steps = known.get(type_name) or self._learn(type_name, data, name)
                for step in steps.few or steps.of(data):
                    value = data.get(step.property)
                    if value.__class__ is list or step.is_resource or step.sibling in data:
                        _collect(found, data, step)
                    elif value is not None:
                        found.append(Element(value, step.type))
            elif name in _OWN_CHILDREN.get(type(item), ()):
                found.append(getattr(item, name))
        return found

    def has_child(self, items: Items, name: str) -> bool:
        """Whether `children` would find any, without making them."""
        known = self._steps.get(name, _NO_DATA)
        for item in items:
            if type(item) is Element:
                data, type_name = item.value, item.type
                if data.__class__ is not dict:
                    data, type_name = item.sibling, "Element" if type_name else ""
                    if data is None:
                        continue
                by_key = (known.get(type_name) or self._learn(type_name, data, name)).by_key
                for key in by_key if len(by_key) < len(data) else data:
                    if key in data and key in by_key and _is_something(data[key]):
                        return True
            elif name in _OWN_CHILDREN.get(type(item), ()):
                return True
        return False

    def all_children(self, item: Any) -> Iterator[Element]:
        """Every child of an element, in the order of the data."""
        if type(item) is not Element:
            return
        is_complex = item.value.__class__ is dict
        data: dict[str, Any] = item.value if is_complex else item.sibling or {}
        owner = item.type if is_complex or not item.type else "Element"
        for key in data:
            name = key[1:] if key[:1] == "_" else key
            if key != "resourceType" and (name is key or name not in data):
                found: list[Any] = []
                _collect(found, data, self._owners.get((owner, name)) or self._step_of(owner, name))
                yield from found

    def _step_of(self, owner: str, key: str) -> Step:
        """Kept where the model knows it: what it does not know may be any of endless names in data."""
        step = Step(key, self._type_of(owner, key))
        if step.type:
            self._owners[owner, key] = step
        return step

    def _type_of(self, owner: str, key: str) -> str:
        if self.model is None or not owner:
            return ""
        for name in _possible_names(key):
            found = self.model.properties(owner, name)
            if found and key in found:
                return found[key]
        return ""


def _is_something(value: Any) -> bool:
    """Whether a JSON value stands for an element: null, and an array of nothing but nulls, do not."""
    if value.__class__ is list:
        return any(one is not None for one in value)
    return value is not None


def _collect(found: list[Any], data: Mapping[str, Any], step: Step) -> None:
    value: Any = data.get(step.property)
    sibling = data.get(step.sibling) if step.sibling else None
    if value.__class__ is list or sibling.__class__ is list:
        if sibling is None:
            found.extend([_element(one, step, None) for one in value if one is not None])
            return
        for one, beside in _aligned(value, sibling):
            if one is not None or beside is not None:
                found.append(_element(one, step, beside))
    elif value is not None or sibling is not None:
        found.append(_element(value, step, sibling))


def _element(value: Any, step: Step, sibling: Any) -> Any:
    if step.is_resource and value.__class__ is dict:
        return Element(value, _named_type(value, step.type))
    return Element(value, step.type, sibling if sibling.__class__ is dict else None)


def _named_type(resource: Mapping[str, Any], otherwise: str) -> str:
    name = resource.get("resourceType")
    return name if isinstance(name, str) else otherwise


def _aligned(values: Any, siblings: Any) -> Iterable[tuple[Any, Any]]:
    left = values if isinstance(values, list) else [] if values is None else [values]
    right = siblings if isinstance(siblings, list) else [] if siblings is None else [siblings]
    for place in range(max(len(left), len(right))):
        yield left[place] if place < len(left) else None, right[place] if place < len(right) else None


def _guess(data: Any, name: str) -> tuple[Step, ...]:
    if type(data) is not dict:
        return ()
    if name in data or f"_{name}" in data:
        return (Step(name, ""),)
    return tuple(
        Step(key, _SUFFIXES[key[len(name) :]])
        for key in data
        if key.startswith(name) and key[len(name) :] in _SUFFIXES
    )


def _possible_names(key: str) -> Iterator[str]:
    """The key itself, then what stands before each of its capitals: `valueQuantity` → `value`."""
    yield key
    for place in range(len(key) - 1, 0, -1):
        if key[place].isupper():
            yield key[:place]
