"""Live updates in memory: the reference that the others are held against."""

from __future__ import annotations

from collections import Counter

from shared.errors import GalenError


class MemoryLive:
    """An address names its tenant; a connection is a number that counts what it heard."""

    def __init__(self) -> None:
        self._tenants: dict[int, str] = {}
        self.heard: Counter[int] = Counter()
        self.failure: GalenError | None = None
        """Raised by the next rings."""

    def address(self, tenant: str) -> str:
        return f"memory:{tenant}"

    def ring(self, tenant: str) -> None:
        if self.failure:
            raise self.failure
        self.heard.update(number for number, of in self._tenants.items() if of == tenant)

    def connect(self, address: str) -> int:
        """A connection to where an address leads."""
        number = len(self.heard)
        self.heard[number] = 0
        self._tenants[number] = address.removeprefix("memory:")
        return number

    def leave(self, number: int) -> None:
        """It listens no more."""
        del self._tenants[number]
