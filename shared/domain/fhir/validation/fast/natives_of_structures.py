"""The invariants of StructureDefinition and ElementDefinition, written by hand: a profile has a hundred elements of them.

https://hl7.org/fhir/R4/structuredefinition.html and https://hl7.org/fhir/R4/elementdefinition.html.
Each answers True only where the published expression surely holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.domain.fhir.validation.fast.context import CONTEXT

_PATH: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}(?:\.[a-z][A-Za-z0-9]{0,63}(?:\[x\])?)*").fullmatch
_TYPE: Final = re.compile(r"[a-zA-Z0-9]+|http://hl7\.org/fhirpath/System\.[A-Z][A-Za-z]+").fullmatch
_BINDABLE: Final = frozenset({"code", "Coding", "CodeableConcept", "Quantity", "string", "uri"})
_COUNT: Final = re.compile(r"[0-9]{1,9}", re.ASCII).fullmatch


def _is_range(element: dict[str, Any]) -> bool:
    """eld-2"""
    high = element["max"]
    return bool(high == "*" or (_COUNT(high) and element["min"] <= int(high)))


def _is_maximum(value: str) -> bool:
    """eld-3"""
    return value == "*" or _COUNT(value) is not None


def _has_plain_path(element: dict[str, Any]) -> bool:
    """eld-19 and eld-20"""
    return _PATH(element["path"]) is not None


def _explains_modifier(element: dict[str, Any]) -> bool:
    """eld-18"""
    return element["isModifier"] is False or "isModifierReason" in element


def _are_distinct(name: str, key: str) -> Callable[[dict[str, Any]], bool]:
    """eld-13 and eld-14"""

    def rule(element: dict[str, Any]) -> bool:
        parts = element[name]
        return len(parts) == 1 or len({part[key] for part in parts}) == len(parts)

    return rule


def _elements_of(definition: dict[str, Any], part: str) -> list[dict[str, Any]]:
    elements: list[dict[str, Any]] = definition[part]["element"] if part in definition else []
    return elements


def _elements(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the snapshot and of the differential."""
    return [*_elements_of(definition, "snapshot"), *_elements_of(definition, "differential")]


def _have_ids(definition: dict[str, Any]) -> bool:
    """sdf-14"""
    return all("id" in each for each in _elements(definition))


def _have_own_ids(part: str) -> Callable[[dict[str, Any]], bool]:
    """sdf-16 and sdf-17"""

    def rule(definition: dict[str, Any]) -> bool:
        elements = _elements_of(definition, part)
        return len({each["id"] for each in elements}) == len(elements)

    return rule


def _have_own_paths(definition: dict[str, Any]) -> bool:
    """sdf-1"""
    elements = _elements_of(definition, "snapshot")
    return definition["derivation"] == "constraint" or len({each["path"] for each in elements}) == len(
        elements
    )


def _are_of_plain_types(definition: dict[str, Any]) -> bool:
    """sdf-19"""
    return all(
        _TYPE(type_["code"]) is not None for each in _elements(definition) for type_ in each.get("type", ())
    )


def _have_no_defaults(definition: dict[str, Any]) -> bool:
    """sdf-22"""
    return not any(
        name.startswith(("defaultValue", "_defaultValue")) for each in _elements(definition) for name in each
    )


def _root_has_no_type(part: str) -> Callable[[dict[str, Any]], bool]:
    """sdf-15 and sdf-15a"""
    return lambda definition: "type" not in _elements_of(definition, part)[0]


def _divides_no_root(part: dict[str, Any]) -> bool:
    """sdf-20"""
    return all("." in each["path"] or "slicing" not in each for each in part["element"])


def _is_bindable(element: dict[str, Any]) -> bool:
    """eld-11"""
    return any(type_["code"] in _BINDABLE for type_ in element["type"])


def _refers(type_: dict[str, Any]) -> bool:
    """eld-17"""
    return type_["code"] in ("Reference", "canonical")


def _binding_says_to_what(element: dict[str, Any]) -> bool:
    """The binding has a value set, or tells in words."""
    return "valueSet" in element["binding"] or "description" in element["binding"]


def _has_one_type(element: dict[str, Any]) -> bool:
    """eld-6 and eld-7"""
    return len(element.get("type", ())) <= 1


def _has_address(binding: dict[str, Any]) -> bool:
    """eld-12"""
    return bool(binding["valueSet"].startswith(("http:", "https", "urn:")))


def _says_little_of_its_root(definition: dict[str, Any]) -> bool:
    """sdf-9"""
    roots = (each for each in _elements(definition) if "." not in each["path"])
    return all(each.keys().isdisjoint(_NOT_OF_A_ROOT) for each in roots)


_NOT_OF_A_ROOT: Final = ("label", "code", "requirements", "_label", "_requirements")


def _slices_no_root(definition: dict[str, Any]) -> bool:
    """sdf-23"""
    return all(
        "." in each["path"] or each.keys().isdisjoint(("sliceName", "_sliceName"))
        for each in _elements(definition)
    )


def _begins_with_its_type(part: dict[str, Any]) -> bool:
    """sdf-8 and, more than it asks, sdf-8a"""
    first, *others = (each["path"] for each in part["element"])
    return first == CONTEXT.reading.resource["type"] and all(each.startswith(f"{first}.") for each in others)


def _begins_at_its_type(definition: dict[str, Any]) -> bool:
    """sdf-11"""
    return bool(definition["snapshot"]["element"][0]["path"] == definition["type"])


def _all_have(*names: str) -> Callable[[dict[str, Any]], bool]:
    """sdf-3 and sdf-8b"""
    return lambda part: all(name in each for each in part["element"] for name in names)


_SAME_BEGINNING: Final = (
    "(%resource.kind = 'logical' or element.first().path = %resource.type) and "
    "element.tail().all(path.startsWith(%resource.snapshot.element.first().path&'.'))"
)
_SAME_BEGINNING_OF_DIFFERENCES: Final = (
    "(%resource.kind = 'logical' or element.first().path.startsWith(%resource.type)) and (element.tail().empty() or "
    "element.tail().all(path.startsWith(%resource.differential.element.first().path.replaceMatches('\\\\..*','')&'.')))"
)
_PLAIN_NAMES: Final = (
    "path.matches('[^\\\\s\\\\.,:;\\\\\\'\"\\\\/|?!@#$%&*()\\\\[\\\\]{}]{1,64}(\\\\.[^\\\\s\\\\.,:;\\\\\\'\"\\\\/|?!@#$%&*()"
    "\\\\[\\\\]{}]{1,64}(\\\\[x\\\\])?(\\\\:[^\\\\s\\\\.]+)?)*')"
)
_PLAIN_TYPES: Final = (
    "url.startsWith('http://hl7.org/fhir/StructureDefinition') implies (differential.element.type.code.all("
    "matches('^[a-zA-Z0-9]+$') or matches('^http:\\\\/\\\\/hl7\\\\.org\\\\/fhirpath\\\\/System\\\\.[A-Z][A-Za-z]+$')) and "
    "snapshot.element.type.code.all(matches('^[a-zA-Z0-9\\\\.]+$') or "
    "matches('^http:\\\\/\\\\/hl7\\\\.org\\\\/fhirpath\\\\/System\\\\.[A-Z][A-Za-z]+$')))"
)

NATIVE_OF_STRUCTURES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "min.empty() or max.empty() or (max = '*') or iif(max != '*', min <= max.toInteger())": _is_range,
    "empty() or ($this = '*') or (toInteger() >= 0)": _is_maximum,
    "path.matches('[A-Za-z][A-Za-z0-9]*(\\\\.[a-z][A-Za-z0-9]*(\\\\[x])?)*')": _has_plain_path,
    _PLAIN_NAMES: _has_plain_path,
    "type.select(code).isDistinct()": _are_distinct("type", "code"),
    "constraint.select(key).isDistinct()": _are_distinct("constraint", "key"),
    "(isModifier.exists() and isModifier) implies isModifierReason.exists()": _explains_modifier,
    (
        "children().element.where(path.contains('.').not()).label.empty() and "
        "children().element.where(path.contains('.').not()).code.empty() and "
        "children().element.where(path.contains('.').not()).requirements.empty()"
    ): _says_little_of_its_root,
    "(snapshot | differential).element.all(path.contains('.').not() implies sliceName.empty())": _slices_no_root,
    _SAME_BEGINNING: _begins_with_its_type,
    _SAME_BEGINNING_OF_DIFFERENCES: _begins_with_its_type,
    "kind != 'logical' implies snapshot.empty() or snapshot.element.first().path = type": _begins_at_its_type,
    "element.all(definition.exists() and min.exists() and max.exists())": _all_have(
        "definition", "min", "max"
    ),
    "element.all(base.exists())": _all_have("base"),
    "snapshot.element.all(id.exists()) and differential.element.all(id.exists())": _have_ids,
    "snapshot.element.all(id.exists()) and snapshot.element.id.trace('ids').isDistinct()": _have_own_ids(
        "snapshot"
    ),
    "differential.element.all(id.exists()) and differential.element.id.trace('ids').isDistinct()": _have_own_ids(
        "differential"
    ),
    "derivation = 'constraint' or snapshot.element.select(path).isDistinct()": _have_own_paths,
    _PLAIN_TYPES: _are_of_plain_types,
    (
        "url.startsWith('http://hl7.org/fhir/StructureDefinition') implies (snapshot.element.defaultValue.empty() and "
        "differential.element.defaultValue.empty())"
    ): _have_no_defaults,
    "kind!='logical' implies snapshot.element.first().type.empty()": _root_has_no_type("snapshot"),
    (
        "(kind!='logical'  and differential.element.first().path.contains('.').not()) implies "
        "differential.element.first().type.empty()"
    ): _root_has_no_type("differential"),
    "differential.element.defaultValue.exists() implies (derivation = 'specialization')": _have_no_defaults,
    "(code='Reference' or code = 'canonical') or targetProfile.empty()": _refers,
    "binding.empty() or binding.valueSet.exists() or binding.description.exists()": _binding_says_to_what,
    "fixed.empty() or (type.count()  <= 1)": _has_one_type,
    "pattern.empty() or (type.count() <= 1)": _has_one_type,
    "element.where(path.contains('.').not()).slicing.empty()": _divides_no_root,
    (
        "binding.empty() or type.code.empty() or type.select((code = 'code') or (code = 'Coding') or "
        "(code='CodeableConcept') or (code = 'Quantity') or (code = 'string') or (code = 'uri')).exists()"
    ): _is_bindable,
    (
        "valueSet.exists() implies (valueSet.startsWith('http:') or valueSet.startsWith('https') or "
        "valueSet.startsWith('urn:'))"
    ): _has_address,
}
