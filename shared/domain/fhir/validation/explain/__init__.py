"""The complete reading of one FHIR R4 resource that finds everything wrong with it and says so: the truth about validity.

https://hl7.org/fhir/R4/validation.html. What is asked where:

- `reading` walks a resource along its definitions: names, cardinality, JSON kinds, choices, empty things;
- `values` holds each value against its type (`validation.primitives`, `shared.domain.fhir.narrative`);
- `links` asks of references and canonicals their form, target and local resolution (`validation.references`);
- `codes` asks bindings, code systems and units (`validation.quantities`);
- `containment` and `validation.bundles` ask what holds between resources;
- `invariants` evaluates the FHIRPath constraints that none of these judges;
- `shared.domain.fhir.validation.profiles`, where it applies, asks what profiles ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.domain.fhir.json import MAX_DEPTH
from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.validation.explain.findings import MAX_WORK, Findings, TooCostly, TooMany
from shared.domain.fhir.validation.explain.invariants import (
    BEST_PRACTICE,
    JUDGED_BY_READING,
    Invariants,
    NavigableDefinitions,
)

if TYPE_CHECKING:
    from shared.domain.fhir.validation.explain.reading import Shortcut

__all__ = ["BEST_PRACTICE", "JUDGED_BY_READING", "NavigableDefinitions", "explain"]

_TOO_DEEP: Final = f"The JSON is nested more than {MAX_DEPTH} levels deep."
_GAVE_UP: Final = (
    "To read this resource completely takes more work than is done for one: what is not read is not known to be valid. "
    "Send it in smaller parts."
)
_STOPPED: Final = "There are more errors than are worth listing: correct these and validate again."


def explain(
    resource: Any,
    definitions: NavigableDefinitions,
    *,
    best_practice: bool = True,
    shortcut: Shortcut | None = None,
    work: int = MAX_WORK,
) -> list[Issue]:
    """Every independent finding about `resource`, in the order of the specification's elements; `[]` when there is none.

    A resource is valid when no finding is of severity error or fatal. No text holds a value of the resource; an
    expression may end in a property's name that FHIR does not know (rule `UNKNOWN_ELEMENT`). Errors and other findings
    are at most 500 each, and the work is bounded: a reading that takes more than `work` ends in an error `too-costly`.
    `best_practice` tells whether the invariants that the specification marks as best practice (a resource should have a
    narrative) are reported, as warnings. `shortcut`, where given, is asked about each object first: what it answers is what
    would be found there.
    """
    from shared.domain.fhir.validation.explain.reading import Reading  # most processes meet no wrong resource

    name = resource.get("resourceType") if isinstance(resource, dict) else None
    path = name if isinstance(name, str) and name in definitions.resource_types else "Resource"
    if _is_too_deep(resource):
        return [error("too-costly", _TOO_DEEP, path, "json-depth")]
    findings = Findings(work)
    invariants = Invariants(definitions, findings, best_practice=best_practice)
    try:
        Reading(definitions, findings, invariants, shortcut).resource(resource, path)
    except TooMany:
        return [*findings.as_list(), Issue("information", "too-costly", _STOPPED, path, "too-many")]
    except TooCostly:
        return [*findings.as_list(), error("too-costly", _GAVE_UP, path, "too-much-work")]
    return findings.as_list()


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                below.extend(node.values())
            elif isinstance(node, list):
                below.extend(node)
        if not below:
            return False
        level = below
    return True
