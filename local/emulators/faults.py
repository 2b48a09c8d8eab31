"""Failures on demand, the same for every emulator: rules by which requests fail, all that is random from a seed.

A rule is an object: `status` (the answer in place of the work), `applied` (the work is done and the connection closed
without an answer), `cutAfter` (so many bytes of the answer's body, then the connection is closed), `latencyMs` (before the
work); `match` (a regular expression found in method and path), `rate`, `count`, `seed`, `retryAfterMs`.
Beside rules three settings: `throttleRu` (request units a second) and `enforceThroughput` (those of the offers) for
Cosmos DB, and `clockSkewS`.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from local.emulators import clock

PATH = "/_faults"
_FIELDS = frozenset({
    "status", "rate", "count", "match", "seed", "applied", "cutAfter", "latencyMs", "retryAfterMs", "throttleRu",
    "clockSkewS", "enforceThroughput",
})  # fmt: skip
_EFFECTS = ("status", "applied", "cutAfter", "latencyMs")
_SETTINGS = frozenset({"throttleRu", "clockSkewS", "enforceThroughput"})
_STATUS = 503
_RETRY_AFTER_MS = 5
_CLOSES = 0


class NoFault(ValueError):
    """The object is no rule; the text says why."""


@dataclass(slots=True)
class Rule:
    """Which requests fail, and how; status None lets the work be done, 0 closes the connection without any."""

    match: re.Pattern[str]
    rate: float
    count: int | None
    chance: random.Random
    status: int | None
    applied: bool
    cut_after: int | None
    latency_ms: float
    retry_after_ms: int

    @property
    def refuses(self) -> bool:
        """Whether the work is not done."""
        return self.status is not None and not self.applied

    def strikes(self, description: str) -> bool:
        """Returns whether this request is struck; the order of requests decides, for the same seed always alike."""
        if self.count == 0 or not self.match.search(description) or self.chance.random() >= self.rate:
            return False
        if self.count is not None:
            self.count -= 1
        return True


class Faults:
    """The rules in force. Of those that strike a request the first is the one it gets."""

    def __init__(self, statuses: Collection[int]) -> None:
        self._statuses = frozenset(statuses) | {_CLOSES}
        self._rules: list[Rule] = []
        self.struck = 0
        self.units_per_s: float | None = None
        self.enforces_throughput = False

    def set(self, body: bytes) -> None:
        """Takes one object: a rule beside those that are there, or settings; raises NoFault."""
        try:
            given = json.loads(body or b"{}")
            if not isinstance(given, dict) or given.keys() - _FIELDS:
                raise NoFault(f"a fault is an object of {', '.join(sorted(_FIELDS))}")
            if "clockSkewS" in given:
                clock.skew(float(given["clockSkewS"]))
            if "throttleRu" in given:
                self.units_per_s = float(given["throttleRu"])
            if "enforceThroughput" in given:
                self.enforces_throughput = bool(given["enforceThroughput"])
            if not given or given.keys() - _SETTINGS:
                self._rules.append(self._rule(given))
        except (ValueError, TypeError, re.error) as error:
            raise NoFault(str(error)) from None

    def _rule(self, given: dict[str, Any]) -> Rule:
        status = given.get("status", None if any(name in given for name in _EFFECTS) else _STATUS)
        if status is not None and int(status) not in self._statuses:
            raise NoFault(f"the status of a fault is one of {', '.join(map(str, sorted(self._statuses)))}")
        count, cut = given.get("count"), given.get("cutAfter")
        return Rule(
            match=re.compile(str(given.get("match", ""))),
            rate=float(given.get("rate", 1.0)),
            count=None if count is None else int(count),
            chance=random.Random(given.get("seed", 1)),
            status=None if status is None else int(status),
            applied=bool(given.get("applied", False)),
            cut_after=None if cut is None else int(cut),
            latency_ms=float(given.get("latencyMs", 0)),
            retry_after_ms=int(given.get("retryAfterMs", _RETRY_AFTER_MS)),
        )

    def clear(self) -> None:
        """Lets every request through again, at the computer's own time."""
        self._rules.clear()
        self.units_per_s = None
        self.enforces_throughput = False
        self.struck = 0
        clock.skew(0)

    def pick(self, description: str) -> Rule | None:
        """Returns the rule that strikes a request, described by its method and path."""
        for rule in self._rules:
            if rule.strikes(description):
                self.struck += 1
                return rule
        return None

    def control(self, method: str, body: bytes) -> tuple[int, bytes]:
        """Returns status and body of a request to the door: POST adds, DELETE ends all, GET tells."""
        if method == "POST":
            try:
                self.set(body)
            except NoFault as error:
                return 400, json.dumps({"error": f"not a fault: {error}"}).encode()
        elif method == "DELETE":
            self.clear()
        elif method != "GET":
            return 405, json.dumps({"error": "POST, GET or DELETE"}).encode()
        told = {"faults": len(self._rules), "struck": self.struck, "throttleRu": self.units_per_s}
        return 200, json.dumps(told).encode()
