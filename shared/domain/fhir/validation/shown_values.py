"""Findings with the value they are about, for a caller who asked to see data in them.

Values are PHI: no door asks for this, only somebody who validates files of his own.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.domain.fhir import fhirpath, json
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.report import Rules

_LONGEST: Final = 120


class ShownValues:
    """Rules whose findings end with what was found, at most 120 characters of JSON."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def validate(self, resource: dict[str, Any]) -> list[Issue]:
        """The findings of the rules; one about something that is not there stays as it is."""
        return [_shown(issue, resource) for issue in self._rules.validate(resource)]


def _shown(issue: Issue, resource: dict[str, Any]) -> Issue:
    try:
        found = fhirpath.compile(issue.expression).evaluate(resource)
    except fhirpath.FhirPathError:
        return issue
    if len(found) != 1 or found[0] is resource:
        return issue
    text = json.encode(found[0])
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return msgspec.structs.replace(issue, text=f"{issue.text} Found: {shown}")
