"""What profiles say of a resource, remembered for vital signs: all of a kind look alike but for their numbers and times.

https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.model import Constraint
from shared.domain.fhir.definitions.reader import PackedDefinitions
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.errata import expression_of

if TYPE_CHECKING:
    from shared.domain.fhir.validation.profiles.instance import Item

MAX_LOOKS: Final = 2048
_CODED: Final = ("category", "code", "dataAbsentReason", "interpretation", "bodySite", "method")
_FREE: Final = frozenset({"resourceType", "id", "meta", "status", "encounter", "issued", "identifier"})
"""Elements that no vital-signs profile narrows beyond the base type."""
_LOOKED_AT: Final = frozenset({*_CODED, *_FREE, "subject", "effectiveDateTime", "valueQuantity", "component"})
_PART_LOOKED_AT: Final = frozenset({"code", "valueQuantity", "dataAbsentReason"})


class ProfileRules:
    """Asks the profiles that a resource claims or whose code it has."""

    def __init__(self, definitions: PackedDefinitions) -> None:
        self._definitions = definitions
        self._good: set[Any] = set()

    def concern(self, resource: dict[str, Any]) -> bool:
        """Whether there is a profile to ask."""
        if resource["resourceType"] != "Observation" and "profile" not in resource.get("meta", ()):
            return False
        from shared.domain.fhir.validation.profiles.apply import concerns

        return concerns(resource)

    def issues(self, resource: dict[str, Any]) -> list[Issue]:
        """What the profiles say; the resource is one that its base type accepts."""
        if not self.concern(resource):
            return []
        look = _look(resource)
        if look is not None and look in self._good:
            return []

        def holds(constraint: Constraint, item: Item) -> bool:
            focus = fhirpath.Element(item.value, item.type_name, item.sibling)
            expression = fhirpath.compile(expression_of(constraint))
            return expression.is_true(focus, resource=resource, model=self._definitions)

        from shared.domain.fhir.validation.profiles.apply import profile_issues

        issues = profile_issues(resource, self._definitions, holds)
        if look is not None and not issues:
            if len(self._good) >= MAX_LOOKS:
                self._good.clear()
            self._good.add(look)
        return issues


def _look(resource: dict[str, Any]) -> Any:
    """All that a vital-signs profile looks at; None for a resource that has more, or claims a profile."""
    if resource["resourceType"] != "Observation" or not resource.keys() <= _LOOKED_AT:
        return None
    if "profile" in resource.get("meta", ()):
        return None
    subject = resource.get("subject")
    if subject is not None and (
        subject.keys() - {"reference", "display"} or subject.get("reference", "#")[:1] == "#"
    ):
        return None
    parts = resource.get("component", ())
    if not all(part.keys() <= _PART_LOOKED_AT for part in parts):
        return None
    return (
        tuple(resource),
        orjson.dumps([resource.get(name) for name in _CODED]),
        subject and subject["reference"].partition("/")[0].partition(":")[0],
        len(resource.get("effectiveDateTime", "")),
        _quantity(resource.get("valueQuantity")),
        tuple(map(_part, parts)),
    )


def _part(part: dict[str, Any]) -> Any:
    return (
        tuple(part),
        orjson.dumps([part.get("code"), part.get("dataAbsentReason")]),
        _quantity(part.get("valueQuantity")),
    )


def _quantity(quantity: dict[str, Any] | None) -> Any:
    """All but the number."""
    return quantity and (tuple(quantity), *map(quantity.get, ("system", "code", "unit", "comparator")))
