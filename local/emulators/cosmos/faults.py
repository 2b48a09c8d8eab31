"""Failures on demand, for tests of those who use the store: errors before the work, lost replies after it."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from .errors import CosmosError, bad_request

_CODES = {
    408: "RequestTimeout", 410: "Gone", 429: "TooManyRequests", 449: "RetryWith", 500: "InternalServerError",
    503: "ServiceUnavailable",
}  # fmt: skip
_RETRY_AFTER_MS = 5


@dataclass
class Rule:
    """Which requests fail, and how."""

    rate: float
    status: int
    applied: bool
    match: str
    count: int | None
    random: random.Random
    retry_after_ms: int

    def strikes(self, description: str) -> bool:
        """Returns whether this request fails; `description` is its method and path."""
        if self.count == 0 or self.match not in description or self.random.random() >= self.rate:
            return False
        if self.count is not None:
            self.count -= 1
        return True

    def error(self) -> CosmosError:
        """Returns the answer of a request that was not applied."""
        headers = {"x-ms-retry-after-ms": str(self.retry_after_ms)} if self.status == 429 else {}
        substatus = 3200 if self.status == 429 else None
        return CosmosError(
            self.status, _CODES[self.status], "A failure that was asked for.", substatus, headers
        )


class Faults:
    """The rule in force, at most one."""

    def __init__(self) -> None:
        self._rule: Rule | None = None
        self.struck = 0

    def set(self, body: bytes) -> None:
        """Takes a rule: rate, status, applied, match, count, seed, retryAfterMs; each has a default."""
        try:
            wanted: dict[str, Any] = json.loads(body or b"{}")
            status = int(wanted.get("status", 503))
            count = wanted.get("count")
            rule = Rule(
                rate=float(wanted.get("rate", 1.0)),
                status=status,
                applied=bool(wanted.get("applied", False)),
                match=str(wanted.get("match", "")),
                count=None if count is None else int(count),
                random=random.Random(wanted.get("seed")),
                retry_after_ms=int(wanted.get("retryAfterMs", _RETRY_AFTER_MS)),
            )
        except (ValueError, TypeError, AttributeError):
            raise bad_request(
                "A fault is an object with rate, status, applied, match, count and seed."
            ) from None
        if status not in _CODES:
            raise bad_request(f"The status of a fault is one of {sorted(_CODES)}.")
        self._rule = rule
        self.struck = 0

    def clear(self) -> None:
        """Lets every request through again."""
        self._rule = None

    def for_request(self, method: str, path: str) -> Rule | None:
        """Returns the rule where it strikes this request."""
        rule = self._rule
        if rule is None or not rule.strikes(f"{method} {path}"):
            return None
        self.struck += 1
        return rule
