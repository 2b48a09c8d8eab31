"""The fast pass: whether a resource is valid beyond doubt, at a few times the cost of parsing it.

An answer is a promise that the complete reading (`validation.explain`) finds exactly that; without one it must be asked.
Both are compiled from the same definitions, this one into rows of C calls: see `shapes`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.bundle_index import BundleIndex
from shared.domain.fhir.validation.fast.context import CONTEXT
from shared.domain.fhir.validation.fast.remarks import VALUE_ORDER, Remark, Remarks
from shared.domain.fhir.validation.fast.resources import Resources

__all__ = ["is_plainly_valid", "remarks"]


_ODD: Final[set[str]] = set()
"""Types whose last instance had a remark on a single value, as definitions often have: the next is asked about at once."""


@cache
def _resources(on_values: bool) -> Resources:
    return Resources(r4(), remarks_on_values=on_values)


@cache
def _remarks() -> Remarks:
    return Remarks(r4())


def is_plainly_valid(resource: Any, bundle: BundleIndex | None = None, full_url: str = "") -> bool:
    """Whether the complete reading would surely find nothing, best practice aside. Never raises.

    `bundle` and `full_url` are those of the Bundle and the entry that the resource stands in, if any.
    """
    return _is_valid(resource, None, bundle, full_url)


def remarks(resource: Any, *, best_practice: bool = True) -> list[Issue] | None:
    """The findings about a resource that is valid beyond doubt, none of them an error; None: ask the complete reading."""
    name = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(name, str):
        return None
    odd = name in _ODD
    for on_values in (odd, not odd):
        noted: list[Remark] = []
        if _is_valid(resource, noted, None, "", best_practice=best_practice, on_values=on_values):
            if on_values:
                (_ODD.add if any(len(remark.order) == VALUE_ORDER for remark in noted) else _ODD.discard)(
                    name
                )
            return _remarks().on(resource, noted) if noted else []
        if odd:
            break  # these checks take all that the others do
    return None


def _is_valid(
    resource: Any,
    noted: list[Remark] | None,
    bundle: BundleIndex | None,
    full_url: str,
    *,
    best_practice: bool = False,
    on_values: bool = False,
) -> bool:
    CONTEXT.noted, CONTEXT.best_practice = noted, best_practice
    try:
        return _resources(on_values).is_plain(resource, bundle, full_url)
    except (TypeError, KeyError, AttributeError, ValueError, RecursionError):
        # What a check stumbles over is not plain: so that none need guard against every shape of JSON.
        return False
    finally:
        CONTEXT.noted, CONTEXT.best_practice = None, False
