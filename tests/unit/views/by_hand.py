"""Views with the rows they must give, written by hand from the specification, over five small resources."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from local.layout import CHECKOUT
from shared.domain.fhir.json import decode_object


@dataclass(frozen=True)
class HandCase:
    """`rows` is None where the view must be refused, by its definition or by what the resources show."""

    name: str
    view: Any
    rows: list[dict[str, Any]] | None


@cache
def hand_cases() -> tuple[tuple[dict[str, Any], ...], tuple[HandCase, ...]]:
    """The resources, and the cases over them."""
    found = decode_object((CHECKOUT / "tests/data/views/by_hand.json").read_text("utf-8"))
    cases = tuple(HandCase(each["name"], each["view"], each.get("rows")) for each in found["cases"])
    return tuple(found["resources"]), cases
