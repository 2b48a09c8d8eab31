"""One dead letter for everything of a raw file that is set aside: for dropped files with very many bad lines.

A letter for each of a million lines would be a million files to write and to list. What is set aside is told as exactly:
the letter names every line and entry, and a replay takes them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from shared.domain.fhir.outcome import Issue, error
from shared.services.dead_letters import DeadLetters, RawPointer

_ISSUES = 10


@dataclass(slots=True)
class _File:
    tenant: str
    door: str
    stage: str
    trace: str
    parts: list[tuple[int, int]] = field(default_factory=list)
    issues: dict[tuple[str, str, str], Issue] = field(default_factory=dict)


class SummedLetters:
    """Collects what is set aside, and writes it when it is told to."""

    def __init__(self, dead_letters: DeadLetters) -> None:
        self._dead_letters = dead_letters
        self._files: dict[str, _File] = {}

    def put(
        self,
        tenant: str,
        door: str,
        stage: str,
        raw: RawPointer,
        issues: tuple[Issue, ...],
        *,
        error: str = "",  # noqa: ARG002 - the port's face: the letter as a whole has a class of its own
        trace: str = "",
    ) -> bool:
        """Collected; always True, because what was collected before is not known."""
        file = self._files.setdefault(raw.path, _File(tenant, door, stage, trace))
        file.parts.append((raw.line, raw.entry))
        for issue in issues:
            file.issues.setdefault((issue.code, issue.expression, issue.text), issue)
        return True

    def write(self) -> None:
        """One letter a raw file; nothing where it was written before. Raises Busy and Unavailable."""
        for path, file in self._files.items():
            parts = sorted(set(file.parts))
            issues = summed(parts, file.issues.values())
            self._dead_letters.put(
                file.tenant,
                file.door,
                file.stage,
                RawPointer(path, 0),
                issues,
                trace=file.trace,
                parts=parts,
            )
        self._files.clear()


def summed(parts: Sequence[tuple[int, int]], issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """What one letter says for many lines."""
    text = f"{len(parts)} lines or entries of this raw file were set aside; some of the reasons follow."
    return error("too-costly", text, rule="file"), *islice(issues, _ISSUES)
