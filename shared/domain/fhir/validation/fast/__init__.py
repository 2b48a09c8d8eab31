"""The fast pass: whether a resource is valid beyond doubt, at a few times the cost of parsing it.

An answer is a promise that the complete reading (`validation.explain`) finds exactly that; without one it must be asked.
Both are compiled from the same definitions, this one into rows of C calls: see `shapes`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from shared.domain.fhir.definitions.model import Element, TypeRef
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.explain.scope import Scope
from shared.domain.fhir.validation.fast.context import CONTEXT, Reading
from shared.domain.fhir.validation.fast.primitives import Check
from shared.domain.fhir.validation.fast.remarks import VALUE_ORDER, Remark, Remarks
from shared.domain.fhir.validation.fast.resources import Resources

__all__ = ["remarks", "remarks_within"]


_ODD: Final[set[str]] = set()
"""Types whose last instance had a remark on a single value, as definitions often have: the next is asked about at once."""


@cache
def _resources(on_values: bool) -> Resources:
    return Resources(r4(), remarks_on_values=on_values)


@cache
def _remarks() -> Remarks:
    return Remarks(r4())


def remarks(resource: Any, *, best_practice: bool = True) -> list[Issue] | None:
    """The findings about a resource that is valid beyond doubt, none of them an error; None: ask the complete reading."""
    name = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(name, str):
        return None
    odd = name in _ODD
    for on_values in (odd, not odd):
        noted: list[Remark] = []
        if _holds(_resources(on_values).is_plain, resource, noted, best_practice=best_practice):
            if on_values:
                (_ODD.add if any(len(remark.order) == VALUE_ORDER for remark in noted) else _ODD.discard)(
                    name
                )
            return _remarks().on(resource, name, name, noted) if noted else []
        if odd:
            break  # these checks take all that the others do
    return None


def remarks_within(
    element: Element,
    reference: TypeRef,
    value: dict[str, Any],
    owner: str,
    path: str,
    scope: Scope,
    *,
    best_practice: bool,
) -> list[Issue] | None:
    """As `remarks`, for one object that is not a contained resource: the shortcut of the complete reading.

    The local references in it are noted in the scope, whatever the answer.
    """
    good = scope.local_use.good
    noted = list(good.get(id(value), ()))
    if id(value) not in good and not _holds_within(
        element, reference, value, owner, noted, scope, best_practice=best_practice
    ):
        return None
    if not noted:
        return []
    type_name = value["resourceType"] if reference.name == "Resource" else reference.name
    return _remarks().on(value, type_name, path, noted)


def _holds_within(
    element: Element,
    reference: TypeRef,
    value: dict[str, Any],
    owner: str,
    noted: list[Remark],
    scope: Scope,
    *,
    best_practice: bool,
) -> bool:
    """Whether it is valid beyond doubt; where not, what of it is so is kept: each part is asked about next."""
    outer = CONTEXT.reading
    reading = CONTEXT.reading = Reading(
        scope.root,
        scope.resource,
        scope.contained,
        scope.bundle,
        scope.full_url,
        contained_index=-1 if scope.contained_index is None else scope.contained_index,
        is_in_contained=scope.is_contained,
        used=scope.local_use.used,
        referring_back=scope.local_use.referring_back,
        names=scope.local_use.names,
        good=scope.local_use.good,
    )
    try:
        check = _resources(on_values=True).element_check(element, reference, owner)
        holds = _holds(check, value, noted, best_practice=best_practice)
    finally:
        CONTEXT.reading = outer
        scope.local_use.names = reading.names
    if not holds:
        scope.local_use.good.update(reading.newly_good)
    return holds


def _holds(check: Check, value: Any, noted: list[Remark], *, best_practice: bool) -> bool:
    CONTEXT.noted, CONTEXT.best_practice, CONTEXT.compiled_before = noted, best_practice, None
    try:
        return bool(check(value))
    except (TypeError, KeyError, AttributeError, ValueError, RecursionError):
        # What a check stumbles over is not plain: so that none need guard against every shape of JSON.
        return False
    finally:
        CONTEXT.noted, CONTEXT.best_practice = None, False
