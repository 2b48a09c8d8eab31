"""Ingress limits per namespace, so that clients meet `server-busy` on this computer as they do on Azure.

https://learn.microsoft.com/azure/event-hubs/event-hubs-scalability#throughput-units
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

UNIT_EVENTS_PER_S: Final = 1000
UNIT_BYTES_PER_S: Final = 1_000_000


class Throttle:
    """Two buckets, of events and of bytes, that fill with the given rate and hold one second of it.

    A batch passes while both hold anything at all and may overdraw them, so that none is too big for ever.
    """

    def __init__(self, clock_s: Callable[[], float], *, events_per_s: float, bytes_per_s: float) -> None:
        self._clock_s = clock_s
        self._rates = (events_per_s, bytes_per_s)
        self._levels = [events_per_s, bytes_per_s]
        self._filled_at_s = clock_s()

    @classmethod
    def of_units(cls, units: int, clock_s: Callable[[], float]) -> Throttle:
        """The limits of so many throughput units."""
        return cls(clock_s, events_per_s=units * UNIT_EVENTS_PER_S, bytes_per_s=units * UNIT_BYTES_PER_S)

    def admits(self, events: int, size_bytes: int) -> bool:
        """Whether the batch may pass now; what passes is counted."""
        now_s = self._clock_s()
        elapsed_s = now_s - self._filled_at_s
        self._filled_at_s = now_s
        self._levels = [
            min(level + rate * elapsed_s, rate) for level, rate in zip(self._levels, self._rates, strict=True)
        ]
        if min(self._levels) <= 0:
            return False
        self._levels[0] -= events
        self._levels[1] -= size_bytes
        return True
