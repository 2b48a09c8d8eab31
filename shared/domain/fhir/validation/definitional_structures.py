"""What the specification asks in words of a StructureDefinition: its type, its paths, its invariants' expressions.

https://hl7.org/fhir/R4/structuredefinition.html and https://hl7.org/fhir/R4/elementdefinition.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.model import Definitions
from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.validation.primitives import is_absolute

_STRUCTURE_BASE: Final = "http://hl7.org/fhir/StructureDefinition/"


def structure_issues(resource: dict[str, Any], definitions: Definitions, path: str) -> Iterator[Issue]:
    """https://hl7.org/fhir/R4/structuredefinition.html: profiles are of FHIR's types, only logical models have others."""
    type_, url = resource.get("type"), resource.get("url")
    if not isinstance(type_, str) or not type_:
        return
    text = ""
    if is_absolute(type_):
        if resource.get("kind") != "logical":
            text = "Only a logical model has a URL as its type: name the type of FHIR that is described."
    elif not _is_type(type_, definitions):
        text = "FHIR R4 has no such type: a model of your own has a URL as its type."
    elif url != f"{_STRUCTURE_BASE}{type_}" and resource.get("derivation") != "constraint":
        text = "A type of FHIR is defined by the specification alone: what describes it is of derivation constraint."
    if text:
        yield error("invalid", text, f"{path}.type", "structure-type")
        return
    for part in ("snapshot", "differential"):
        held = resource.get(part)
        for index, element in _objects(held.get("element") if isinstance(held, dict) else None):
            where = f"{path}.{part}.element[{index}]"
            yield from _constraint_issues(element, where)
            if part == "differential" and resource.get("derivation") == "constraint":
                yield from _path_issues(element, type_, definitions, where)


def _constraint_issues(element: dict[str, Any], where: str) -> Iterator[Issue]:
    for index, constraint in _objects(element.get("constraint")):
        expression = constraint.get("expression")
        if isinstance(expression, str) and expression.strip() and not _is_fhirpath(expression):
            text = "The expression of the constraint is not FHIRPath."
            yield error("invalid", text, f"{where}.constraint[{index}].expression", "constraint-expression")


def _is_fhirpath(expression: str) -> bool:
    try:
        fhirpath.compile(expression)
    except fhirpath.FhirPathError:
        return False
    return True


def _path_issues(
    element: dict[str, Any], type_: str, definitions: Definitions, where: str
) -> Iterator[Issue]:
    """A profile narrows elements that its type has, and adds none."""
    path = element.get("path")
    if not isinstance(path, str):
        return
    root, *steps = path.split(".")
    if root != type_:
        return  # for the invariants sdf-8 and their like to say
    types = {root}
    for step in steps:
        found = [definitions.properties(each, step.removesuffix("[x]")) for each in sorted(types)]
        below = {name for properties in found for name in (properties or {}).values()}
        if not below:
            below = _of_choice(types, step, definitions)
        if not below:
            text = "The type that is profiled has no such element: a profile adds none, but by extensions."
            yield error("invalid", text, f"{where}.path", "profile-path")
            return
        if "Resource" in below:
            return  # of any type
        types = below


def _of_choice(types: set[str], step: str, definitions: Definitions) -> set[str]:
    """The type of `valueQuantity` where the element is `value`."""
    found = set()
    for each in types:
        for element in definitions.type(each).elements.values():
            if element.is_choice and step in element.properties:
                found.add(element.properties[step].name)
    return found


def _is_type(name: str, definitions: Definitions) -> bool:
    try:
        return definitions.type(name).name == name and "." not in name
    except KeyError:
        return False


def _objects(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield index, item
