"""Corrects what the definition files say wrongly; `corrections.json` has each correction with its reason."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

_FILE: Final = Path(__file__).with_name("corrections.json")
_CANONICAL: Final = "http://hl7.org/fhir/StructureDefinition/"


class CorrectionDoesNotFit(ValueError):
    """The text that a correction replaces is no longer what the definition says."""


@cache
def corrections() -> dict[str, list[dict[str, Any]]]:
    """Kind of correction → corrections, each with its `why`."""
    content: dict[str, list[dict[str, Any]]] = json.loads(_FILE.read_text("utf-8"))
    return content


def corrected(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition with every correction that concerns it; the one given is left as it is."""
    elements = [
        _corrected_element(element)
        for element in definition["snapshot"]["element"]
        if not _is_dropped(element["path"])
    ]
    for addition in corrections()["add"]:
        after = next((i for i, e in enumerate(elements) if e["path"] == addition["after"]), None)
        if after is not None:
            elements[after + 1 : after + 1] = [_full(element) for element in addition["elements"]]
    return {**definition, "snapshot": {"element": elements}}


def corrected_constraint(constraint: dict[str, Any]) -> dict[str, Any]:
    """The invariant with the expression that was meant."""
    for correction in corrections()["expression"]:
        if constraint.get("expression") == correction["published"]:
            return {**constraint, "expression": correction["corrected"]}
    return constraint


def corrected_regex(type_name: str, published: str) -> str:
    """The pattern that a whole value has to match: anchored, and with `\\s` meaning XML's white space as published."""
    for correction in corrections()["regex"]:
        if correction["type"] == type_name:
            if correction["published"] != published:
                raise CorrectionDoesNotFit(f"regex of {type_name}")
            published = correction["corrected"]
    return rf"\A(?a:{published})\Z" if published else ""


def _is_dropped(path: str) -> bool:
    return any(
        path == dropped or path.startswith(f"{dropped}.")
        for correction in corrections()["drop"]
        for dropped in correction["paths"]
    )


def _corrected_element(element: dict[str, Any]) -> dict[str, Any]:
    changed = dict(element)
    for correction in corrections()["change"]:
        if correction["path"] == element["path"]:
            changed.update(correction["to"])
    keys = [key for correction in corrections()["drop_constraint"] for key in correction["keys"]]
    changed["constraint"] = [
        corrected_constraint(constraint)
        for constraint in element.get("constraint", ())
        if constraint["key"] not in keys
    ]
    return changed


def _full(element: dict[str, Any]) -> dict[str, Any]:
    """An element as a snapshot has it, from what `corrections.json` says of it."""
    return {**element, "base": {"path": element["path"], "min": element["min"], "max": element["max"]}}
