"""Whether a resource is recorded: valid, or invalid in ways that the door it came by lives with.

Shape and form are not negotiable: the records, the search index and the tables are built on them. What may be lived with
is what a reader can: an element that is absent, a code outside its value set, an invariant that does not hold, a profile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from shared.domain.fhir.outcome import FAILURES, Issue

TAG_SYSTEM: Final = "urn:galen:validation"
TAG: Final = {"system": TAG_SYSTEM, "code": "recorded-with-errors"}
"""`meta.tag` of a resource that was recorded although it is invalid."""
TOLERABLE: Final = frozenset({"required", "code-invalid", "invariant"})
"""Issue codes that `warn` lives with; https://hl7.org/fhir/R4/valueset-issue-type.html. Any other refuses."""
_NARRATIVE: Final = "txt-"
"""The invariants that keep active content out of narratives."""
_PROFILE: Final = "profile:"
_MODIFIERS: Final = frozenset(
    {"active", "clinicalStatus", "doNotPerform", "implicitRules", "intent", "status", "verificationStatus"}
)
"""Elements that decide whether the rest is true: without one, a reader takes what was withdrawn for what happened.

https://hl7.org/fhir/R4/conformance-rules.html#isModifier
"""
_LAST_ELEMENT: Final = re.compile(r"(\w+)(?:\.ofType\(\w+\))?(?:\[\d+\])?$")


class Mode(StrEnum):
    """What becomes of an invalid resource."""

    REJECT = "reject"
    """The submission is refused: the request, or the whole line of a stream or file."""
    QUARANTINE = "quarantine"
    """Only the resource is set aside, with what FHIR ties to it (a transaction is whole); the rest is recorded."""
    WARN = "warn"
    """It is recorded, tagged and counted where its errors can be lived with, else as `quarantine` (HTTP: `reject`)."""


_MODES_OF: Final = {
    "http": (Mode.REJECT, Mode.WARN),
    "stream": (Mode.QUARANTINE, Mode.REJECT, Mode.WARN),
    "file": (Mode.QUARANTINE, Mode.REJECT, Mode.WARN),
}
"""Door → the modes it has, its default first. By HTTP the answer tells the sender, so nothing is set aside."""


@dataclass(frozen=True, slots=True)
class ValidationModes:
    """The mode of each door and tenant: `door` or `tenant/door` → mode; a tenant's own wins."""

    chosen: Mapping[str, Mode] = field(default_factory=dict)

    def of(self, door: str, tenant: str) -> Mode:
        """The mode of one door for one tenant."""
        chosen = self.chosen
        return chosen.get(f"{tenant}/{door}") or chosen.get(door) or _MODES_OF[door][0]


def parse_modes(chosen: Mapping[str, Any]) -> ValidationModes:
    """The modes of a JSON object such as `{"http": "warn", "ward/stream": "reject"}`.

    Raises ValueError with a sentence that names the entry.
    """
    found: dict[str, Mode] = {}
    for place, mode in chosen.items():
        tenant, slash, door = place.rpartition("/")
        if door not in _MODES_OF or (slash and not tenant):
            raise ValueError(f"{place!r} is no door: write http, stream or file, or tenant/door")
        if mode not in _MODES_OF[door]:
            known = ", ".join(_MODES_OF[door])
            raise ValueError(f"{place!r} is set to {mode!r}: the door {door} takes {known}")
        found[place] = Mode(mode)
    return ValidationModes(found)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refused`: the errors that keep it out; empty where it is let in. `tolerated`: those it is let in with."""

    refused: tuple[Issue, ...] = ()
    tolerated: tuple[Issue, ...] = ()


_VALID: Final = Verdict()


def judge(issues: Sequence[Issue], mode: Mode) -> Verdict:
    """What the findings of a resource mean under a mode."""
    if not issues:
        return _VALID
    errors = tuple(issue for issue in issues if issue.severity in FAILURES)
    if not errors:
        return _VALID
    # Where the findings were cut short, what was not said could be of any kind.
    whole = all(issue.code != "too-costly" for issue in issues)
    if mode is Mode.WARN and whole and all(map(_is_tolerable, errors)):
        return Verdict(tolerated=errors)
    return Verdict(refused=errors)


def _is_tolerable(issue: Issue) -> bool:
    # A profile asks what its base type does not: whatever it finds missing, the base type could be read without.
    of_profile = issue.rule.startswith(_PROFILE)
    if issue.severity != "error" or not (of_profile or issue.code in TOLERABLE):
        return False
    if issue.rule.startswith(_NARRATIVE):
        return False
    element = _LAST_ELEMENT.search(issue.expression)
    return element is not None and element[1] not in _MODIFIERS


def marked(resource: dict[str, Any], *, flawed: bool) -> dict[str, Any]:
    """The resource with our tag where it is flawed, and without it elsewhere: a sender's copy of it means nothing."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    if not flawed and not tags:
        return resource
    kept = [tag for tag in tags or () if not (isinstance(tag, dict) and tag.get("system") == TAG_SYSTEM)]
    if flawed:
        kept.append(dict(TAG))
    elif len(kept) == len(tags or ()):
        return resource
    rest = {name: value for name, value in (meta or {}).items() if name != "tag"}
    new_meta = {**rest, "tag": kept} if kept else rest
    without = {name: value for name, value in resource.items() if name != "meta" or new_meta}
    return {**without, "meta": new_meta} if new_meta else without
