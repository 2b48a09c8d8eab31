"""Invariants whose published FHIRPath does not say what their text says, and bindings that were published too strict.

Each is named with what is wrong and where it was put right. What is not named here is taken as published: https://hl7.org/fhir/R4/downloads.html
"""

from __future__ import annotations

from typing import Final

from shared.domain.fhir.definitions.model import Binding, Constraint, Strength

_CORRECTED: Final[dict[str, str]] = {
    # A comparison of an absent or other kind of probability is empty, which would count as a failure; HL7's validator
    # asks for the value first.
    "probability is decimal implies (probability as decimal) <= 100": (
        "(probability.exists() and (probability is decimal)) implies ((probability as decimal) <= 100)"
    ),
    # The text says more than one; R4B and R5 count from two.
    "enableWhen.count() > 2 implies enableBehavior.exists()": "enableWhen.count() > 1 implies enableBehavior.exists()",
    # The element is `generation`; HL7's validator corrects it likewise.
    "generated='generated' implies source.empty()": "generation='generated' implies source.empty()",
    # `in` takes one item, `when` repeats; R5 asks each.
    "offset.empty() or (when.exists() and when.select($this in ('C' | 'CM' | 'CD' | 'CV')).allFalse())": (
        "offset.empty() or (when.exists() and when.all(($this in ('C' | 'CM' | 'CD' | 'CV')).not()))"
    ),
    # A CodeableConcept never equals a string, so that every category would count as a problem list item.
    (
        "clinicalStatus.exists() or verificationStatus.coding.where("
        "system='http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() "
        "or category.select($this='problem-list-item').empty()"
    ): (
        "clinicalStatus.exists() or verificationStatus.coding.where("
        "system='http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() "
        "or category.coding.where(code='problem-list-item').empty()"
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
