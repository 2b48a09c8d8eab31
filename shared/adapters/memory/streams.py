"""Hubs in memory: a generation each, and the last sequence of each partition."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.ports.streams import Positions


@dataclass
class MemoryStreams:
    """The Streams port over two dictionaries that a test sets."""

    generations: dict[str, str] = field(default_factory=dict)
    last: dict[str, dict[str, int]] = field(default_factory=dict)

    def generation(self, hub: str) -> str:
        return self.generations.get(hub, "20260101T000000000000")

    def positions(self, hub: str) -> Positions:
        return Positions(self.generation(hub), dict(self.last.get(hub, {"0": -1})))
