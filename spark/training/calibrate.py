"""Fits the calibration line on out-of-fold scores: a logistic line bent towards isotonic means of equal-count bins.

Isotonic regression alone has steps, which would tie scores that the model tells apart; a logistic line alone cannot
bend. The mean of each bin is pooled with its neighbours until the means rise, and is drawn towards the logistic line
with the weight of a few patients.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from shared.domain.models.calibration import Calibration, DoesNotRise, logit

_Z = 1.959964
_SMALLEST_RISE = 1e-3


def fit(
    raw: NDArray[np.float64], labels: NDArray[np.int8], *, bins: int = 20, prior: float = 50.0
) -> Calibration:
    """The calibration of raw scores; `prior` is the weight of the logistic line, in observations with the event.

    Raises DoesNotRise where no logistic line fits, such as where the scores tell the outcomes apart without an error.
    """
    slope, offset = _logistic(raw, labels)
    order = np.argsort(raw, kind="stable")
    knots, log_odds, low, high = [], [], [], []
    for part in np.array_split(order, bins):
        centre = float(raw[part].mean())
        expected = float(np.mean(1 / (1 + np.exp(-(slope * raw[part] + offset)))))
        extra = prior / max(expected, 1e-9)
        events, rows = float(labels[part].sum()) + prior, len(part) + extra
        rate = events / rows
        if not 0 < rate < 1:
            raise DoesNotRise(
                "the scores tell the outcomes apart without an error: no logistic line has that slope"
            )
        spread = _Z / math.sqrt(rows * rate * (1 - rate))
        knots.append(centre)
        log_odds.append(logit(rate))
        low.append(logit(rate) - spread)
        high.append(logit(rate) + spread)
    line = _rising(knots, log_odds)
    moved = [after - before for before, after in zip(log_odds, line, strict=True)]
    return Calibration(
        [_short(value) for value in knots],
        [_short(value) for value in line],
        [_short(value + move) for value, move in zip(low, moved, strict=True)],
        [_short(value + move) for value, move in zip(high, moved, strict=True)],
    )


def _short(value: float) -> float:
    return round(value, 6)


def _logistic(raw: NDArray[np.float64], labels: NDArray[np.int8]) -> tuple[float, float]:
    """Slope and offset of the logistic line, by Newton's method."""
    slope, offset = 1.0, 0.0
    for _ in range(50):
        rate = 1 / (1 + np.exp(-(slope * raw + offset)))
        weight = rate * (1 - rate)
        gradient = np.array([((labels - rate) * raw).sum(), (labels - rate).sum()])
        cross = (weight * raw).sum()
        hessian = np.array([[(weight * raw * raw).sum(), cross], [cross, weight.sum()]])
        try:
            step = np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError as singular:
            raise DoesNotRise("no logistic line fits the scores") from singular
        slope, offset = slope + float(step[0]), offset + float(step[1])
        if float(np.abs(step).max()) < 1e-10:
            break
    return slope, offset


def _rising(knots: list[float], values: list[float]) -> list[float]:
    """Pools neighbours until the values rise (equal weights), then keeps them a little apart."""
    pools: list[list[float]] = []
    for value in values:
        pools.append([value])
        while len(pools) > 1 and np.mean(pools[-2]) >= np.mean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    flat = [float(np.mean(pool)) for pool in pools for _ in pool]
    for place in range(1, len(flat)):
        least = flat[place - 1] + _SMALLEST_RISE * (knots[place] - knots[place - 1])
        flat[place] = max(flat[place], least)
    return flat
