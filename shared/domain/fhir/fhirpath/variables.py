"""Environment variables. http://hl7.org/fhirpath/N1/#environment-variables, https://hl7.org/fhir/R4/fhirpath.html#variables"""

from __future__ import annotations

from typing import Any, Final

from shared.domain.fhir.fhirpath.code import Evaluate
from shared.domain.fhir.fhirpath.element import EMPTY, UCUM, Element, Items, decimal, resource_element
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.errors import FhirPathError

_CONSTANTS: Final = {"ucum": UCUM, "sct": "http://snomed.info/sct", "loinc": "http://loinc.org"}
_PREFIXES: Final = {
    "vs-": "http://hl7.org/fhir/ValueSet/",
    "ext-": "http://hl7.org/fhir/StructureDefinition/",
}


def variable(name: str) -> Evaluate:
    """What `%name` stands for; the caller's own variables come before what the specification names."""

    def items(env: Environment, _this: Items) -> Items:
        if name in env.variables:
            return as_collection(env.variables[name])
        if name in _CONSTANTS:
            return (_CONSTANTS[name],)
        for prefix, url in _PREFIXES.items():
            if name.startswith(prefix):
                return (url + name.removeprefix(prefix),)
        return _of_environment(env, name)

    def of_resource(env: Environment, _this: Items) -> Items:
        return _of_environment(env, name)

    return of_resource if name in ("context", "resource", "rootResource") else items


def _of_environment(env: Environment, name: str) -> Items:
    if name == "context":
        return env.context
    if name == "resource":
        return as_collection(env.resource)
    if name == "rootResource":
        return as_collection(env.root)
    raise FhirPathError("The expression names a variable that the caller did not give.")


def as_collection(value: Any) -> Items:
    """What a caller hands over: None is empty, a list is a collection, an object is an element."""
    if value is None:
        return EMPTY
    if isinstance(value, list | tuple):
        return [as_item(item) for item in value]
    return (as_item(value),)


def as_item(value: Any, type_name: str = "") -> Any:
    """An element of an object or of a value whose type is told; other values are FHIRPath's own."""
    if isinstance(value, Element):
        return value
    if isinstance(value, dict):
        return Element(value, type_name) if type_name else resource_element(value)
    if type_name:
        return Element(value, type_name)
    return decimal(value) if isinstance(value, float) else value
