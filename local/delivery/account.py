"""The account of one delivery: what was sent, and for each resource whether it was found or why it was refused."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

REASONS_SHOWN: Final = 3
_ENTRY: Final = re.compile(r"\bBundle\.entry\[\d+\](\.resource\b)?")
REJECTIONS_KEPT: Final = 1_000
"""Of so many the place is remembered; the others are counted."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """What was refused: `file` as it was given (`path!member` in an archive), its line (0: a whole document), and why."""

    file: str
    line: int
    resources: int
    reasons: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where a person finds it."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; a document of its own has no line."""
        reasons = list(self.reasons)
        return {"file": self.file, "line": self.line or None, "resources": self.resources, "reasons": reasons}


@dataclass(slots=True)
class Account:
    """Filled by the door while it sends; thread-safe. `landed` counts raw lines.

    `by_landing` names what is larger than the door takes and was dropped as a file, `unread` the files that could not be
    read to their end, and why.
    """

    door: str
    received: int = 0
    sent_bytes: int = 0
    recorded: int = 0
    rejected: int = 0
    landed: int = 0
    scored: int = 0
    alerts: int = 0
    seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    rejections: list[Rejection] = field(default_factory=list)
    by_landing: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    unaccounted: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def sent(self, resources: int, size: int) -> None:
        """So much went through the door."""
        with self._lock:
            self.received += resources
            self.sent_bytes += size

    def reject(self, resources: int, reasons: Sequence[str], file: str, line: int = 0) -> None:
        """So many of a place were refused, for reasons that have no value of the data in them."""
        with self._lock:
            self.rejected += resources
            self.reasons[reasons[0]] += resources
            if len(self.rejections) < REJECTIONS_KEPT:
                self.rejections.append(Rejection(file, line, resources, tuple(reasons)))

    def skip(self, file: str, why: str) -> None:
        """Name a file that cannot be read to its end."""
        with self._lock:
            self.unread.append(f"{file}: {why}")

    def lose(self, what: str) -> None:
        """Name something that is neither found nor refused."""
        with self._lock:
            self.unaccounted.append(what)

    def reroute(self, name: str) -> None:
        """Name what went by the landing container instead."""
        with self._lock:
            self.by_landing.append(name)

    @property
    def valid(self) -> int:
        """What was not refused."""
        return self.received - self.rejected

    @property
    def rate(self) -> float:
        """Resources a second, from the first byte sent until the last one was found; 0 where none was."""
        return self.received / self.seconds if self.seconds and self.recorded else 0.0

    @property
    def settled(self) -> bool:
        """Whether everything is accounted for."""
        return not self.unaccounted

    def as_json(self) -> dict[str, Any]:
        """The account as plain JSON values."""
        names = ("door", "received", "valid", "rejected", "landed", "recorded", "scored", "alerts")
        return {name: getattr(self, name) for name in names} | {
            "bytes": self.sent_bytes,
            "seconds": round(self.seconds, 3),
            "resources_per_s": round(self.rate, 1),
            "reasons": dict(self.reasons.most_common(REASONS_SHOWN)),
            "rejections": [each.as_json() for each in self.rejections],
            "by_landing": self.by_landing,
            "unread": self.unread,
            "unaccounted": self.unaccounted,
        }


def reasons_of(outcome: dict[str, Any], *, within: str = "") -> list[str]:
    """The errors of an OperationOutcome, each as `code at expression: text`; all its issues where none is an error.

    `within`: what to write for the place of an entry in a Bundle that its sender never saw.
    """
    issues = outcome.get("issue") or [{}]
    errors = [issue for issue in issues if issue.get("severity") in ("error", "fatal")] or issues
    return list(dict.fromkeys(_reason(issue, within) for issue in errors))


def _reason(issue: dict[str, Any], within: str) -> str:
    where = ", ".join(issue.get("expression", ()))
    if within:
        where = _ENTRY.sub(within, where) if _ENTRY.search(where) else where
    text = issue.get("diagnostics") or issue.get("details", {}).get("text", "")
    return " ".join(part for part in (issue.get("code", "unknown"), where and f"at {where}:", text) if part)
