"""Ring a tenant's bell where the order of its alerts went on, which is when a change of an alert can be read.

A ring that is lost loses nothing, for clients ask by themselves too; so nothing waits for the bell, and a page of the change
feed never comes again for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from shared.domain.records import Item, Kind
from shared.errors import Busy, Unavailable
from shared.ports.live import LiveUpdates
from shared.services.alert_order import HOME
from shared.telemetry import note

_log = logging.getLogger("galen.live")


class RingAlerts:
    """A reaction to the change feed."""

    def __init__(self, live: LiveUpdates) -> None:
        self._live = live

    def react(self, items: Iterable[Item]) -> None:
        """Ring once for each tenant of a page."""
        told = (item for item in items if item.get("kind") == Kind.TOLD and item.get("home") == HOME)
        self.ring(item["tenant"] for item in told)

    def ring(self, tenants: Iterable[str]) -> None:
        """As `react`, of tenants whose alerts changed; of a service that does not answer nobody is told more."""
        for tenant in dict.fromkeys(tenants):
            try:
                self._live.ring(tenant)
            except (Busy, Unavailable) as failure:
                note(_log, logging.WARNING, "bells not rung", error=type(failure).__name__)
                return
            except Exception as failure:  # noqa: BLE001 - no failure of the bell may hold up the changes that follow
                note(_log, logging.WARNING, "bell not rung", error=type(failure).__name__)
