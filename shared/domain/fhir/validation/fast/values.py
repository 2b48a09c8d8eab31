"""Remarks on single values: markup in a text, a relative canonical, a code outside an extensible value set.

A value that is not plain is given to the code of the complete reading, which says whether it is wrong or merely odd.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from shared.domain.fhir.definitions.model import Definitions, Element, Kind, TypeRef
from shared.domain.fhir.outcome import FAILURES, Issue
from shared.domain.fhir.validation.explain.findings import Findings, TooMany
from shared.domain.fhir.validation.fast.context import note
from shared.domain.fhir.validation.fast.plans import UNASKED
from shared.domain.fhir.validation.fast.remarks import Remark

Found = tuple[int, Element, TypeRef]

_IN_CONTEXT: Final = frozenset({"xhtml"})
"""What it says depends on the rest of the resource, as does any local link."""


class RemarksOnValues:
    """Notes what is to be remarked on primitives."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def note(self, owner: dict[str, Any], name: str, type_name: str) -> bool:
        """Whether the property is a primitive that is merely to be remarked on; that is noted then."""
        found = self._found(name, type_name)
        if found is None or f"_{name}" in owner:
            return False
        place, element, reference = found
        values = owner[name] if type(owner[name]) is list else [owner[name]]
        if any(type(value) is not str or value.startswith("#") for value in values):
            return False
        try:
            issues = self._issues(owner, name, element, reference, type_name, "")
        except TooMany:
            return False
        if not issues or any(issue.severity in FAILURES for issue in issues):
            return False
        return note(
            Remark(owner, (place, 0), partial(self._issues, owner, name, element, reference, type_name))
        )

    def _found(self, name: str, type_name: str) -> Found | None:
        for place, element in enumerate(self._definitions.type(type_name).elements.values()):
            reference = element.properties.get(name)
            if reference is None:
                continue
            is_primitive = (
                reference.name != "Resource" and self._definitions.type(reference.name).kind is Kind.PRIMITIVE
            )
            is_judged = any(constraint.key not in UNASKED for constraint in element.constraints)
            return (
                (place, element, reference)
                if is_primitive and reference.name not in _IN_CONTEXT and not is_judged
                else None
            )
        return None

    def _issues(
        self,
        owner: dict[str, Any],
        name: str,
        element: Element,
        reference: TypeRef,
        type_name: str,
        path: str,
        _: str = "",
    ) -> list[Issue]:
        from shared.domain.fhir.validation.explain.scope import scope_of
        from shared.domain.fhir.validation.explain.values import Values

        findings = Findings()
        values = Values(self._definitions, findings)
        where = f"{path}.{element.name}.ofType({reference.name})" if element.is_choice else f"{path}.{name}"
        scope = scope_of(owner, type_name, None, "")
        for item in values.items(element, owner, name, where):
            values.primitive(element, reference, item, scope)
        return findings.as_list()
