"""Whether codes are beyond doubt of their code system and of the value set of their binding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from shared.domain.fhir.definitions.model import Binding, Definitions, Strength, ValueSetCodes
from shared.domain.fhir.outcome import FAILURES, Issue
from shared.domain.fhir.validation.code_shapes import SHAPED
from shared.domain.fhir.validation.explain.findings import Findings
from shared.domain.fhir.validation.fast.context import note
from shared.domain.fhir.validation.fast.known import Known
from shared.domain.fhir.validation.fast.primitives import Check
from shared.domain.fhir.validation.fast.remarks import Remark, Stage, after_elements
from shared.domain.fhir.validation.primitives import is_absolute
from shared.domain.fhir.validation.quantities import UCUM, is_ucum_shaped

_VALUE_SET_BASE: Final = "http://hl7.org/fhir/ValueSet/"
_NO_SYSTEM: Final[frozenset[str]] = frozenset({""})
"""Stands for what is no code system: no code is of it."""
_IS_UNIT: Final = Known(is_ucum_shaped)
Rule = Callable[[dict[str, Any]], Any]


def code_check(codes: ValueSetCodes) -> Check | None:
    """The check of a bare code; None where the value set takes any."""
    forms = [SHAPED.get(system) for system in codes.open_systems]
    if None in forms:
        return None
    known: frozenset[str] = frozenset().union(*codes.systems.values())
    if not forms:
        return known.__contains__
    return lambda code: code in known or any(code in form for form in forms if form is not None)


def binding_rule(binding: Binding, definitions: Definitions, codes: ValueSetCodes, type_name: str) -> Rule:
    """Whether a CodeableConcept, Coding or Quantity is as its binding asks; what is merely to be remarked is noted."""
    rule = _concept_rule(codes) if type_name == "CodeableConcept" else _coding_rule(codes)
    if binding.strength is Strength.REQUIRED:
        return rule

    def issues(value: dict[str, Any]) -> list[Issue]:
        from shared.domain.fhir.validation.explain.codes import Codes

        findings = Findings()
        Codes(definitions, findings).bound(binding, value, type_name, "")
        return findings.as_list()

    def remarked(value: dict[str, Any]) -> bool:
        if rule(value):
            return True
        if "extension" in value or any("extension" in coding for coding in value.get("coding", ())):
            return False  # which may say that the code is absent
        found = issues(value)
        if any(issue.severity in FAILURES for issue in found):
            return False
        return note(Remark(value, after_elements(Stage.BINDING), partial(_placed, found)))

    return remarked


def _placed(issues: list[Issue], path: str, _: str) -> list[Issue]:
    """Findings about an object itself, at its place."""
    return [replace(issue, expression=path) for issue in issues]


def _concept_rule(codes: ValueSetCodes) -> Rule:
    """Whether a CodeableConcept has a coding of the value set."""
    is_member = _membership(codes)

    def rule(concept: dict[str, Any]) -> bool:
        return any(map(is_member, concept.get("coding", ())))

    return rule


def _coding_rule(codes: ValueSetCodes) -> Rule:
    """Whether a Coding or Quantity that has a code has one of the value set."""
    is_member = _membership(codes)

    def rule(coding: dict[str, Any]) -> bool:
        return "code" not in coding or is_member(coding)

    return rule


def _membership(codes: ValueSetCodes) -> Callable[[dict[str, Any]], bool]:
    systems: Mapping[str, frozenset[str]] = codes.systems
    none: frozenset[str] = frozenset()

    def is_member(coding: dict[str, Any]) -> bool:
        if "code" not in coding or "system" not in coding:
            return False
        system = coding["system"]
        return coding["code"] in systems.get(system, none) or system in codes.open_systems

    return is_member


def system_rule(definitions: Definitions) -> Rule:
    """Whether a Coding with a system names a code system; that it has no such code is only to be remarked."""

    def codes_of(system: str) -> Any:
        """All codes of the system or what tells their form, None where neither is known."""
        if not is_absolute(system):
            return _NO_SYSTEM
        known = definitions.code_system(system)
        if known is None and (
            system.startswith(_VALUE_SET_BASE) or definitions.value_set(system) is not None
        ):
            return _NO_SYSTEM
        return SHAPED.get(system) if known is None else known

    systems = Known(codes_of)
    remarked = coding_remark(definitions)

    def rule(coding: dict[str, Any]) -> bool:
        known = systems[coding["system"]]
        if known is None or ("code" in coding and coding["code"] in known):
            return True
        return known is not _NO_SYSTEM and "code" in coding and bool(remarked(coding))

    return rule


def coding_remark(definitions: Definitions) -> Rule:
    """Notes what is only to be remarked of a Coding: a code without a system, or one that its system does not have."""

    def issues(value: dict[str, Any], path: str, _: str) -> list[Issue]:
        from shared.domain.fhir.validation.explain.codes import Codes

        findings = Findings()
        Codes(definitions, findings).coding(value, path)
        return findings.as_list()

    return lambda coding: note(Remark(coding, after_elements(Stage.VALUE), partial(issues, coding)))


def unit_rule(quantity: dict[str, Any]) -> bool:
    """Whether a quantity with system and code has, if UCUM, a code that could be one."""
    return quantity["system"] != UCUM or bool(_IS_UNIT[quantity["code"]])
