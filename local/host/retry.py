"""Retry policies of functions: how often and how long a failed invocation is tried again.

Semantics of https://learn.microsoft.com/azure/azure-functions/functions-bindings-error-pages (retries) and of
webjobs-sdk `FunctionExecutorExtensions.TryExecuteAsync`: the count lives in memory, -1 is endless, the checkpoint or
lease waits meanwhile, and a host that stops gives up without moving it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ENDLESS = -1
RETRIED_TRIGGERS = frozenset({"eventHubTrigger", "cosmosDBTrigger", "timerTrigger", "kafkaTrigger"})
_TIME_SPAN = re.compile(
    r"(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{1,2}):(?P<seconds>\d{1,2}(?:\.\d+)?)"
)
_DEFAULT_MAXIMUM_S = 2_147_483_647.0


def seconds_of(time_span: str) -> float:
    """Seconds of a .NET time span `[d.]hh:mm:ss[.fff]`; raises ValueError with the text otherwise."""
    found = _TIME_SPAN.fullmatch(time_span.strip())
    if found is None:
        raise ValueError(f"'{time_span}' is not a time span of the form hh:mm:ss")
    hours = int(found["days"] or 0) * 24 + int(found["hours"])
    return hours * 3600 + int(found["minutes"]) * 60 + float(found["seconds"])


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`fixed` waits the same each time, otherwise the delay doubles from the minimum up to the maximum."""

    max_retry_count: int
    fixed: bool
    minimum_s: float
    maximum_s: float

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> RetryPolicy:
        """From the decorator's settings (`fixed_delay`, snake case) or host.json's `retry` (`fixedDelay`)."""
        plain = {key.replace("_", "").lower(): value for key, value in settings.items()}
        strategy = str(plain.get("strategy", "")).replace("_", "").lower()
        if strategy not in ("fixeddelay", "exponentialbackoff"):
            raise ValueError(
                f"retry strategy '{plain.get('strategy')}' is neither fixed_delay nor exponential_backoff"
            )
        count = int(plain["maxretrycount"])
        if strategy == "fixeddelay":
            delay = seconds_of(str(plain["delayinterval"]))
            return cls(count, True, delay, delay)
        minimum = seconds_of(str(plain.get("minimuminterval") or "00:00:00"))
        maximum = plain.get("maximuminterval")
        return cls(count, False, minimum, seconds_of(str(maximum)) if maximum else _DEFAULT_MAXIMUM_S)

    def allows(self, retries_done: int) -> bool:
        """Whether one more try may follow after that many retries."""
        return self.max_retry_count == ENDLESS or retries_done < self.max_retry_count

    def delay_s(self, retries_done: int, chance: random.Random) -> float:
        """Seconds before the next try; exponential delays vary by a fifth, as `ExponentialBackoffRetryAttribute` does."""
        if self.fixed:
            return self.minimum_s
        doubled = float(max(self.minimum_s, 1.0) * 2 ** min(retries_done, 20))
        return min(self.maximum_s, max(self.minimum_s, doubled * chance.uniform(0.8, 1.2)))
