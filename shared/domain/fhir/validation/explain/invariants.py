"""The FHIRPath invariants of the definitions, evaluated on each element that has them.

https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.model import Constraint, Definitions
from shared.domain.fhir.validation.errata import expression_of
from shared.domain.fhir.validation.explain.findings import Findings, TooCostly
from shared.domain.fhir.validation.explain.scope import Scope

JUDGED_BY_READING: Final = frozenset(
    {"bdl-7", "bdl-8", "dom-2", "dom-3", "dom-4", "dom-5", "ele-1", "ext-1", "ref-1", "txt-1", "txt-2"}
)
"""Invariants that the reading itself judges, in time linear in the resource and with a better place and text."""
BEST_PRACTICE: Final = frozenset({"con-3", "dom-6"})
"""Invariants that the specification marks as best practice (extension elementdefinition-bestpractice)."""

_NARRATIVE: Final = "dom-6"
"""A contained resource needs no narrative: it is told in its container's."""


class NavigableDefinitions(Definitions, fhirpath.TypeModel, Protocol):
    """Definitions by which FHIRPath finds its way as well."""


class Instance(Protocol):
    """An element as the profiles see it."""

    value: Any
    type_name: str
    sibling: dict[str, Any] | None


class Invariants:
    """Evaluates constraints. One that cannot be evaluated on a malformed element says nothing: the form is reported."""

    def __init__(self, definitions: NavigableDefinitions, findings: Findings, *, best_practice: bool) -> None:
        self._definitions = definitions
        self._findings = findings
        self._silent = JUDGED_BY_READING if best_practice else JUDGED_BY_READING | BEST_PRACTICE

    def check(
        self,
        constraints: Iterable[Constraint],
        value: Any,
        path: str,
        scope: Scope,
        type_name: str,
        sibling: dict[str, Any] | None = None,
    ) -> None:
        """Reports those of `constraints` that do not hold for one element."""
        focus: fhirpath.Element | None = None
        for constraint in constraints:
            if constraint.key in self._silent or (scope.is_contained and constraint.key == _NARRATIVE):
                continue
            if focus is None:
                focus = fhirpath.Element(value, type_name, sibling)
            if not self._holds(constraint, focus, scope):
                severity = "warning" if constraint.severity == "warning" else "error"
                self._findings.add(severity, "invariant", constraint.human, path, constraint.key)

    def holds(self, constraint: Constraint, item: Instance, *, scope: Scope) -> bool:
        """Whether a profile's invariant holds for an element; True where it cannot be evaluated."""
        return self._holds(constraint, fhirpath.Element(item.value, item.type_name, item.sibling), scope)

    def _holds(self, constraint: Constraint, focus: fhirpath.Element, scope: Scope) -> bool:
        try:
            expression = fhirpath.compile(expression_of(constraint))
            return expression.is_true(
                focus,
                resource=scope.resource,
                root=scope.root,
                model=self._definitions,
                resolve=scope.resolve,
                on_steps=self._findings.spend,
            )
        except fhirpath.FhirPathLimitError:
            raise TooCostly from None
        except fhirpath.FhirPathError:
            return True
