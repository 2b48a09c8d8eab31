"""What many reports come to: counts by rule, with one place where each can be looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.report import Report

_ORDER = ("fatal", "error", "warning", "information")


class RuleKey(NamedTuple):
    """What findings are counted by."""

    severity: str
    rule: str
    code: str


@dataclass(slots=True)
class RuleCount:
    """How often a rule spoke, of how many resources, and its first finding: where, in which element, in what words."""

    place: str
    first: Issue
    issues: int = 0
    resources: int = 0


@dataclass(slots=True)
class Summary:
    """Counts of resources and of findings; `files` counts the members of an archive, not the archive."""

    resources: int = 0
    invalid: int = 0
    remarked: int = 0
    unreadable: int = 0
    bundles: int = 0
    entries: int = 0
    files: set[str] = field(default_factory=set)
    rules: dict[RuleKey, RuleCount] = field(default_factory=dict)

    def came_from(self, file: str, entries: int | None) -> None:
        """Count the file of a resource, and the entries of a Bundle (None: it is none)."""
        self.files.add(file)
        if entries is not None:
            self.bundles += 1
            self.entries += entries

    def add(self, place_of: Callable[[Issue], str], report: Report) -> None:
        """Count one report; `place_of` says where a person finds what a finding is about."""
        self.resources += 1
        if not report.issues:
            return
        valid = report.valid
        self.invalid += not valid
        self.remarked += valid
        self.unreadable += report.resource_type is None
        seen = set()
        for issue in report.issues:
            key = RuleKey(issue.severity, issue.rule, issue.code)
            count = self.rules.get(key)
            if count is None:
                count = self.rules[key] = RuleCount(place_of(issue), issue)
            count.issues += 1
            if key not in seen:
                seen.add(key)
                count.resources += 1

    def by_weight(self) -> list[tuple[RuleKey, RuleCount]]:
        """The rules, errors first, then those that concern most resources."""
        return sorted(
            self.rules.items(),
            key=lambda each: (_ORDER.index(each[0].severity), -each[1].resources, each[0].rule),
        )
