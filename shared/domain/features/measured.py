"""What one variable has shown so far, as features: last value, its age, and how it has moved."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import ClassVar

WINDOWS = (6, 12, 24)  # hours
_KEEP = 0.75  # of the running mean at each new value
_NOTHING = [math.nan] * 3


class Laboratory:
    """A laboratory value: the last one, its age in hours, how many there were, and how it differs from earlier ones."""

    __slots__ = ("_begun", "_first", "_highest", "_interval", "_lowest", "_previous", "at", "count", "last")
    PARTS: ClassVar = (
        "last", "age", "count", "change", "from first", "hours between the last two", "lowest", "highest",
        "hours since the first",
    )  # fmt: skip

    def __init__(self) -> None:
        self.last = self.at = self._previous = self._first = math.nan
        self._interval = self._lowest = self._highest = self._begun = math.nan
        self.count = 0

    def take(self, now: int, value: float) -> None:
        """A value measured in this hour."""
        if self.count:
            self._interval = now - self.at
            self._lowest, self._highest = min(self._lowest, value), max(self._highest, value)
        else:
            self._first = self._lowest = self._highest = value
            self._begun = now
        self._previous, self.last, self.at = self.last, value, now
        self.count += 1

    def features(self, now: int) -> list[float]:
        """The values of PARTS in this hour."""
        last = self.last
        return [
            last,
            now - self.at,
            self.count,
            last - self._previous,
            last - self._first,
            self._interval,
            self._lowest,
            self._highest,
            now - self._begun,
        ]

    def unusual(self, now: int) -> bool:
        """Whether a value in this hour would be one that nobody looked at for a day, or ever."""
        return not now - self.at <= WINDOWS[-1]

    def copy(self) -> Laboratory:
        """The same, to go on from on its own."""
        twin = Laboratory.__new__(Laboratory)
        for name in Laboratory.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin


class Vital:
    """A vital sign: the last value and its age, and the values of the last hours."""

    __slots__ = ("_hours", "_running", "_total", "_values", "at", "count", "last")
    PARTS: ClassVar = (
        "last", "age", "count", "count in 24 h",
        *(f"{part} in {window} h" for window in WINDOWS for part in ("mean", "lowest", "highest")),
        "spread in 12 h", "slope in 12 h", "from its mean", "running mean",
        "count in 3 h", "count in 6 h", "mean in 6 h from mean in 24 h",
    )  # fmt: skip

    def __init__(self) -> None:
        self.last = self.at = self._running = math.nan
        self.count = 0
        self._total = 0.0
        self._hours: list[int] = []
        self._values: list[float] = []

    def take(self, now: int, value: float) -> None:
        """A value measured in this hour."""
        self.last, self.at = value, now
        self.count += 1
        self._total += value
        running = self._running
        self._running = value if running != running else _KEEP * running + (1 - _KEEP) * value
        old = bisect_right(self._hours, now - WINDOWS[-1])
        del self._hours[:old], self._values[:old]
        self._hours.append(now)
        self._values.append(value)

    def features(self, now: int) -> list[float]:
        """The values of PARTS in this hour."""
        # Nothing is forgotten here: what was known when the hour began is looked at by several threads.
        since = bisect_right(self._hours, now - WINDOWS[-1])
        hours, values = self._hours[since:], self._values[since:]
        recent: list[float] = []
        shape = [math.nan, math.nan]
        for window in WINDOWS:
            start = 0
            while start < len(hours) and hours[start] <= now - window:
                start += 1
            inside = values[start:]
            if not inside:
                recent += _NOTHING
                continue
            mean = sum(inside) / len(inside)
            recent += [mean, min(inside), max(inside)]
            if window == 12:
                shape = _shape(hours[start:], inside, mean)
        from_mean = self.last - self._total / self.count if self.count else math.nan
        return [
            self.last,
            now - self.at,
            self.count,
            len(values),
            *recent,
            *shape,
            from_mean,
            self._running,
            sum(hour > now - 3 for hour in hours),
            sum(hour > now - 6 for hour in hours),
            recent[0] - recent[6],
        ]

    def copy(self) -> Vital:
        """The same, to go on from on its own."""
        twin = Vital.__new__(Vital)
        for name in Vital.__slots__:
            value = getattr(self, name)
            setattr(twin, name, list(value) if isinstance(value, list) else value)
        return twin


def _shape(hours: list[int], values: list[float], mean: float) -> list[float]:
    """Standard deviation, and change an hour (from three values on)."""
    count = len(values)
    apart = [value - mean for value in values]
    spread = math.sqrt(sum([each * each for each in apart]) / count)
    if count < 3:
        return [spread, math.nan]
    middle = sum(hours) / count
    away = [hour - middle for hour in hours]
    moment = sum([hour * each for hour, each in zip(away, apart, strict=True)])
    return [spread, moment / sum([hour * hour for hour in away])]
