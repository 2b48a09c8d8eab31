"""A pulse through the doors nobody asks directly: the timers write it, the change feed answers it, health reads both.

A worker of streams, timers or reactions that is down leaves its pulse to age, which a look at the stores would not show.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from shared.domain.fhir.dates import instant_text
from shared.domain.records import Item, Kind
from shared.errors import Unavailable
from shared.ports.clock import Clock
from shared.ports.records import Records, put_over
from shared.services.metrics import TENANT

HOME: Final = "pulse"
TIMERS: Final = "pulse.timers"
REACTIONS: Final = "pulse.reactions"
FRESH: Final = timedelta(seconds=90)
"""Six beats of the timer that writes it, where that is one of fifteen seconds."""
FRESH_BY_THE_MINUTE: Final = timedelta(minutes=4)
"""For a timer that comes once a minute, at any second of it."""


class Pulse:
    """Beats, echoes, and tells whether a beat is fresh."""

    def __init__(self, records: Records, clock: Clock, fresh: timedelta = FRESH) -> None:
        self._records = records
        self._clock = clock
        self._fresh = fresh

    def beat(self) -> None:
        """Written by a timer."""
        self._write(TIMERS, instant_text(self._clock.now()))

    def echo(self, items: Iterable[Item]) -> int:
        """Written by the reactions, when the timers' beat passes the change feed; how many beats passed."""
        beats = [item["at"] for item in items if item.get("id") == TIMERS]
        if beats:
            self._write(REACTIONS, max(beats))
        return len(beats)

    def require(self, beat: str) -> None:
        """Raises Unavailable where a beat is missing or old."""
        item = self._records.read(TENANT, HOME, beat)
        if item is None or item["at"] < instant_text(self._clock.now() - self._fresh):
            raise Unavailable(f"No sign of life within {self._fresh.total_seconds():.0f} seconds.")

    def _write(self, beat: str, at: str) -> None:
        item: Item = {"id": beat, "tenant": TENANT, "home": HOME, "kind": Kind.PULSE.value, "at": at}
        # Where another instance beats at the same moment, its beat will do.
        put_over(self._records, item, self._records.read(TENANT, HOME, beat))
