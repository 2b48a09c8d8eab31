"""What a rule is: whom it is about, what is wrong with one of them, and which published requirement it answers.

A rule that examined nothing has not passed: `examine` gives how many resources it looked at, and zero is a finding.
What the numbers ask, and of which version they are, is in `benchmarks`; a rule that answers none is the house's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.config import Classification, StackConfig
from infra.policies.benchmarks import REQUIREMENTS
from infra.recording import Recorded, Recording

About = Callable[[Recording], Iterable[Recorded]]
Wrong = Callable[[Recorded, Recording], list[str]]

TAGS: Final = {"project", "environment", "owner", "managed-by", "data-classification"}
TRANSIT: Final = "HIPAA 164.312(e)(2)(ii)"
AT_REST: Final = "HIPAA 164.312(a)(2)(iv)"
ACCESS: Final = "HIPAA 164.312(a)(1)"
AUTHENTICATION: Final = "HIPAA 164.312(d)"
AUDIT: Final = "HIPAA 164.312(b)"
INTEGRITY: Final = "HIPAA 164.312(c)(1)"
BACKUP: Final = "HIPAA 164.308(a)(7)(ii)(A)"
RECOVERY: Final = "HIPAA 164.308(a)(7)(ii)(B)"
KEPT: Final = "HIPAA 164.316(b)(2)(i)"
MINIMUM: Final = "HIPAA 164.308(a)(4)(ii)(B)"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule on one resource."""

    rule: str
    resource: str
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A name, the resources it is about, what is wrong with one of them (nothing: an empty list), and what it answers."""

    name: str
    about: About
    wrong: Wrong
    answers: tuple[str, ...] = ()
    production_only: bool = False

    def __post_init__(self) -> None:
        unknown = [answer for answer in self.answers if answer not in REQUIREMENTS]
        if unknown:
            raise ValueError(f"{self.name} answers {', '.join(unknown)}, which no known benchmark asks for")

    def holds_for(self, config: StackConfig) -> bool:
        """Whether a stack must keep it."""
        return config.is_production or not self.production_only


def examine(rule: Rule, recording: Recording) -> tuple[int, list[Finding]]:
    """How many resources a rule looked at, and its findings; looking at none is one."""
    about = list(rule.about(recording))
    found = [Finding(rule.name, each.name, text) for each in about for text in rule.wrong(each, recording)]
    if not about:
        found.append(Finding(rule.name, "-", "examined nothing"))
    return len(about), found


def at(inputs: Mapping[str, Any], *path: str) -> Any:
    """The value at a path; None where there is none. A list is entered at its first element."""
    value: Any = inputs
    for step in path:
        if isinstance(value, list) and value:
            value = value[0]
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def types(*of: str) -> About:
    """The resources of these types."""
    return lambda recording: recording.of_type(*of)


def where(of: About, *path: str, is_: Any) -> About:
    """Those of them whose value at a path is this one."""
    return lambda recording: [each for each in of(recording) if at(each.inputs, *path) == is_]


def without(of: About, *ends: str) -> About:
    """Those of them whose names do not end so."""
    return lambda recording: [each for each in of(recording) if not each.name.endswith(ends)]


def must(path: tuple[str, ...], *wanted: Any) -> Wrong:
    """The value at a path is one of these."""

    def wrong(each: Recorded, _: Recording) -> list[str]:
        found = at(each.inputs, *path)
        return [] if found in wanted else [f"{'.'.join(path)} is {found!r}, not {wanted[0]!r}"]

    return wrong


def present(*path: str) -> Wrong:
    """There is a value at a path."""
    return lambda each, _: [] if at(each.inputs, *path) else [f"{'.'.join(path)} is missing"]


def at_least(path: tuple[str, ...], least: float) -> Wrong:
    """The number at a path is no less than this."""

    def wrong(each: Recorded, _: Recording) -> list[str]:
        found = at(each.inputs, *path)
        enough = isinstance(found, int | float) and found >= least
        return [] if enough else [f"{'.'.join(path)} is {found!r}, less than {least:g}"]

    return wrong


def every(*checks: Wrong) -> Wrong:
    """All of these hold."""
    return lambda each, recording: [text for check in checks for text in check(each, recording)]


def bad_tags(each: Recorded, _: Recording) -> list[str]:
    """Every tag is there, and the class of data is one that there is."""
    tags = each.inputs.get("tags") or {}
    missing = sorted(TAGS - set(tags))
    known = tags.get("data-classification") in set(Classification)
    return [f"lacks the tags {', '.join(missing)}"] * bool(missing) + ["has an unknown classification"] * (
        not known
    )


def referred_to(each: Recorded, recording: Recording, *of: str, key: str) -> list[Recorded]:
    """The resources of some types that name this one at a key."""
    return [
        other
        for other in recording.of_type(*of)
        if other.inputs.get(key) in (each.id, each.name, each.inputs.get("name"), each.inputs.get("bucket"))
    ]
