"""The account of one delivery: what was sent, and for each resource whether it was found or why it was refused."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

REASONS_SHOWN: Final = 3


@dataclass(slots=True)
class Account:
    """Filled by the door while it sends; thread-safe. `landed` counts raw lines.

    `by_landing` names what is larger than the door takes and was dropped as a file.
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
    by_landing: list[str] = field(default_factory=list)
    unaccounted: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def sent(self, resources: int, size: int) -> None:
        """So much went through the door."""
        with self._lock:
            self.received += resources
            self.sent_bytes += size

    def reject(self, resources: int, reason: str) -> None:
        """So many were refused, for a reason that has no value of the data in it."""
        with self._lock:
            self.rejected += resources
            self.reasons[reason] += resources

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
        """Resources a second, from the first byte sent until the last one was found."""
        return self.received / self.seconds if self.seconds else 0.0

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
            "by_landing": self.by_landing,
            "unaccounted": self.unaccounted,
        }


def first_issue(outcome: dict[str, Any]) -> str:
    """The first error of an OperationOutcome, as code, expression and text."""
    issues = outcome.get("issue") or [{}]
    errors = [issue for issue in issues if issue.get("severity") in ("error", "fatal")] or issues
    issue = errors[0]
    where = ", ".join(issue.get("expression", ()))
    text = issue.get("diagnostics") or issue.get("details", {}).get("text", "")
    return " ".join(part for part in (issue.get("code", "unknown"), where and f"at {where}:", text) if part)
