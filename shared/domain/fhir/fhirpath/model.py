"""What FHIRPath must know of a version of FHIR: the types of elements, and which type is derived from which.

https://hl7.org/fhir/R4/fhirpath.html#types
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class TypeModel(Protocol):
    """A version's types by name: `Patient`, `HumanName`, `code`, `Patient.contact` for the type of an unnamed element.

    What it answers never changes: answers are kept for each model, which must be hashable, as every plain object is.
    """

    def __hash__(self) -> int: ...

    def properties(self, type_name: str, element_name: str) -> Mapping[str, str] | None:
        """Each JSON property that the element may be → its type: `{"valueQuantity": "Quantity", …}` for `value`.

        None where the type has no such element, or is not known.
        """
        ...

    def is_subtype(self, name: str, of: str) -> bool:
        """Whether `name` is `of` or derived from it; a name that is no type is derived from nothing else."""
        ...
