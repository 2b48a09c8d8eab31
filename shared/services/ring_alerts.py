"""Ring a tenant's bell where the order of its alerts went on, which is when a change of an alert can be read.

A ring that is lost loses nothing, for clients ask by themselves too; so nothing waits for the bell, and a page of the change
feed never comes again for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from shared.domain.records import Item, Kind
from shared.errors import Busy, Unavailable
from shared.ports.clock import Clock
from shared.ports.live import LiveUpdates
from shared.services.alert_order import HOME
from shared.telemetry import note

PAUSE: Final = timedelta(seconds=30)
_log = logging.getLogger("galen.live")


class RingAlerts:
    """A reaction to the change feed. With a `clock`, a service that did not answer is left alone for PAUSE: pages wait
    for each try."""

    def __init__(self, live: LiveUpdates, clock: Clock | None = None) -> None:
        self._live = live
        self._clock = clock
        self._silent_until: datetime | None = None

    def react(self, items: Iterable[Item]) -> None:
        """Ring once for each tenant of a page."""
        told = (item for item in items if item.get("kind") == Kind.TOLD and item.get("home") == HOME)
        self.ring(item["tenant"] for item in told)

    def ring(self, tenants: Iterable[str]) -> None:
        """As `react`, of tenants whose alerts changed; of a service that does not answer nobody is told more."""
        for tenant in dict.fromkeys(tenants):
            if self._clock and self._silent_until and self._clock.now() < self._silent_until:
                return
            try:
                self._live.ring(tenant)
            except (Busy, Unavailable) as failure:
                note(_log, logging.WARNING, "bells not rung", error=type(failure).__name__)
                self._silent_until = self._clock.now() + PAUSE if self._clock else None
                return
            except Exception as failure:  # noqa: BLE001 - no failure of the bell may hold up the changes that follow
                note(_log, logging.WARNING, "bell not rung", error=type(failure).__name__)
