"""The checks of repeating elements, and of primitives whose id or extensions stand in a property of their own.

https://hl7.org/fhir/R4/json.html#primitive
"""

from __future__ import annotations

from typing import Any

from shared.domain.fhir.validation.fast.primitives import Check


def many(one: Check, high: int | None) -> Check:
    """The check of an array whose every value is held against `one`."""

    def check(values: Any) -> Any:
        if type(values) is not list or not values:
            return False
        if len(values) == 1:  # most often: what follows makes an iterator
            return one(values[0])
        return (high is None or len(values) <= high) and all(map(one, values))

    return check


def single_pair(sibling: str, one: Check, extended: Check, high: int | None) -> Check:  # noqa: ARG001 - as the next
    """The rule for a primitive that does not repeat and its `_` property."""
    name = sibling[1:]

    def rule(owner: dict[str, Any]) -> bool:
        if not extended(owner[sibling]):
            return False
        return bool(one(owner[name])) if name in owner else "extension" in owner[sibling]

    return rule


def repeated_pair(sibling: str, one: Check, extended: Check, high: int | None) -> Check:
    """The rule for an array of primitives and its `_` property: null stands where the other says something."""
    name = sibling[1:]

    def rule(owner: dict[str, Any]) -> bool:
        siblings = owner[sibling]
        values = owner.get(name, [None])
        if type(siblings) is not list or type(values) is not list or not siblings or not values:
            return False
        length = max(len(siblings), len(values))
        if high is not None and length > high:
            return False
        siblings = siblings + [None] * (length - len(siblings))
        values = values + [None] * (length - len(values))
        return all(map(is_item, values, siblings))

    def is_item(value: Any, beside: Any) -> bool:
        if beside is None:
            return value is not None and bool(one(value))
        if not extended(beside):
            return False
        return bool(one(value)) if value is not None else "extension" in beside

    return rule
