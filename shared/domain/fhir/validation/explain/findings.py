"""What a reading finds, each finding once and no more than a bounded number of them."""

from __future__ import annotations

from typing import Final

from shared.domain.fhir.outcome import FAILURES, Issue

MAX_ERRORS: Final = 500
MAX_REMARKS: Final = 500
"""Errors and remarks are counted apart: however many warnings there are, an error behind them is still heard."""


MAX_WORK: Final = 2_000_000
"""What one complete reading may do, in steps of some two microseconds; errors end most readings long before."""
ELEMENT_STEPS: Final = 20
"""What an element takes beside its invariants, which count their own steps."""


class TooMany(Exception):
    """There are as many errors as anyone will read: the reading stops."""


class TooCostly(Exception):
    """Reading has taken more work than any resource that is meant well: the reading stops."""


class Findings:
    """Issues in the order they were found."""

    def __init__(self, work: int = MAX_WORK) -> None:
        self._issues: dict[Issue, None] = {}
        self._errors = 0
        self._remarks = 0
        self._work_left = work

    def spend(self, steps: int) -> None:
        """Counts work; raises TooCostly where it is too much."""
        self._work_left -= steps
        if self._work_left < 0:
            raise TooCostly

    def keep(self, issue: Issue) -> None:
        """Keeps a finding; raises TooMany when there are enough errors."""
        if issue in self._issues:
            return
        if issue.severity in FAILURES:
            self._errors += 1
            self._issues[issue] = None
            if self._errors >= MAX_ERRORS:
                raise TooMany
        elif self._remarks < MAX_REMARKS:
            self._remarks += 1
            self._issues[issue] = None

    def add(self, severity: str, code: str, text: str, path: str, rule: str) -> None:
        self.keep(Issue(severity, code, text, path, rule))

    def error(self, code: str, text: str, path: str, rule: str) -> None:
        self.keep(Issue("error", code, text, path, rule))

    def warning(self, code: str, text: str, path: str, rule: str) -> None:
        self.keep(Issue("warning", code, text, path, rule))

    def as_list(self) -> list[Issue]:
        return list(self._issues)
