"""Mean outcomes by category, for features; in training always from other patients than the one they are used for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.domain.features.readmission import OVERALL, RATED, Encounter, Rates, rated_value

_WEIGHT_OF_OVERALL = 100.0  # in encounters


def rates_of(encounters: Sequence[Encounter], labels: NDArray[np.int8]) -> dict[str, dict[str, float]]:
    """Column → value → mean outcome, drawn towards the overall mean; the overall mean stands under OVERALL."""
    overall = float(labels.mean())
    found: dict[str, dict[str, float]] = {}
    for column in RATED:
        sums: dict[str, list[float]] = defaultdict(lambda: [_WEIGHT_OF_OVERALL * overall, _WEIGHT_OF_OVERALL])
        for encounter, label in zip(encounters, labels, strict=True):
            entry = sums[rated_value(column, encounter)]
            entry[0] += float(label)
            entry[1] += 1
        found[column] = {value: round(total / weight, 6) for value, (total, weight) in sorted(sums.items())}
        found[column][OVERALL] = round(overall, 6)
    return found


def rates_for_others(
    encounters: Sequence[Encounter], labels: NDArray[np.int8], folds: NDArray[np.int64]
) -> dict[int, Rates]:
    """For each fold the rates of all the other folds."""
    kept = {int(fold): folds != fold for fold in np.unique(folds)}
    return {
        fold: rates_of([each for each, use in zip(encounters, mask, strict=True) if use], labels[mask])
        for fold, mask in kept.items()
    }
