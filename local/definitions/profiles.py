"""Profiles cut down to what the validator reads of them, and the LOINC codes that choose the vital-signs profiles.

https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from local.definitions.corrections import corrected_constraint

_CHECKED_BY_THE_BASE: Final = ("ele-1", "ext-1")
_VITAL_SIGNS: Final = "http://hl7.org/fhir/StructureDefinition/vitalsigns"


def is_profile(resource: dict[str, Any]) -> bool:
    """Whether it narrows a type and does not act as one, as SimpleQuantity does."""
    return resource["resourceType"] == "StructureDefinition" and resource.get("derivation") == "constraint"


def profile_chunk(definition: dict[str, Any]) -> dict[str, Any]:
    """The StructureDefinition without its texts, mappings and what every element has from its base."""
    elements = [_slim(element) for element in definition["snapshot"]["element"]]
    kept = {key: definition[key] for key in ("url", "type", "baseDefinition")}
    return {**kept, "snapshot": {"element": elements}}


def vital_sign_profiles(definitions: Iterable[dict[str, Any]]) -> dict[str, str]:
    """LOINC code → profile, from the code that each vital-signs profile fixes in a slice of `Observation.code.coding`."""
    return {
        element["fixedCode"]: definition["url"]
        for definition in definitions
        if definition["baseDefinition"] == _VITAL_SIGNS
        for element in definition["snapshot"]["element"]
        if element["id"].startswith("Observation.code.coding:") and "fixedCode" in element
    }


def _slim(element: dict[str, Any]) -> dict[str, Any]:
    values = {key: value for key, value in element.items() if key.startswith(("fixed", "pattern"))}
    slim = {**_only(element, "id", "min", "max"), **values}
    if "slicing" in element:
        slim["slicing"] = _only(element["slicing"], "discriminator", "rules")
    if "valueSet" in element.get("binding", {}):
        slim["binding"] = _only(element["binding"], "strength", "valueSet")
    types = [_only(type_, "code", "profile", "targetProfile") for type_ in element.get("type", ())]
    constraints = [
        _only(corrected_constraint(constraint), "key", "severity", "human", "expression")
        for constraint in element.get("constraint", ())
        if constraint["key"] not in _CHECKED_BY_THE_BASE and "expression" in constraint
    ]
    return {
        **slim,
        **({"type": types} if types else {}),
        **({"constraint": constraints} if constraints else {}),
    }


def _only(holder: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: holder[key] for key in keys if key in holder}
