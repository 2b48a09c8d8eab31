"""Physical partitions: into which ranges of effective keys a container is divided, by its throughput.

https://learn.microsoft.com/azure/cosmos-db/partitioning-overview#physical-partitions
https://learn.microsoft.com/azure/cosmos-db/scaling-provisioned-throughput-best-practices
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from .partition_key import MAXIMUM, MINIMUM, first_version_bound

_ONE_PARTITION_UNITS = 10_000
# The service gives each partition of a new, larger container about so many units, which leaves room to grow.
_UNITS_AT_CREATION = 6_000
# Bounds are hashes cut to so many bits. Those of version 2 lie below 0x40…: their two top bits are cleared.
_BITS = {1: 32, 2: 30}
_DIGITS = 8


class KeyRange(NamedTuple):
    """One physical partition: the hashes from `first` on and below `end`, and the partition it was split from."""

    id: str
    first: int
    end: int
    version: int
    parents: tuple[str, ...] = ()

    @property
    def low(self) -> str:
        """The lowest effective key."""
        return self._bound(self.first, MINIMUM)

    @property
    def high(self) -> str:
        """The first effective key that is too high."""
        return self._bound(self.end, MAXIMUM)

    def _bound(self, hashed: int, outermost: str) -> str:
        if hashed in (0, 1 << _BITS[self.version]):
            return outermost
        return first_version_bound(hashed) if self.version == 1 else f"{hashed:0{_DIGITS}X}"


def units_of(offer: Mapping[str, Any]) -> int:
    """Returns the units a second that an offer goes up to."""
    scaled = offer.get("offerAutopilotSettings")
    return int(scaled["maxThroughput"] if scaled else offer["offerThroughput"])


def partitions_for(offer: Mapping[str, Any] | None) -> int:
    """Returns how many physical partitions a new container of this throughput has."""
    units = units_of(offer) if offer else 0
    return 1 if units <= _ONE_PARTITION_UNITS else max(2, round(units / _UNITS_AT_CREATION))


def ranges_of(count: int, version: int) -> tuple[KeyRange, ...]:
    """Returns so many ranges of like width."""
    bounds = [(at << _BITS[version]) // count for at in range(count + 1)]
    return tuple(KeyRange(str(at), first, end, version) for at, (first, end) in enumerate(pairwise(bounds)))


def split_for(ranges: Sequence[KeyRange], offer: Mapping[str, Any]) -> tuple[KeyRange, ...]:
    """Returns the ranges after a change of throughput: the widest are halved until there are as many as it needs."""
    needed, divided = math.ceil(units_of(offer) / _ONE_PARTITION_UNITS), list(ranges)
    next_id = 1 + max(int(name) for each in ranges for name in (each.id, *each.parents))
    while len(divided) < needed:
        at = max(range(len(divided)), key=lambda place: divided[place].end - divided[place].first)
        whole = divided[at]
        middle, parents = (whole.first + whole.end) // 2, (*whole.parents, whole.id)
        divided[at : at + 1] = [
            KeyRange(str(next_id), whole.first, middle, whole.version, parents),
            KeyRange(str(next_id + 1), middle, whole.end, whole.version, parents),
        ]
        next_id += 2
    return tuple(divided)
