"""The Lambda functions: which group's package each is in, what it needs, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from functions.aws import http, landing, live, reactions, schedules, streams
from functions.needs import Need, without_included
from shared.names import HUB_PARTITIONS

TIMEOUT_S: Final = 300
HTTP_TIMEOUT_S: Final = 29
"""API Gateway waits no longer than thirty."""
KINESIS_BATCH: Final = 256
CHANGES_BATCH: Final = 1000
RECORD_AGE_S: Final = 6 * 24 * 3600
"""A day less than the streams keep: what was retried for so long is set aside while it can still be read."""
BELL_AGE_S: Final = 60
"""Older news ring no bell; clients ask by themselves."""
CHANGE_AGE_S: Final = 20 * 3600
"""Of the day that DynamoDB Streams keep a change. One that can never be handled would hold its shard until it is gone."""
TIMES: Final = {
    # A minute is the least; on Azure they run every fifteen seconds.
    "sweep": "rate(1 minute)",
    "sweep_files": "rate(1 minute)",
    "watch": "rate(1 minute)",
    "inspect": "rate(15 minutes)",
}
"""When the functions of schedules are called."""


@dataclass(frozen=True, slots=True)
class FunctionPlan:
    """One function."""

    name: str
    group: str
    needs: frozenset[Need]
    memory_mb: int = 1024
    timeout_s: int = TIMEOUT_S
    at_once: int = 1
    """How many run at once."""
    inside: bool = True
    """Whether it runs in the network, from which an endpoint of API Gateway reaches private APIs only."""

    @property
    def handler(self) -> str:
        """Where the group's package has it."""
        return f"functions.aws.{self.group}.{self.name}"


def plans(maximum_instances: int) -> tuple[FunctionPlan, ...]:
    """Every function. What runs at once is reserved, and together below the bound of the stack."""
    found = []
    for group, needs in (
        ("http", http.NEEDS),
        ("streams", streams.NEEDS),
        ("landing", landing.NEEDS),
        ("reactions", reactions.NEEDS),
        ("schedules", schedules.NEEDS),
        ("live", live.NEEDS),
    ):
        for name, declared in needs.items():
            found.append(_plan(name, group, without_included(declared), maximum_instances))
    return tuple(found)


def _plan(name: str, group: str, needs: frozenset[Need], maximum_instances: int) -> FunctionPlan:
    """A stream's function needs one a shard, of which a stream begins with four. Timers never run twice at once."""
    of_a_stream = max(HUB_PARTITIONS, maximum_instances // 20)
    match group:
        case "http":
            return FunctionPlan(name, group, needs, 1792, HTTP_TIMEOUT_S, maximum_instances // 3)
        case "schedules":
            return FunctionPlan(name, group, needs, at_once=1)
        case "landing":
            return FunctionPlan(name, group, needs, 1792, 900, 4)
        case "live":
            return FunctionPlan(
                name, group, needs, 512, HTTP_TIMEOUT_S, maximum_instances // 40, inside=False
            )
    return FunctionPlan(name, group, needs, at_once=of_a_stream)
