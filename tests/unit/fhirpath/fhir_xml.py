"""FHIR XML to FHIR JSON by the definitions, for suites whose inputs are XML. https://hl7.org/fhir/R4/xml.html"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from shared.domain.fhir.definitions.model import Element
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.json import decode

_FHIR = "{http://hl7.org/fhir}"
_XHTML = "{http://www.w3.org/1999/xhtml}"


def resource_of(text: str) -> dict[str, Any]:
    """The resource that an XML document holds, decimals as they were written."""
    return _resource(ElementTree.fromstring(text))


def _resource(node: ElementTree.Element) -> dict[str, Any]:
    name = node.tag.removeprefix(_FHIR)
    return {"resourceType": name, **_content(node, name)}


def _content(node: ElementTree.Element, type_name: str) -> dict[str, Any]:
    found: dict[str, Any] = {name: node.attrib[name] for name in ("id", "url") if name in node.attrib}
    for child in node:
        _add(found, child, type_name)
    return found


def _add(found: dict[str, Any], child: ElementTree.Element, type_name: str) -> None:
    if child.tag == f"{_XHTML}div":
        ElementTree.register_namespace("", "http://www.w3.org/1999/xhtml")
        found["div"] = ElementTree.tostring(child, encoding="unicode").strip()
        return
    key = child.tag.removeprefix(_FHIR)
    element, child_type = _element(type_name, key)
    if child_type in ("Resource", "DomainResource"):
        value, beside = _resource(child[0]), None
    elif child_type[0].islower():
        value, beside = _primitive(child, child_type), _content(child, child_type)
    else:
        value, beside = _content(child, child_type), None
    if element.is_array:
        place = len(found.setdefault(key, []))
        found[key].append(value)
        if beside:
            found[f"_{key}"] = (
                found.get(f"_{key}", []) + [None] * (place - len(found.get(f"_{key}", []))) + [beside]
            )
        return
    if value is not None:
        found[key] = value
    if beside:
        found[f"_{key}"] = beside


def _primitive(node: ElementTree.Element, type_name: str) -> Any:
    text = node.get("value")
    if text is None or r4().type(type_name).json == "string":
        return text
    return decode(text)


def _element(type_name: str, key: str) -> tuple[Element, str]:
    for element in r4().type(type_name).elements.values():
        if key in element.properties:
            return element, element.properties[key].name
    raise KeyError(f"{type_name} has no {key}")
