"""What one variable has shown so far, as features: last value, its age, and how it has moved."""

from __future__ import annotations

import math
from typing import ClassVar

WINDOW = 12  # hours
_KEEP = 0.75  # of the running mean at each new value
_NOTHING = [math.nan] * 5


class Laboratory:
    """A laboratory value: the last one, its age in hours, how many there were, and the change from the one before."""

    __slots__ = ("_previous", "_rare", "at", "count", "last")

    def __init__(self, *, rare: bool = False) -> None:
        self.last = math.nan
        self.at = math.nan
        self.count = 0
        self._previous = math.nan
        self._rare = rare

    @staticmethod
    def parts(*, rare: bool) -> tuple[str, ...]:
        """The names of the features."""
        return ("last", "count") if rare else ("last", "age", "count", "change")

    def take(self, now: int, value: float) -> None:
        """A value measured in this hour."""
        self._previous, self.last, self.at = self.last, value, now
        self.count += 1

    def features(self, now: int) -> list[float]:
        """The values of the features in this hour."""
        if self._rare:
            return [self.last, self.count]
        return [self.last, now - self.at, self.count, self.last - self._previous]


class Vital:
    """A vital sign: the last value and its age, and the values of the last twelve hours."""

    __slots__ = ("_running", "_total", "_window", "at", "count", "last")
    PARTS: ClassVar = (
        "last", "age", "count", "mean in 12 h", "lowest in 12 h", "highest in 12 h", "spread in 12 h",
        "slope in 12 h", "from its mean", "running mean",
    )  # fmt: skip

    def __init__(self) -> None:
        self.last = math.nan
        self.at = math.nan
        self.count = 0
        self._total = 0.0
        self._running = math.nan
        self._window: list[tuple[int, float]] = []

    def take(self, now: int, value: float) -> None:
        """A value measured in this hour."""
        self.last, self.at = value, now
        self.count += 1
        self._total += value
        running = self._running
        self._running = value if running != running else _KEEP * running + (1 - _KEEP) * value
        self._window.append((now, value))

    def features(self, now: int) -> list[float]:
        """The values of PARTS in this hour."""
        window = self._window
        while window and window[0][0] <= now - WINDOW:
            del window[0]
        if not self.count:
            return [math.nan, math.nan, 0.0, *_NOTHING, math.nan, math.nan]
        recent = _summary(window) if window else _NOTHING
        from_mean = self.last - self._total / self.count
        return [self.last, now - self.at, self.count, *recent, from_mean, self._running]


def _summary(window: list[tuple[int, float]]) -> list[float]:
    """Mean, lowest, highest, standard deviation, and change an hour (from three values on)."""
    count = len(window)
    values = [value for _, value in window]
    mean = math.fsum(values) / count
    spread = math.sqrt(math.fsum([(value - mean) ** 2 for value in values]) / count)
    slope = math.nan
    if count > 2:
        middle = sum(at for at, _ in window) / count
        moment = sum((at - middle) * (value - mean) for at, value in window)
        slope = moment / sum((at - middle) ** 2 for at, _ in window)
    return [mean, min(values), max(values), spread, slope]
