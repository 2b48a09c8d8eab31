"""From a raw score to a probability: a strictly rising line through knots, straight between them in log odds.

Fitted on out-of-fold scores (see spark/training/calibrate.py). Strictly rising, so that it changes no ranking.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_FURTHEST = 30.0  # log odds beyond which a probability can no longer be told from 0 or 1


class DoesNotRise(ValueError):
    """There is no rising line through the scores: they tell hardly anything apart."""


def sigmoid(log_odds: float) -> float:
    """The probability of log odds."""
    bounded = max(-_FURTHEST, min(_FURTHEST, log_odds))
    return 1 / (1 + math.exp(-bounded))


def logit(probability: float) -> float:
    """The log odds of a probability strictly between 0 and 1."""
    return math.log(probability / (1 - probability))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Knots: raw scores and the log odds they mean, with the lower and upper log odds of a 95 % interval."""

    raw: Sequence[float]
    log_odds: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]

    def check(self) -> None:
        """Raises DoesNotRise unless there are two knots at least and both lines rise."""
        sizes = {len(self.raw), len(self.log_odds), len(self.low), len(self.high)}
        if len(sizes) != 1 or len(self.raw) < 2 or not (_rises(self.raw) and _rises(self.log_odds)):
            raise DoesNotRise("the calibration needs two knots or more, each above the one before")

    def probability(self, raw: float) -> float:
        """The calibrated probability; beyond the outer knots the last slope goes on."""
        return sigmoid(_line(self.raw, self.log_odds, raw))

    def interval(self, raw: float) -> tuple[float, float]:
        """A 95 % interval of the rate at which the event was seen about this score."""
        return sigmoid(_line(self.raw, self.low, raw)), sigmoid(_line(self.raw, self.high, raw))


def risk_index(probability: float, operating_point: float) -> float:
    """Maps probabilities to a scale from 0 to 1 on which the operating point is 0.8; it rises strictly."""
    if not 0 < probability < 1:
        return float(probability >= 1)
    return sigmoid(logit(probability) - logit(operating_point) + logit(0.8))


def _line(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    place = min(max(bisect_right(xs, x), 1), len(xs) - 1)
    left, right = place - 1, place
    slope = (ys[right] - ys[left]) / (xs[right] - xs[left])
    return ys[left] + slope * (x - xs[left])


def _rises(values: Sequence[float]) -> bool:
    return all(before < after for before, after in pairwise(values))
