"""Physical partitions: into which ranges of effective keys a container is divided, from its throughput at creation.

https://learn.microsoft.com/azure/cosmos-db/partitioning-overview#physical-partitions
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from .partition_key import MAXIMUM, MINIMUM, first_version_bound

_ONE_PARTITION_UNITS = 10_000
# The service gives each partition of a new, larger container about so many units, which leaves room to grow.
_UNITS_AT_CREATION = 6_000
# The hashes of version 2 lie below 0x40…: their two top bits are cleared.
_HASHES, _DIGITS = 0x40 << 24, 8


class KeyRange(NamedTuple):
    """One physical partition: the effective keys from `low` on and below `high`."""

    id: str
    low: str
    high: str


WHOLE: tuple[KeyRange, ...] = (KeyRange("0", MINIMUM, MAXIMUM),)


def partitions_for(offer: Mapping[str, Any] | None) -> int:
    """Returns how many physical partitions a new container of this throughput has."""
    if offer is None:
        return 1
    scaled = offer.get("offerAutopilotSettings")
    units = int(scaled["maxThroughput"] if scaled else offer["offerThroughput"])
    return 1 if units <= _ONE_PARTITION_UNITS else max(2, round(units / _UNITS_AT_CREATION))


def ranges_of(count: int, version: int) -> tuple[KeyRange, ...]:
    """Returns so many ranges of like width."""
    bounds = [MINIMUM, *(_bound(at, count, version) for at in range(1, count)), MAXIMUM]
    return tuple(KeyRange(str(at), low, high) for at, (low, high) in enumerate(pairwise(bounds)))


def _bound(at: int, count: int, version: int) -> str:
    if version == 1:
        return first_version_bound((at << 32) // count)
    return f"{_HASHES * at // count:0{_DIGITS}X}"
