"""Ring a tenant's bell where the order of its alerts went on, which is when a change of an alert can be read.

A ring that is lost loses nothing, for clients ask by themselves too; so nothing waits for the bell, and a page of the change
feed never comes again for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from shared.domain.records import Item, Kind
from shared.errors import Busy, Unavailable
from shared.ports.clock import Clock
from shared.ports.live import LiveUpdates
from shared.services.alert_order import HOME
from shared.telemetry import note

PAUSE: Final = timedelta(seconds=30)
MOST_FAILURES: Final = 3
"""Tenants of a page after whom nobody else is tried."""
OWED_A_PAGE: Final = 20
"""Tenants that are rung with a page because an earlier ring did not go out."""
MOST_OWED: Final = 10_000
"""Tenants that are remembered while they cannot be rung; who is beyond asks by itself."""
_log = logging.getLogger("galen.live")


class RingAlerts:
    """A reaction to the change feed. With a `clock`, a service that did not answer is left alone for PAUSE, for pages wait
    for each try, and so is a tenant of which it has heard too much; pages after that ring who is owed it, some with each."""

    def __init__(self, live: LiveUpdates, clock: Clock | None = None) -> None:
        self._live = live
        self._clock = clock
        self._silent_until: datetime | None = None
        self._owed: dict[str, datetime] = {}
        """Tenants whose ring did not go out, and before when it is not tried again."""

    def react(self, items: Iterable[Item]) -> None:
        """Ring once for each tenant of a page."""
        told = (item for item in items if item.get("kind") == Kind.TOLD and item.get("home") == HOME)
        self.ring(item["tenant"] for item in told)

    def ring(self, tenants: Iterable[str]) -> None:
        """As `react`, of tenants whose alerts changed, and of those who are owed a ring."""
        owed = islice((each for each in self._owed if not self._waits(each)), OWED_A_PAGE)
        failures = 0
        for tenant in dict.fromkeys((*tenants, *owed)):
            if failures >= MOST_FAILURES or self._waits(tenant):
                self._owe(tenant)
            else:
                failures += not self._rung(tenant)

    def _rung(self, tenant: str) -> bool:
        try:
            self._live.ring(tenant)
        except Exception as failure:  # noqa: BLE001 - no failure of the bell may hold up the changes that follow
            note(_log, logging.WARNING, "bell not rung", error=type(failure).__name__)
            if isinstance(failure, Unavailable) and self._clock:
                self._silent_until = self._clock.now() + PAUSE
                self._owe(tenant)
            elif isinstance(failure, Busy):
                self._owe(tenant, PAUSE)
            else:
                self._owed.pop(tenant, None)
            return False
        self._owed.pop(tenant, None)
        return True

    def _waits(self, tenant: str) -> bool:
        """Whether nobody is rung now, or this tenant is not."""
        if self._clock is None:
            return False
        now = self._clock.now()
        until = (self._silent_until, self._owed.get(tenant))
        return any(each is not None and now < each for each in until)

    def _owe(self, tenant: str, pause: timedelta = timedelta(0)) -> None:
        """Remember it: from now on, or no sooner than after a pause."""
        if self._clock and (tenant in self._owed or len(self._owed) < MOST_OWED):
            self._owed[tenant] = max(self._clock.now() + pause, self._owed.get(tenant, self._clock.now()))
