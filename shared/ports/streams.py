"""Event streams, as far as the app asks them itself: everything else comes by triggers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Positions:
    """A hub's generation, and the last enqueued sequence number of each partition, -1 where it is empty."""

    generation: str
    last: Mapping[str, int]


class Streams(Protocol):
    """The hubs of this platform. Raises Unavailable."""

    def generation(self, hub: str) -> str:
        """Names the hub's present incarnation by its creation time: sequence numbers begin anew with the next one."""
        ...

    def positions(self, hub: str) -> Positions:
        """How far each partition of the present incarnation has come."""
        ...
