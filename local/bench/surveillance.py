"""Outbreaks injected into quiet series: how late each method flags them, and how often it flags nothing.

Baselines are Poisson counts of 4 a day over 120 days, with a weekly swing; each outbreak starts on a day of its own
after day 60. Shapes: `point` (a common source: most cases at once, then a fast decay), `ramp` (spread from person to
person: growing for ten days), `wave` (rises and falls over fourteen days). Sizes are the cases added on the worst
day, in standard deviations of the baseline. All of it comes from one seed, so the table is the same on every machine.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from spark.measures.surveillance import aberrations

METHODS: Final = ("C1", "C2", "C3", "CUSUM")
SIZES_DEVIATIONS: Final = (2, 4, 8)
SHAPES: Final[dict[str, tuple[float, ...]]] = {
    "point": (1.0, 0.5, 0.25, 0.12),
    "ramp": tuple((day + 1) / 10 for day in range(10)),
    "wave": tuple(math.sin(math.pi * (day + 1) / 15) for day in range(14)),
}
_MEAN: Final = 4.0
_DAYS: Final = 120
_FIRST_OUTBREAK_DAY: Final = 60
_RUN_UP_DAYS: Final = 32
_WEEKLY: Final = (1.1, 1.1, 1.0, 1.0, 1.0, 0.9, 0.9)


@dataclass(frozen=True, slots=True)
class Result:
    """One shape, size and method. Delay is in days from the first added case, of the outbreaks that were found."""

    shape: str
    size: int
    method: str
    found: int
    outbreaks: int
    mean_delay_days: float | None
    false_alarms_per_100_days: float


def run(seed: int = 2003, series: int = 100) -> list[Result]:
    """The table: three shapes × three sizes × four methods."""
    return [
        result
        for shape, curve in SHAPES.items()
        for size in SIZES_DEVIATIONS
        for result in _one(shape, curve, size, random.Random(seed), series)
    ]


def _one(
    shape: str, curve: tuple[float, ...], size: int, chance: random.Random, series: int
) -> Iterator[Result]:
    delays: dict[str, list[int]] = {method: [] for method in METHODS}
    false: dict[str, int] = dict.fromkeys(METHODS, 0)
    quiet_days = 0
    for _ in range(series):
        start = chance.randrange(_FIRST_OUTBREAK_DAY, _DAYS - len(curve))
        counts = [_poisson(chance, _MEAN * _WEEKLY[day % 7]) for day in range(_DAYS)]
        for day, share in enumerate(curve):
            counts[start + day] += round(share * size * math.sqrt(_MEAN))
        alarms = _alarms(counts)
        quiet_days += start - _RUN_UP_DAYS
        for method in METHODS:
            false[method] += sum(_RUN_UP_DAYS <= day < start for day in alarms[method])
            found = [day - start for day in alarms[method] if start <= day < start + len(curve)]
            delays[method] += found[:1]
    for method in METHODS:
        mean = sum(delays[method]) / len(delays[method]) if delays[method] else None
        rate = 100 * false[method] / quiet_days
        yield Result(shape, size, method, len(delays[method]), series, mean, rate)


def _alarms(counts: list[int]) -> dict[str, list[int]]:
    days = list(enumerate(aberrations(counts)))
    return {
        "C1": [day for day, each in days if each.c1_alarm],
        "C2": [day for day, each in days if each.c2_alarm],
        "C3": [day for day, each in days if each.c3_alarm],
        "CUSUM": [day for day, each in days if each.cusum_alarm],
    }


def _poisson(chance: random.Random, mean: float) -> int:
    """Knuth's method: enough for small means."""
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def table(results: list[Result]) -> str:
    """The results as text, a line for each."""
    lines = [f"{'shape':8}{'size':>5}  {'method':8}{'found':>9}{'delay, days':>13}{'false per 100 days':>20}"]
    for each in results:
        delay = "-" if each.mean_delay_days is None else f"{each.mean_delay_days:.1f}"
        lines.append(
            f"{each.shape:8}{each.size:4}σ  {each.method:8}{each.found:5}/{each.outbreaks}"
            f"{delay:>13}{each.false_alarms_per_100_days:20.1f}"
        )
    return "\n".join(lines)
