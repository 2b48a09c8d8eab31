"""Aberration in daily counts: EARS C1, C2, C3 and a CUSUM, day by day, each from the days before it alone.

C1 to C3: L. Hutwagner, W. Thompson, G. M. Seeman, T. Treadwell, The bioterrorism preparedness and response Early
Aberration Reporting System (EARS), Journal of Urban Health 80 suppl. 1 (2003) i89-i96. C1 compares a day with the
mean and standard deviation of the 7 days before it, C2 with 7 days that end 3 days before it (two days' guard, so
that a slow start does not raise its own threshold), C3 sums how far C2 was above 1 on the day and the two before it.
Alarms: C1 or C2 above 3, C3 above 2. CUSUM: E. S. Page, Continuous inspection schemes, Biometrika 41 (1954) 100-115,
of the day's standardised count against 28 days behind the same guard, S = max(0, S + z − k), alarm at S above h, then
from zero again. Seven quiet days have no deviation: it counts as at least `MIN_DEVIATION`, the role of `minSigma` in
the R package surveillance, so that a single case among none is z = 2 and no alarm, and two are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

BASELINE_DAYS: Final = 7
GUARD_DAYS: Final = 2
C1_C2_ALARM: Final = 3.0
C3_ALARM: Final = 2.0
MIN_DEVIATION: Final = 0.5
CUSUM_BASELINE_DAYS: Final = 28
CUSUM_SLACK: Final = 1.0
"""k: half of the shift worth detecting, in standard deviations."""
CUSUM_ALARM: Final = 4.0
"""h, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day's statistics; None where too few days lie before it."""

    count: int
    c1: float | None
    c2: float | None
    c3: float | None
    cusum: float | None

    @property
    def c1_alarm(self) -> bool:
        """C1 above its limit."""
        return self.c1 is not None and self.c1 > C1_C2_ALARM

    @property
    def c2_alarm(self) -> bool:
        """C2 above its limit."""
        return self.c2 is not None and self.c2 > C1_C2_ALARM

    @property
    def c3_alarm(self) -> bool:
        """C3 above its limit."""
        return self.c3 is not None and self.c3 > C3_ALARM

    @property
    def cusum_alarm(self) -> bool:
        """The cumulated sum above its limit."""
        return self.cusum is not None and self.cusum > CUSUM_ALARM


def aberrations(counts: Sequence[int]) -> list[Day]:
    """The statistics of each day of one unbroken daily series, in order."""
    before = _Before([0, *accumulate(counts)], [0, *accumulate(each * each for each in counts)])
    c1 = _scores(counts, before, BASELINE_DAYS, 0)
    c2 = _scores(counts, before, BASELINE_DAYS, GUARD_DAYS)
    return list(map(Day, counts, c1, c2, _c3(c2), _cusum(counts, before)))


class _Before(NamedTuple):
    """Before each day the cases, and the sum of their squares."""

    cases: list[int]
    squares: list[int]


def _scores(counts: Sequence[int], before: _Before, baseline: int, guard: int) -> list[float | None]:
    """Each day's count in deviations from its baseline, whose deviation comes of whole numbers: n Σx² − (Σx)²."""
    cases, squares = before
    found: list[float | None] = [None] * min(len(counts), guard + baseline)
    for day in range(guard + baseline, len(counts)):
        end = day - guard
        total = cases[end] - cases[end - baseline]
        if not total:  # most baselines are quiet
            found.append(counts[day] / MIN_DEVIATION)
            continue
        spread = baseline * (squares[end] - squares[end - baseline]) - total * total
        deviation = math.sqrt(spread / (baseline * (baseline - 1)))
        found.append((counts[day] - total / baseline) / max(deviation, MIN_DEVIATION))
    return found


def _c3(c2: Sequence[float | None]) -> list[float | None]:
    """How far C2 was above 1 on each day and the two before it."""
    above = [None if each is None else max(0.0, each - 1) for each in c2]
    found: list[float | None] = [None] * min(2, len(above))
    for first, second, third in zip(above, above[1:], above[2:], strict=False):
        found.append(None if first is None else first + (second or 0.0) + (third or 0.0))
    return found


def _cusum(counts: Sequence[int], before: _Before) -> list[float | None]:
    found: list[float | None] = []
    total = 0.0
    for z in _scores(counts, before, CUSUM_BASELINE_DAYS, GUARD_DAYS):
        if z is None:
            found.append(None)
            continue
        total = max(0.0, total + z - CUSUM_SLACK)
        found.append(total)
        if total > CUSUM_ALARM:
            total = 0.0
    return found
