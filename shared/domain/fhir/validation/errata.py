"""Invariants whose published FHIRPath does not say what their text says, and bindings that were published too strict.

Each is named with what is wrong and where it was put right. What is not named here is taken as published: https://hl7.org/fhir/R4/downloads.html
"""

from __future__ import annotations

from typing import Final

from shared.domain.fhir.definitions.model import Binding, Constraint, Strength

_CORRECTED: Final[dict[str, str]] = {
    # `in` takes one item, `when` repeats; R5 asks each.
    "offset.empty() or (when.exists() and when.select($this in ('C' | 'CM' | 'CD' | 'CV')).allFalse())": (
        "offset.empty() or (when.exists() and when.all(($this in ('C' | 'CM' | 'CD' | 'CV')).not()))"
    ),
}


def expression_of(constraint: Constraint) -> str:
    """The FHIRPath to evaluate for a constraint: as published, or corrected where that is named above."""
    return _CORRECTED.get(constraint.expression, constraint.expression)


_RELAXED: Final = {
    # The vital-signs profiles bind every component's value to units of vital signs, even where it is a concept; HL7's
    # validator takes it as extensible (PackageHackerR5).
    "http://hl7.org/fhir/ValueSet/ucum-vitals-common": Strength.EXTENSIBLE,
}


def strength_of(binding: Binding) -> Strength:
    """How strict a binding is: as published, or relaxed where that is named above."""
    return _RELAXED.get(binding.value_set, binding.strength)
