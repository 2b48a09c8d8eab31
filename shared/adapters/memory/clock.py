"""A clock that stands until it is moved, and chance that repeats itself."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta


class MemoryClock:
    """Time that only `advance` moves, and whoever sleeps."""

    def __init__(self, now: datetime = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)


class SeededRandomness:
    """The same digits for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def hex(self, digits: int) -> str:
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"
