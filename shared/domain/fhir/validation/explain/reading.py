"""The walk through one resource along its definitions. See the package for what is asked where.

https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from shared.domain.fhir.definitions.model import Definitions, Element, Kind, TypeDefinition, TypeRef
from shared.domain.fhir.outcome import UNKNOWN_ELEMENT, Issue
from shared.domain.fhir.releases import release_of_resource, unknown_type_text
from shared.domain.fhir.validation.bundles import bundle_issues, index_of
from shared.domain.fhir.validation.definitional import (
    MAX_EXPRESSIONS,
    definitional_issues,
    expressions_compiled,
)
from shared.domain.fhir.validation.element_ids import element_id_issues
from shared.domain.fhir.validation.explain.containment import check_contained
from shared.domain.fhir.validation.explain.findings import ELEMENT_STEPS, Findings, TooCostly
from shared.domain.fhir.validation.explain.invariants import Invariants
from shared.domain.fhir.validation.explain.names import Property, properties_of, unknown_name_text
from shared.domain.fhir.validation.explain.scope import Scope, scope_of
from shared.domain.fhir.validation.explain.values import Values
from shared.domain.fhir.validation.profiles.apply import extension_issues, profile_issues
from shared.domain.fhir.validation.questionnaire_answers import response_issues

Shortcut = Callable[[Element, TypeRef, dict[str, Any], str, str, Scope], list[Issue] | None]
"""The findings about an object that is valid beyond doubt, given its element, its type, itself, its owner's type, its path
and where it stands; None where it has to be read."""

_IDENTIFIER: Final = re.compile(r"_?[A-Za-z][A-Za-z0-9_]{0,63}")
_VALUES_A_STEP: Final = 2
_EXTENSIONS: Final = frozenset({"extension", "modifierExtension"})
_MUST_BE_OBJECT: Final = "This element must be a JSON object, in braces."
_NULL: Final = (
    "null stands only in arrays of primitives, for an item whose extensions are in the array with the _ name."
)


class Reading:
    """Reads one resource. `shortcut` spares it what is known to be valid."""

    def __init__(
        self,
        definitions: Definitions,
        findings: Findings,
        invariants: Invariants,
        shortcut: Shortcut | None,
    ) -> None:
        self._definitions = definitions
        self._findings = findings
        self._values = Values(definitions, findings)
        self._invariants = invariants
        self._shortcut = shortcut
        self._properties: dict[str, Mapping[str, Property]] = {}
        self._compiled_before = expressions_compiled()

    def resource(self, node: Any, path: str, outer: Scope | None = None) -> None:
        """Reads a resource that stands alone, in a Bundle's entry or in Parameters."""
        definition = self._definition_of_resource(node, path)
        if definition is None:
            return
        bundle = index_of(node) if definition.name == "Bundle" else outer.bundle if outer else None
        scope = scope_of(node, definition.name, bundle, outer.full_url if outer else "")
        self._object(node, definition, path, scope)
        check_contained(node, scope.local_use, path, self._findings)
        self._beyond_the_type(node, path, scope)
        if definition.name == "Bundle" and bundle is not None:
            for issue in bundle_issues(node, bundle, path):
                self._findings.keep(issue)

    def _contained(self, node: Any, path: str, index: int, outer: Scope) -> None:
        definition = self._definition_of_resource(node, path)
        if definition is not None:
            scope = outer.of_contained(node, definition.name, index)
            self._object(node, definition, path, scope)
            self._beyond_the_type(node, path, scope)

    def _beyond_the_type(self, node: dict[str, Any], path: str, scope: Scope) -> None:
        if expressions_compiled() - self._compiled_before > MAX_EXPRESSIONS:
            raise TooCostly
        for issue in definitional_issues(node, self._definitions, path):
            self._findings.keep(issue)
        for issue in response_issues(node, path):
            self._findings.keep(issue)
        for issue in element_id_issues(node, self._definitions, path):
            self._findings.keep(issue)
        for issue in profile_issues(node, self._definitions, partial(self._invariants.holds, scope=scope)):
            self._findings.keep(issue.prefixed(path))

    def _definition_of_resource(self, node: Any, path: str) -> TypeDefinition | None:
        if not isinstance(node, dict):
            self._findings.error("structure", "A resource is a JSON object.", path, "json-object")
            return None
        name = node.get("resourceType")
        if not isinstance(name, str):
            text = "resourceType is missing: it names the type of the resource, such as Patient."
            self._findings.error("structure", text, path, "resource-type")
            return None
        if name in self._definitions.resource_types:
            return self._definitions.type(name)
        code = "not-supported" if release_of_resource(name) else "structure"
        self._findings.error(code, unknown_type_text(name), path, "resource-type")
        return None

    def _object(self, node: dict[str, Any], definition: TypeDefinition, path: str, scope: Scope) -> None:
        """Reads the properties of a complex element or resource, then its invariants."""
        self._findings.spend(ELEMENT_STEPS)
        known = self._properties.get(definition.name)
        if known is None:
            known = self._properties[definition.name] = properties_of(definition)
        present: dict[str, list[tuple[str, TypeRef]]] = {}
        for name in node:
            if name == "resourceType" and definition.kind is Kind.RESOURCE:
                continue
            property_ = known.get(name) or known.get(name.removeprefix("_"))
            if property_ is None or (name not in known and not self._is_primitive(property_.type)):
                self._unknown(name, definition, path, known)
                continue
            bare = name if name in known else name[1:]
            entry = (bare, property_.type)
            if entry not in present.setdefault(property_.element.name, []):
                present[property_.element.name].append(entry)
        for element in definition.elements.values():
            found = present.get(element.name)
            if found is None:
                if element.low > 0:
                    self._missing(element, path)
                continue
            self._element(element, found, node, path, scope, definition)
        self._invariants.check(definition.constraints, node, path, scope, definition.name)

    def _unknown(
        self, name: str, definition: TypeDefinition, path: str, known: Mapping[str, Property]
    ) -> None:
        text = unknown_name_text(name, definition.name, known)
        where = f"{path}.{name}" if _IDENTIFIER.fullmatch(name) else path
        self._findings.error("structure", text, where, UNKNOWN_ELEMENT)

    def _missing(self, element: Element, path: str) -> None:
        if element.is_choice:
            forms = ", ".join(element.properties)
            text = f"This element is required and missing: one of {forms}."
        else:
            text = "This element is required and missing."
        self._findings.error("required", text, f"{path}.{element.name}", "required")

    def _element(
        self,
        element: Element,
        found: list[tuple[str, TypeRef]],
        node: dict[str, Any],
        path: str,
        scope: Scope,
        owner: TypeDefinition,
    ) -> None:
        if len(found) > 1:
            text = f"Only one form of {element.name}[x] may be present."
            self._findings.error("structure", text, f"{path}.{element.name}", "choice-once")
        for name, reference in found:
            where = (
                f"{path}.{element.name}.ofType({reference.name})" if element.is_choice else f"{path}.{name}"
            )
            if self._is_primitive(reference):
                self._primitive(element, reference, node, name, where, scope)
            else:
                self._complex(element, reference, node[name], where, scope, owner)

    def _is_primitive(self, reference: TypeRef) -> bool:
        return self._definitions.type(reference.name).kind is Kind.PRIMITIVE

    def _primitive(
        self, element: Element, reference: TypeRef, node: dict[str, Any], name: str, where: str, scope: Scope
    ) -> None:
        items = self._values.items(element, node, name, where)
        if element.high is not None and len(items) > element.high:
            self._too_many(element, where)
        self._findings.spend(len(items))
        for item in items:
            if item.sibling is not None:
                self._object(item.sibling, self._definitions.type("Element"), item.path, scope)
            if item.value is not None:
                self._values.primitive(element, reference, item, scope)
            self._invariants.check(
                element.constraints, item.value, item.path, scope, reference.name, item.sibling
            )

    def _complex(
        self,
        element: Element,
        reference: TypeRef,
        value: Any,
        where: str,
        scope: Scope,
        owner: TypeDefinition,
    ) -> None:
        if not element.is_array:
            if isinstance(value, list):
                text = "This element does not repeat: it is no JSON array."
                self._findings.error("structure", text, where, "json-array")
                return
            self._one(element, reference, value, where, scope, owner, 0)
            return
        if not isinstance(value, list):
            text = "This element repeats, so it must be a JSON array, in square brackets."
            self._findings.error("structure", text, where, "json-array")
            return
        if not value:
            text = "An array must not be empty: leave the element out."
            self._findings.error("structure", text, where, "json-empty")
        if element.high is not None and len(value) > element.high:
            self._too_many(element, where)
        for index, item in enumerate(value):
            self._one(element, reference, item, f"{where}[{index}]", scope, owner, index)

    def _one(
        self,
        element: Element,
        reference: TypeRef,
        value: Any,
        where: str,
        scope: Scope,
        owner: TypeDefinition,
        index: int,
    ) -> None:
        if value is None:
            self._findings.error("structure", _NULL, where, "json-null")
        elif not isinstance(value, dict):
            self._findings.error("structure", _MUST_BE_OBJECT, where, "json-object")
        elif self._is_spared(element, reference, value, where, scope, owner):
            return
        elif reference.name == "Resource":
            if element.name == "contained":
                self._contained(value, where, index, scope)
            else:
                self.resource(value, where, scope)
        elif not value:
            text = "An object must not be empty: leave the element out."
            self._findings.error("structure", text, where, "json-empty")
        else:
            definition = self._definitions.type(reference.name)
            if element.name in _EXTENSIONS:
                self._values.extension(
                    value, owner.name, where, is_modifier=element.name == "modifierExtension"
                )
            inner = scope.of_entry(value) if owner.name == "Bundle" and element.name == "entry" else scope
            self._object(value, definition, where, inner)
            if element.name in _EXTENSIONS:
                self._defined_extension(value, where, scope)
            if len(value) == 1 and "id" in value:
                self._findings.error(
                    "invariant", "An element has a value or children beside its id.", where, "ele-1"
                )
            self._values.complex(element, reference, value, where, scope)
            self._invariants.check(element.constraints, value, where, scope, definition.name)

    def _defined_extension(self, value: dict[str, Any], where: str, scope: Scope) -> None:
        holds = partial(self._invariants.holds, scope=scope)
        for issue in extension_issues(value, where, self._definitions, holds):
            self._findings.keep(issue)

    def _is_spared(
        self,
        element: Element,
        reference: TypeRef,
        value: dict[str, Any],
        where: str,
        scope: Scope,
        owner: TypeDefinition,
    ) -> bool:
        """Whether the shortcut tells what is to be found."""
        if self._shortcut is None or element.name == "contained":
            return False
        found = self._shortcut(element, reference, value, owner.name, where, scope)
        if found is None and reference.name == "Resource":
            # Resources nest: what is in twenty Bundles is asked about in each.
            self._findings.spend(_values_in(value) // _VALUES_A_STEP)
        for issue in found or ():
            self._findings.keep(issue)
        return found is not None

    def _too_many(self, element: Element, where: str) -> None:
        text = f"This element occurs at most {element.high} time{'' if element.high == 1 else 's'}."
        self._findings.error("structure", text, where, "cardinality")


def _values_in(resource: dict[str, Any]) -> int:
    """How many JSON values it holds, at any depth."""
    count = 0
    stack: list[Any] = [resource]
    while stack:
        node = stack.pop()
        below = node.values() if isinstance(node, dict) else node
        count += len(below)
        stack += [each for each in below if isinstance(each, dict | list)]
    return count
