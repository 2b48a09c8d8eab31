"""The invariants that a shape does not settle: evaluated by closures over the JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from shared.domain.fhir.definitions.model import Constraint
from shared.domain.fhir.definitions.reader import PackedDefinitions
from shared.domain.fhir.fhirpath import Element, FhirPathError
from shared.domain.fhir.fhirpath import compile as compile_expression
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.errata import expression_of
from shared.domain.fhir.validation.explain.invariants import BEST_PRACTICE
from shared.domain.fhir.validation.fast.context import CONTEXT, note
from shared.domain.fhir.validation.fast.primitives import Check
from shared.domain.fhir.validation.fast.remarks import Remark, Stage, after_elements


@cache
def _natives() -> Mapping[str, Callable[[Any], bool]]:
    """What is written by hand, by expression; loaded with the first resource that has a use for one."""
    from shared.domain.fhir.validation.fast.natives import NATIVE
    from shared.domain.fhir.validation.fast.natives_of_definitions import NATIVE_OF_DEFINITIONS
    from shared.domain.fhir.validation.fast.natives_of_structures import NATIVE_OF_STRUCTURES

    return {**NATIVE, **NATIVE_OF_STRUCTURES, **NATIVE_OF_DEFINITIONS}


def warning(constraint: Constraint, path: str, _: str) -> list[Issue]:
    """What is said where a constraint that only warns does not hold."""
    return [Issue("warning", "invariant", constraint.human, path, constraint.key)]


class Invariants:
    """The rules of constraints, one for each constraint and type."""

    def __init__(self, definitions: PackedDefinitions) -> None:
        self._definitions = definitions
        self._rules: dict[tuple[Constraint, str], Check] = {}

    def rule(self, constraint: Constraint, type_name: str) -> Check:
        """Whether the constraint surely holds for a value of the type."""
        found = self._rules.get((constraint, type_name))
        if found is None:
            found = self._rules[constraint, type_name] = self._evaluated(constraint, type_name)
        return found

    def object_rule(self, constraint: Constraint, type_name: str, stage: Stage, place: int) -> Check:
        """As `rule`, for an object: what only warns is noted where it fails."""
        rule = self.rule(constraint, type_name)
        if constraint.severity != "warning" or constraint.key in BEST_PRACTICE:
            return rule
        issues = partial(warning, constraint)
        return lambda value: rule(value) or note(Remark(value, after_elements(stage, place), issues))

    def _evaluated(self, constraint: Constraint, type_name: str) -> Check:
        expression = compile_expression(expression_of(constraint))
        definitions = self._definitions
        native = _natives().get(expression.text)
        looks_elsewhere = "resolve(" in expression.text

        def rule(value: Any) -> bool:
            if looks_elsewhere:
                return False
            reading = CONTEXT.reading
            focus = Element(value, type_name)
            try:
                return expression.is_true(
                    focus, resource=reading.resource, root=reading.root, model=definitions
                )
            except FhirPathError:
                return False

        def quick_rule(value: Any) -> bool:
            try:
                return (native is not None and native(value)) or rule(value)
            except (KeyError, ValueError, TypeError):
                return rule(value)

        return rule if native is None else quick_rule
