"""How good a forecast is: discrimination, calibration, and what it costs the ward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]


def auroc(labels: Labels, scores: Floats) -> float:
    """Area under the receiver operating characteristic; ties count a half."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[place]
    positives = int(labels.sum())
    negatives = len(labels) - positives
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def auprc(labels: Labels, scores: Floats) -> float:
    """Average precision: precision at each threshold, weighted by the recall it adds."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    ends = np.r_[np.flatnonzero(np.diff(scores[order])), len(scores) - 1]
    precision = hits[ends] / (ends + 1)
    recall = hits[ends] / hits[-1]
    return float(np.sum(np.diff(np.r_[0.0, recall]) * precision))


def brier(labels: Labels, probabilities: Floats) -> float:
    """Mean squared distance of probability and outcome."""
    return float(np.mean((probabilities - labels) ** 2))


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of similar forecast: how many, what was forecast, what happened."""

    rows: int
    forecast: float
    seen: float


def calibration_bins(labels: Labels, probabilities: Floats, bins: int = 10) -> list[Bin]:
    """Bins of equal count, from the lowest forecast to the highest."""
    order = np.argsort(probabilities, kind="stable")
    return [
        Bin(len(part), float(probabilities[part].mean()), float(labels[part].mean()))
        for part in np.array_split(order, bins)
    ]


def calibration_error(labels: Labels, probabilities: Floats, bins: int = 10) -> float:
    """Expected calibration error over bins of equal count."""
    found = calibration_bins(labels, probabilities, bins)
    return sum(each.rows * abs(each.forecast - each.seen) for each in found) / len(labels)


@dataclass(frozen=True, slots=True)
class Burden:
    """What an operating point means: how much of what happens is caught, how many alarms are right, how many there are."""

    sensitivity: float
    specificity: float
    ppv: float
    flagged: float


def burden(labels: Labels, alarms: NDArray[np.bool_]) -> Burden:
    """The burden of alarms over rows."""
    hit = int((alarms & (labels == 1)).sum())
    raised, events = int(alarms.sum()), int(labels.sum())
    quiet = int((~alarms & (labels == 0)).sum())
    return Burden(
        hit / max(events, 1), quiet / max(len(labels) - events, 1), hit / max(raised, 1), raised / len(labels)
    )
