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


def _elements(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the snapshot and of the differential."""
    return [
        each
        for part in ("snapshot", "differential")
        if part in definition
        for each in definition[part]["element"]
    ]


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
}
