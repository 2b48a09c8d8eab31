"""Codes held against the value sets and code systems of the specification.

https://hl7.org/fhir/R4/terminologies.html#strength. A value set that cannot be enumerated decides nothing.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Final

from shared.domain.fhir.definitions.model import Binding, Definitions, Strength, ValueSetCodes
from shared.domain.fhir.validation.code_shapes import SHAPED, codes_of
from shared.domain.fhir.validation.explain.findings import Findings
from shared.domain.fhir.validation.primitives import is_absolute
from shared.domain.fhir.validation.quantities import UCUM, is_ucum_shaped

_SEVERITY: Final = {
    Strength.REQUIRED: "error",
    Strength.EXTENSIBLE: "warning",
    Strength.PREFERRED: "information",
}
_MUST: Final = {
    Strength.REQUIRED: "must be",
    Strength.EXTENSIBLE: "must be, where one fits,",
    Strength.PREFERRED: "should be",
}
_QUANTITIES: Final = frozenset(
    {"Quantity", "SimpleQuantity", "MoneyQuantity", "Age", "Count", "Distance", "Duration"}
)
_DATA_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_VALUE_SET_BASE: Final = "http://hl7.org/fhir/ValueSet/"


class Codes:
    """Reports codes that are not what their binding or their code system asks for."""

    def __init__(self, definitions: Definitions, findings: Findings) -> None:
        self._definitions = definitions
        self._findings = findings

    def bound(self, binding: Binding, value: Any, type_name: str, path: str) -> None:
        """Holds an element's value against its binding: a code beyond the maximum is told as that alone.

        A code of a system that the maximum does not have at all is a warning: Synthea, for one, names some languages
        by ISO 639, and a reader knows what is meant.
        """
        beyond = self._beyond(binding.maximum, value) if binding.maximum else None
        if beyond is not None:
            text = f"The code must be of the value set {binding.maximum}, also where no common one fits."
            self._findings.add(beyond, "code-invalid", text, path, "binding-maximum")
            return
        codes = self._definitions.value_set(binding.value_set)
        if codes is None:
            return
        if type_name == "CodeableConcept":
            self._concept(binding, codes, value, path)
        elif type_name == "Coding" or type_name in _QUANTITIES:
            coding = value if isinstance(value, dict) else {}
            if "code" in coding and not _has(codes, coding.get("system"), coding["code"]):
                self._outside(binding, codes, [coding], path)
        elif isinstance(value, str) and not _has_code(codes, value):
            self._outside(binding, codes, [], path)

    def _beyond(self, maximum: str, value: Any) -> str | None:
        """How severe it is that there are codes and none is of the value set. A text without a code is within it."""
        codes = self._definitions.value_set(maximum)
        if codes is None:
            return None
        if isinstance(value, str):
            return None if _has_code(codes, value) else "error"
        coding = value.get("coding", [value]) if isinstance(value, dict) else []
        codings = coding if isinstance(coding, list) else []
        coded = [each for each in codings if isinstance(each, dict) and isinstance(each.get("code"), str)]
        if not coded or any(self._is_within(codes, each) for each in coded):
            return None
        named = {str(each.get("system")) for each in coded}
        return "error" if named & (codes.open_systems | set(codes.systems)) else "warning"

    @staticmethod
    def _is_within(codes: ValueSetCodes, coding: dict[str, Any]) -> bool:
        """Whether a Coding is of the value set, by the form of its code where the specification holds no codes."""
        system = coding.get("system")
        if not _has(codes, system, coding["code"]):
            return False
        return system not in codes.open_systems or _is_code(coding["code"], SHAPED.get(str(system)))

    def coding(self, value: dict[str, Any], path: str) -> None:
        """Holds a Coding against its code system, where the specification has all codes of it or the codes have a form.

        A code that its system does not have is a warning here: what it makes of the element is for `bound` to say.
        """
        system, code = value.get("system"), value.get("code")
        if not isinstance(system, str) or not system:
            if isinstance(code, str) and system is None and "_system" not in value:
                text = "A code without its system has no defined meaning: name the system."
                self._findings.warning("code-invalid", text, path, "coding-system-missing")
            return
        if not is_absolute(system):
            text = "The system of a Coding is an absolute URI, not a local reference."
            self._findings.error("invalid", text, f"{path}.system", "coding-system-absolute")
            return
        if self._is_value_set(system):
            text = "The system of a Coding names a code system; this is a value set."
            self._findings.error("invalid", text, f"{path}.system", "coding-system-value-set")
        elif isinstance(code, str) and not _is_code(code, codes_of(system, self._definitions)):
            text = "The code system that is named has no such code."
            self._findings.warning("code-invalid", text, f"{path}.code", "code-unknown")

    def quantity(self, value: dict[str, Any], path: str) -> None:
        """A unit of UCUM must be written as UCUM writes units; whether it exists is not asked."""
        code = value.get("code")
        if value.get("system") == UCUM and isinstance(code, str) and not is_ucum_shaped(code):
            text = "The code is not written as UCUM writes units: no spaces, brackets closed, parts joined by . or /."
            self._findings.error("code-invalid", text, f"{path}.code", "ucum")

    def _is_value_set(self, system: str) -> bool:
        if self._definitions.code_system(system) is not None:
            return False
        return system.startswith(_VALUE_SET_BASE) or self._definitions.value_set(system) is not None

    def _concept(self, binding: Binding, codes: ValueSetCodes, value: Any, path: str) -> None:
        concept = value if isinstance(value, dict) else {}
        codings = concept.get("coding")
        codings = (
            [coding for coding in codings if isinstance(coding, dict)] if isinstance(codings, list) else []
        )
        coded = [coding for coding in codings if "code" in coding]
        if any(_has(codes, coding.get("system"), coding["code"]) for coding in coded):
            return
        if coded or not _is_absent(concept, codings):
            self._outside(binding, codes, coded, path)

    def _outside(
        self, binding: Binding, codes: ValueSetCodes, codings: list[dict[str, Any]], path: str
    ) -> None:
        text = f"The code {_MUST[binding.strength]} of the value set {binding.value_set}.{codes.listed()}"
        severity = _SEVERITY[binding.strength]
        if binding.strength is Strength.EXTENSIBLE and any(map(self._is_made_up, codings)):
            # Extensible means: another code, where none fits. A code that its own system does not have is no other code.
            text = f"{text} A code system that is named here has no such code."
            severity = "error"
        self._findings.add(severity, "code-invalid", text, path, f"binding-{binding.strength}")

    def _is_made_up(self, coding: dict[str, Any]) -> bool:
        """Whether the specification has all codes of the system, and not this one."""
        system, code = coding.get("system"), coding["code"]
        if not isinstance(system, str) or not isinstance(code, str):
            return False
        known = self._definitions.code_system(system)
        return known is not None and code not in known


def _has(codes: ValueSetCodes, system: Any, code: Any) -> bool:
    if not isinstance(code, str):
        return True  # Its JSON kind is reported where it is read.
    if not isinstance(system, str):
        return False
    return system in codes.open_systems or code in codes.systems.get(system, ())


def _is_code(code: str, codes: Container[str] | None) -> bool:
    return codes is None or code in codes


def _has_code(codes: ValueSetCodes, code: str) -> bool:
    return any(code in known for known in codes.systems.values()) or any(
        _is_code(code, SHAPED.get(system)) for system in codes.open_systems
    )


def _is_absent(concept: dict[str, Any], codings: list[dict[str, Any]]) -> bool:
    """Whether the sender says why there is no code."""
    for holder in (concept, *codings):
        extensions = holder.get("extension")
        for extension in extensions if isinstance(extensions, list) else ():
            if isinstance(extension, dict) and extension.get("url") == _DATA_ABSENT:
                return True
    return False
