"""One watcher a tenant for however many clients wait: what they cost is one query a tick, not one each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from functions.api.services import RaisedAlerts

Look = Callable[[str | None], Awaitable[RaisedAlerts]]
"""The alerts after a cursor."""


class AlertBells:
    """The bells of all tenants; used on one event loop, as everything that waits is."""

    def __init__(self) -> None:
        self._bells: dict[str, _Bell] = {}
        self._rung = 0

    def heard(self, tenant: str) -> int:
        """What a client notes before it looks for itself: `wait` returns at once where the bell rang since."""
        bell = self._bells.get(tenant)
        return bell.rung if bell else self._rung

    async def wait(
        self, tenant: str, heard: int, timeout_s: float, look: Look, cursor: str, every_s: float
    ) -> bool:
        """Until the tenant's alerts change; False after the time given. `cursor` is where the client's own look ended."""
        bell = self._bells.get(tenant)
        if bell is None:
            # A number of its own: whoever noted an earlier one looks again, and misses nothing from before this watch.
            self._rung = heard = self._rung + 1
            bell = self._bells[tenant] = _Bell(heard)
            bell.watcher = asyncio.get_running_loop().create_task(bell.watch(look, cursor, every_s))
        if bell.rung != heard:
            return True
        bell.waiting += 1
        try:
            await asyncio.wait_for(bell.next.wait(), timeout_s)
        except TimeoutError:
            return False
        else:
            return True
        finally:
            bell.waiting -= 1
            if not bell.waiting:
                self._rung = max(self._rung, bell.rung) + 1
                bell.stop()
                if self._bells.get(tenant) is bell:
                    del self._bells[tenant]


class _Bell:
    """Rings when its tenant's alerts change."""

    def __init__(self, rung: int) -> None:
        self.rung = rung
        self.waiting = 0
        self.next = asyncio.Event()
        self.watcher: asyncio.Task[None] | None = None

    async def watch(self, look: Look, cursor: str, every_s: float) -> None:
        """Look from where the first client's look ended; a failure rings too, so that each client meets it itself."""
        while True:
            await asyncio.sleep(every_s)
            try:
                page = await look(cursor or None)
            except Exception:  # noqa: BLE001 - whoever waits looks for itself and has the error to answer with
                self._ring()
                continue
            cursor = page.cursor
            if page.alerts:
                self._ring()

    def _ring(self) -> None:
        self.rung += 1
        self.next.set()
        self.next = asyncio.Event()

    def stop(self) -> None:
        """Nobody waits any more."""
        if self.watcher:
            self.watcher.cancel()
