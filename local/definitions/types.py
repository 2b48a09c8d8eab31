"""StructureDefinitions of resources and data types, cut down to what decides about an instance.

https://hl7.org/fhir/R4/structuredefinition.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from local.definitions.corrections import corrected, corrected_regex

_CANONICAL: Final = "http://hl7.org/fhir/StructureDefinition/"
_FHIR_TYPE: Final = f"{_CANONICAL}structuredefinition-fhir-type"
_REGEX: Final = f"{_CANONICAL}regex"
_MAXIMUM: Final = f"{_CANONICAL}elementdefinition-maxValueSet"
_SYSTEM_TYPE: Final = "http://hl7.org/fhirpath/System."
_BACKBONES: Final = ("BackboneElement", "Element")
_NUMBERS: Final = ("decimal", "integer", "positiveInt", "unsignedInt")
_DECIDING: Final = ("required", "extensible", "preferred")
_CHECKED_AT_THE_TYPE: Final = ("ele-1", "ext-1")
"""The snapshots repeat these on every element. They stand at the roots of the types (`Extension` has both, every other
data type and backbone has `ele-1`), so that one walk over an instance evaluates them once for each node."""


def is_type(definition: dict[str, Any]) -> bool:
    """Whether it defines a type of its own; SimpleQuantity and MoneyQuantity are profiles that act as types."""
    return (
        definition["resourceType"] == "StructureDefinition"
        and definition["kind"] in ("resource", "complex-type", "primitive-type")
        and definition["fhirVersion"] == "4.0.1"
    )


def type_chunk(definition: dict[str, Any]) -> dict[str, Any]:
    """The type and its backbones as the reader unpacks them."""
    return _Chunk(corrected(definition)).packed()


def outline(definitions: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What is needed before any type: the concrete resources and every type's parent."""
    known = list(definitions)
    return {
        "resources": sorted(d["name"] for d in known if d["kind"] == "resource" and not d["abstract"]),
        "bases": {d["name"]: base_of(d) for d in sorted(known, key=lambda each: str(each["name"]))},
    }


def base_of(definition: dict[str, Any]) -> str:
    """The parent type's name, "" at the root."""
    return str(definition.get("baseDefinition", "")).removeprefix(_CANONICAL)


class _Chunk:
    def __init__(self, definition: dict[str, Any]) -> None:
        self._definition = definition
        self._constraints: list[list[str]] = []
        self._types: dict[str, list[Any]] = {}

    def packed(self) -> dict[str, Any]:
        snapshot: list[dict[str, Any]] = self._definition["snapshot"]["element"]
        root_path = snapshot[0]["path"]
        name = self._definition["name"]
        kind = {"resource": "resource", "primitive-type": "primitive"}.get(
            self._definition["kind"], "complex"
        )
        regex, json = self._primitive(snapshot) if kind == "primitive" else ("", "")
        keys = self._keys(snapshot[0], everything=True)
        self._types[name] = [kind, base_of(self._definition), regex, json, keys, []]
        parents = {root_path: name}
        for element in snapshot[1:]:
            path: str = element["path"]
            parent, _, last = path.rpartition(".")
            if kind == "primitive" and last == "value":
                continue
            if _is_backbone(element, snapshot):
                parents[path] = path
                base = element["type"][0]["code"]
                self._types[path] = ["backbone", base, "", "", self._keys(element, everything=True), []]
            self._types[parents[parent]][-1].append(self._element(element, path in parents, kind))
        return {"constraints": self._constraints, "types": self._types}

    def _element(self, element: dict[str, Any], is_backbone: bool, kind: str) -> list[Any]:
        path: str = element["path"]
        name = path.rpartition(".")[2].removesuffix("[x]")
        return [
            name,
            element["min"],
            None if element["max"] == "*" else int(element["max"]),
            element["base"]["max"] not in ("0", "1"),
            {name: path} if is_backbone else self._properties(element, name, kind),
            _binding(element.get("binding", {})),
            [] if is_backbone else self._keys(element, everything=False),
        ]

    def _properties(self, element: dict[str, Any], name: str, kind: str) -> dict[str, Any]:
        if "contentReference" in element:
            return {name: element["contentReference"].removeprefix("#")}
        if kind == "resource" and element["base"]["path"] == "Resource.id":
            return {name: "id"}
        if element["path"].endswith("[x]"):
            return {name + _capital(type_["code"]): _type_ref(type_) for type_ in element["type"]}
        return {name: _type_ref(element["type"][0])}

    def _keys(self, element: dict[str, Any], *, everything: bool) -> list[int]:
        keys = []
        repeated = self._expressions_at(element["contentReference"]) if "contentReference" in element else ()
        for constraint in element.get("constraint", ()):
            if not everything and constraint["key"] in _CHECKED_AT_THE_TYPE:
                continue
            if _without_spaces(constraint["expression"]) in repeated:
                continue
            parts = [constraint[part] for part in ("key", "severity", "human", "expression")]
            if parts not in self._constraints:
                self._constraints.append(parts)
            keys.append(self._constraints.index(parts))
        return keys

    def _expressions_at(self, reference: str) -> set[str]:
        """What is checked at the type that is referred to: TestScript says it again under keys of their own."""
        path = reference.removeprefix("#")
        snapshot: list[dict[str, Any]] = self._definition["snapshot"]["element"]
        referred = next(element for element in snapshot if element["path"] == path)
        return {_without_spaces(constraint["expression"]) for constraint in referred.get("constraint", ())}

    def _primitive(self, snapshot: Sequence[dict[str, Any]]) -> tuple[str, str]:
        name = self._definition["name"]
        value = next(element for element in snapshot if element["path"].endswith(".value"))
        regex = corrected_regex(name, _extension(value["type"][0], _REGEX))
        json = "boolean" if name == "boolean" else "number" if name in _NUMBERS else "string"
        return regex, json


def _is_backbone(element: dict[str, Any], snapshot: Sequence[dict[str, Any]]) -> bool:
    codes = [type_["code"] for type_ in element.get("type", ())]
    inside = f"{element['path']}."
    return (
        len(codes) == 1
        and codes[0] in _BACKBONES
        and any(other["path"].startswith(inside) for other in snapshot)
    )


def _type_ref(type_: dict[str, Any]) -> Any:
    code: str = type_["code"]
    if code.startswith(_SYSTEM_TYPE):
        return _extension(type_, _FHIR_TYPE) or "string"  # xhtml.id names none
    if f"{_CANONICAL}SimpleQuantity" in type_.get("profile", ()):
        return "SimpleQuantity"
    targets = [target.removeprefix(_CANONICAL) for target in type_.get("targetProfile", ())]
    return [code, *targets] if targets and "Resource" not in targets else code


def _binding(binding: dict[str, Any]) -> list[str] | None:
    """Strength, value set and, where codes beside it have a bound, the value set that is their bound."""
    if binding.get("strength") not in _DECIDING or "valueSet" not in binding:
        return None
    maximum = _extension(binding, _MAXIMUM)
    return [binding["strength"], binding["valueSet"].partition("|")[0], *([maximum] if maximum else [])]


def _extension(holder: dict[str, Any], url: str) -> str:
    for extension in holder.get("extension", ()):
        if extension["url"] == url:
            return str(next(value for key, value in extension.items() if key.startswith("value")))
    return ""


def _capital(code: str) -> str:
    return code[0].upper() + code[1:]


def _without_spaces(expression: str) -> str:
    return "".join(expression.split())
