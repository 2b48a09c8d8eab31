"""What a run of a file's tests came to, read from pytest's JUnit report."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree  # the report is pytest's own, not a stranger's

_REASON_CHARACTERS = 160


@dataclass(slots=True)
class Outcome:
    """The tests of one file by what became of them; a reason for each that was skipped."""

    package: str
    file: str
    seconds: float = 0.0
    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    out_of_scope: dict[str, str] = field(default_factory=dict)

    @property
    def collected(self) -> int:
        """How many tests there are."""
        return len(self.passed) + len(self.failed) + len(self.skipped)

    def as_json(self) -> dict[str, Any]:
        """Returns the figures and what failed, with the first line of why."""
        return {
            "package": self.package, "file": self.file, "seconds": round(self.seconds, 1), "passed": len(self.passed),
            "failed": self.failed, "skipped": dict(Counter(self.skipped.values())),
            "out_of_scope": dict(Counter(self.out_of_scope.values())),
        }  # fmt: skip


def read_report(report: Path, package: str, file: str) -> Outcome:
    """Returns the outcome of a file; a file without a report failed as a whole, under its own name."""
    outcome = Outcome(package, file)
    if not report.is_file():
        outcome.failed[file] = "the run ended without a report"
        return outcome
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        outcome.seconds += float(case.get("time", "0"))
        _enter(case, outcome)
    return outcome


def _enter(case: ElementTree.Element, outcome: Outcome) -> None:
    owner = (case.get("classname") or "").rpartition(".")[2]
    name = f"{owner}::{case.get('name')}" if owner[:1].isupper() else str(case.get("name"))
    for kind in ("failure", "error"):
        found = case.find(kind)
        if found is not None:
            outcome.passed.discard(name)
            outcome.failed[name] = _first_line(found.get("message"))
            return
    found = case.find("skipped")
    if found is not None:
        outcome.skipped[name] = _first_line(found.get("message"))
    elif name not in outcome.failed:
        outcome.passed.add(name)


def _first_line(text: str | None) -> str:
    return (text or "no reason given").strip().partition("\n")[0][:_REASON_CHARACTERS]


class Listed:
    """A committed list of tests, each with a word why: `package/file::test  why`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = path.read_text("utf-8").splitlines()

    def of(self, package: str, file: str) -> dict[str, str]:
        """Returns the names of a file's tests that are listed, each with why."""
        start = f"{package}/{file}::"
        told = (line.removeprefix(start).partition("  ") for line in self._lines if line.startswith(start))
        return {name: why for name, _, why in told}

    def shrink(self, gone: set[str]) -> None:
        """Takes tests out that pass by now; nothing is ever added here."""
        kept = [line for line in self._lines if line.partition("  ")[0] not in gone]
        self._path.write_text("\n".join(kept) + "\n", "utf-8")


def write_report(path: Path, outcomes: list[Outcome]) -> None:
    """Keeps the outcomes as JSON."""
    path.write_text(json.dumps([outcome.as_json() for outcome in outcomes], indent=1), "utf-8")
