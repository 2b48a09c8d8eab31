"""Which extensions of the base specification change the meaning of what they stand in.

https://hl7.org/fhir/R4/extensibility.html#modifierExtension
"""

from __future__ import annotations

from typing import Final

MODIFIERS: Final = frozenset(
    f"http://hl7.org/fhir/StructureDefinition/{name}"
    for name in ("capabilitystatement-prohibited", "request-doNotPerform")
)
"""All of them; the other 391 stand in `extension` only."""
