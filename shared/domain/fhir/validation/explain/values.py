"""The values of elements: primitives with their siblings, and what their types ask beyond structure.

https://hl7.org/fhir/R4/json.html#primitive
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from shared.domain.fhir.definitions.model import Definitions, Element, TypeRef
from shared.domain.fhir.narrative import read_narrative
from shared.domain.fhir.validation.attachments import attachment_issue
from shared.domain.fhir.validation.explain.codes import Codes
from shared.domain.fhir.validation.explain.findings import Findings
from shared.domain.fhir.validation.explain.links import Links
from shared.domain.fhir.validation.explain.scope import Scope
from shared.domain.fhir.validation.identifiers import identifier_issue
from shared.domain.fhir.validation.known_extensions import is_unknown, unknown_extension
from shared.domain.fhir.validation.modifiers import MODIFIERS
from shared.domain.fhir.validation.primitives import is_absolute, primitive_fault

_QUANTITIES: Final = frozenset(
    {"Quantity", "SimpleQuantity", "MoneyQuantity", "Age", "Count", "Distance", "Duration"}
)
_CONSISTENT: Final = {"Identifier": identifier_issue, "Attachment": attachment_issue}
"""What types ask of their elements together, in words and not by an invariant."""
_NULL: Final = (
    "null stands only in arrays of primitives, for an item whose extensions are in the array with the _ name."
)


class Item(msgspec.Struct, frozen=True):
    """One primitive: its value, None where only extensions say something, and the object of its `_` sibling."""

    path: str
    value: Any
    sibling: dict[str, Any] | None


class Values:
    """Reads values and reports what is wrong with them."""

    def __init__(self, definitions: Definitions, findings: Findings) -> None:
        self._definitions = definitions
        self._findings = findings
        self._codes = Codes(definitions, findings)
        self._links = Links(definitions, findings)

    def items(self, element: Element, node: dict[str, Any], name: str, path: str) -> list[Item]:
        """The primitives that `name` and `_name` hold together; what is wrong with their alignment is reported."""
        value, sibling = node.get(name), node.get(f"_{name}")
        if element.is_array:
            return list(self._array(value, sibling, name in node, f"_{name}" in node, path))
        for held in (value, sibling):
            if isinstance(held, list):
                text = "This element does not repeat: it is no JSON array."
                self._findings.error("structure", text, path, "json-array")
                return []
        if (name in node and value is None) or (f"_{name}" in node and sibling is None):
            self._findings.error("structure", _NULL, path, "json-null")
        item = self._item(path, value, sibling)
        return [item] if item is not None else []

    def _array(
        self, values: Any, siblings: Any, has_values: bool, has_siblings: bool, path: str
    ) -> Iterator[Item]:
        for held, is_there in ((values, has_values), (siblings, has_siblings)):
            if is_there and not isinstance(held, list):
                text = "This element repeats, so it must be a JSON array, in square brackets."
                self._findings.error("structure", text, path, "json-array")
            elif is_there and not held:
                text = "An array must not be empty: leave the element out."
                self._findings.error("structure", text, path, "json-empty")
        values = values if isinstance(values, list) else []
        siblings = siblings if isinstance(siblings, list) else []
        for index in range(max(len(values), len(siblings))):
            value = values[index] if index < len(values) else None
            sibling = siblings[index] if index < len(siblings) else None
            where = f"{path}[{index}]"
            if value is None and sibling is None:
                self._findings.error("structure", _NULL, where, "json-null")
                continue
            item = self._item(where, value, sibling)
            if item is not None:
                yield item

    def _item(self, path: str, value: Any, sibling: Any) -> Item | None:
        if sibling is not None and (not isinstance(sibling, dict) or not sibling):
            text = (
                "The property with the _ name holds an object with the id or the extensions of the primitive."
            )
            self._findings.error("structure", text, path, "json-sibling")
            sibling = None
        elif sibling is not None and value is None and "extension" not in sibling:
            text = "An element has a value or extensions beside its id."
            self._findings.error("invariant", text, path, "ele-1")
        return None if value is None and sibling is None else Item(path, value, sibling)

    def primitive(self, element: Element, reference: TypeRef, item: Item, scope: Scope) -> None:
        """Holds one primitive's value against its type, its binding and what it links to."""
        name, value = reference.name, item.value
        fault = primitive_fault(name, value)
        if fault is not None:
            self._findings.add(fault.severity, fault.code, fault.text, item.path, fault.rule)
            if fault.severity == "error":
                return
        if name == "xhtml":
            self._narrative(value, item.path, scope)
        elif name == "canonical":
            self._links.canonical(value, reference.targets, item.path, scope)
        elif name in ("uri", "url"):
            self._links.uri(value, scope)
        if element.binding is not None:
            self._codes.bound(element.binding, value, name, item.path)

    def complex(
        self, element: Element, reference: TypeRef, value: dict[str, Any], path: str, scope: Scope
    ) -> None:
        """Holds a complex value against its binding, its code system and what it refers to."""
        name = reference.name
        if name == "Reference":
            self._links.reference(value, reference.targets, path, scope)
        elif name == "Coding":
            self._codes.coding(value, path)
        elif name in _QUANTITIES:
            self._codes.quantity(value, path)
        elif name == "Extension":
            if is_unknown(value.get("url"), self._definitions):
                self._findings.keep(unknown_extension(path))
        elif name in _CONSISTENT and (issue := _CONSISTENT[name](value, path)) is not None:
            self._findings.keep(issue)
        if element.binding is not None:
            self._codes.bound(element.binding, value, name, path)

    def extension(self, value: dict[str, Any], owner: str, path: str, *, is_modifier: bool) -> None:
        """ext-1, and the URL: inside another extension it may be relative, and it tells whether it modifies.

        https://hl7.org/fhir/R4/extensibility.html#Extension
        """
        url = value.get("url")
        if isinstance(url, str) and is_modifier is not (url in MODIFIERS) and self._is_defined(url):
            text = (
                "This extension is defined as one that modifies nothing: it stands in `extension`."
                if is_modifier
                else "This extension changes the meaning of what it stands in: it stands in `modifierExtension`."
            )
            self._findings.error("structure", text, path, "extension-modifier")
        if owner != "Extension" and isinstance(url, str) and url and not is_absolute(url):
            text = "The url of an extension is absolute, except inside another extension."
            self._findings.error("invalid", text, f"{path}.url", "extension-url")
        has_value = any(name.startswith(("value", "_value")) for name in value)
        if has_value == ("extension" in value):
            text = "An extension has either a value or extensions of its own, not both and not neither."
            self._findings.error("invariant", text, path, "ext-1")

    def _is_defined(self, url: str) -> bool:
        return self._definitions.structure_definition(url) is not None

    def _narrative(self, div: str, path: str, scope: Scope) -> None:
        narrative = read_narrative(div)
        for fault in narrative.faults.values():
            self._findings.error("invalid", fault.text, path, fault.rule)
        if not all(link in narrative.names or scope.has_name(link) for link in narrative.local_links):
            text = "A link that begins with # points to no id or name in this resource or its Bundle."
            self._findings.error("invalid", text, path, "narrative-link")
