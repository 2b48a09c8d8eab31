"""Splits by patient: all rows of a patient are in one fold, and each fold has its share of patients with the event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def patient_folds(
    patients: Sequence[str], labels: NDArray[np.int8], folds: int, seed: int
) -> NDArray[np.int64]:
    """The fold of each row."""
    names, place = np.unique(np.asarray(patients), return_inverse=True)
    has_event = np.zeros(len(names), bool)
    np.logical_or.at(has_event, place, labels == 1)
    chance = np.random.default_rng(seed)
    fold_of = np.empty(len(names), np.int64)
    for group in (has_event, ~has_event):
        members = np.flatnonzero(group)
        chance.shuffle(members)
        fold_of[members] = np.arange(len(members)) % folds
    return fold_of[place]
