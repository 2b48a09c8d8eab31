"""Live updates: who listens hears at once that something changed, and asks the API what."""

from __future__ import annotations

from typing import Protocol


class LiveUpdates(Protocol):
    """A bell for each tenant, heard by whoever is connected. What rings is no data: a ring that is lost loses nothing."""

    def address(self, tenant: str) -> str:
        """A WebSocket's address that opens one connection to the tenant's bell, for a minute from now on.

        Raises Busy and Unavailable.
        """
        ...

    def ring(self, tenant: str) -> None:
        """Tell every connection of the tenant; none is no error, and one that is gone is forgotten.

        Ringing again does no harm. Raises Busy and Unavailable where somebody may not have heard.
        """
        ...
