"""The utility of the PhysioNet/CinC Challenge 2019: what an alarm in an hour is worth.

Source: Reyna MA et al. Early Prediction of Sepsis from Clinical Data: the PhysioNet/Computing in Cardiology Challenge
2019. Crit Care Med 2020;48(2):210-217, https://doi.org/10.1097/CCM.0000000000004145; the challenge's
evaluate_sepsis_score.py (https://github.com/physionetchallenges/evaluation-2019). An alarm earns from 12 hours before
sepsis, most at 6 hours before, nothing from 3 hours after; an alarm for a patient without sepsis costs 0.05, silence
from 6 hours before sepsis costs up to 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EARLIEST, BEST, LATEST = -12, -6, 3
MOST_FOR_ALARM, LEAST_FOR_SILENCE, FALSE_ALARM = 1.0, -2.0, -0.05
_NEARLY = 0.01


@dataclass(frozen=True, slots=True)
class Worth:
    """By hour: what an alarm brings over silence, and whether the best possible forecaster would raise it."""

    gain: NDArray[np.float64]
    ideal: NDArray[np.bool_]


def worth_of(labels: NDArray[np.int8]) -> Worth:
    """The worth of alarms in one stay. The label turns to 1 six hours before sepsis."""
    hours = len(labels)
    if not labels.any():
        return Worth(np.full(hours, FALSE_ALARM), np.zeros(hours, bool))
    sepsis = int(np.argmax(labels)) - BEST
    since = np.arange(hours) - sepsis
    rising = MOST_FOR_ALARM / (BEST - EARLIEST) * (since - EARLIEST)
    falling = MOST_FOR_ALARM / (LATEST - BEST) * (LATEST - since)
    silence = LEAST_FOR_SILENCE / (LATEST - BEST) * (since - BEST)
    gain = np.where(since <= BEST, np.maximum(rising, FALSE_ALARM), falling - silence)
    gain[since > LATEST] = 0.0
    ideal = (since >= EARLIEST) & (since <= LATEST)
    return Worth(gain, ideal)


def normalised_utility(worths: list[Worth], alarms: list[NDArray[np.bool_]]) -> float:
    """1 for the best possible forecaster, 0 for one that never raises an alarm. Needs a stay with sepsis."""
    earned = sum(float(worth.gain[alarm].sum()) for worth, alarm in zip(worths, alarms, strict=True))
    possible = sum(float(worth.gain[worth.ideal].sum()) for worth in worths)
    return earned / possible


def best_threshold(gain: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """The score from which on alarms together earn most: the middle of what earns that much but for a hundredth.

    The curve is flat about its peak, and where exactly it is highest is chance.
    """
    order = np.argsort(-scores, kind="stable")
    earned = np.cumsum(gain[order])
    best = float(earned.max())
    near = np.flatnonzero(earned >= best - _NEARLY * abs(best))
    return float(scores[order[near[len(near) // 2]]])
