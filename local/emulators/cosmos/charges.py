"""What operations cost in request units, by a model of our own that follows the service's published orders of size.

A point read of 1 KB costs 1, a write of 1 KB about 5: https://learn.microsoft.com/azure/cosmos-db/request-units
The service counts properties, indexes and consistency too, so that its figures differ. docs/emulators.md has the table.
"""

from __future__ import annotations

import time
from collections.abc import Callable

_KB = 1024
_READ, _READ_FURTHER_KB = 1.0, 0.1
_CREATE, _REPLACE, _WRITE_FURTHER_KB = 5.0, 10.0, 0.5
_DELETE = 5.0
_QUERY, _EXAMINED_ITEM = 2.3, 0.03
HEADER = "x-ms-request-charge"


def of_read(size_bytes: int) -> float:
    """Reading an item, or a page of a feed."""
    return _READ + _READ_FURTHER_KB * _further(size_bytes)


def of_create(size_bytes: int) -> float:
    """Writing an item that was not there."""
    return _CREATE + _WRITE_FURTHER_KB * _further(size_bytes)


def of_replace(size_bytes: int) -> float:
    """Writing another version: replace, patch, upsert of an item that is there."""
    return _REPLACE + _WRITE_FURTHER_KB * _further(size_bytes)


def of_delete() -> float:
    """Deleting an item."""
    return _DELETE


def of_query(examined: int, size_bytes: int) -> float:
    """A page of a query: by the items looked at and the bytes returned."""
    return _QUERY + _EXAMINED_ITEM * examined + _READ_FURTHER_KB * _further(size_bytes)


def header(units: float) -> dict[str, str]:
    """The header that tells it."""
    return {HEADER: f"{units:.2f}"}


def _further(size_bytes: int) -> float:
    return max(size_bytes - _KB, 0) / _KB


class Budget:
    """So many units a second: what is overdrawn has to be waited for, as with the service."""

    def __init__(self, units_per_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.units_per_s = units_per_s
        self._clock_s = clock_s
        self._left = units_per_s
        self._filled_at_s = clock_s()

    def wait_ms(self) -> int:
        """How long until a request is taken, 0 for now."""
        now_s = self._clock_s()
        self._left = min(self._left + self.units_per_s * (now_s - self._filled_at_s), self.units_per_s)
        self._filled_at_s = now_s
        return 0 if self._left > 0 else int(-self._left / self.units_per_s * 1000) + 1

    def spend(self, units: float) -> None:
        """Counts a request that was taken."""
        self._left -= units
