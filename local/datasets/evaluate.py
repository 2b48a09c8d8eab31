"""Many rows through a forest at once, with NumPy: the same walks and sums as shared/domain/models/forest.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shared.domain.models.artefact import PublishedModel
from shared.domain.models.calibration import Calibration
from shared.domain.models.forest import LEAF, Forest
from shared.domain.models.network import Inputs, Networks

Matrix = NDArray[np.float64]
_ROWS_AT_ONCE = 8192  # what a tree walks through stays in the processor's cache


def raw_scores(forest: Forest, rows: Matrix) -> Matrix:
    """The mean raw score of the members for each row."""
    arrays = _Arrays(forest)
    parts = [
        arrays.score(rows[start : start + _ROWS_AT_ONCE]) for start in range(0, len(rows), _ROWS_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def model_scores(model: PublishedModel, rows: Matrix) -> Matrix:
    """The raw score of a published model for each row."""
    trees = raw_scores(model.forest, rows)
    if model.networks is None:
        return trees
    return model.blend[0] * trees + model.blend[1] * network_scores(model.networks, rows)


def network_scores(networks: Networks, rows: Matrix) -> Matrix:
    """The mean raw score of the networks for each row."""
    inputs = inputs_of(networks.inputs, rows)
    total = np.zeros(len(rows))
    for member in networks.members:
        units = np.maximum(inputs @ np.array(member.hidden).T + np.array(member.biases), 0)
        total += units @ np.array(member.output) + member.bias
    return total / len(networks.members)


def inputs_of(inputs: Inputs, rows: Matrix) -> Matrix:
    """The inputs of the networks for each row."""
    low, unit = np.array(inputs.low), np.array(inputs.unit)
    kept = np.clip(rows, low, np.array(inputs.high))
    bent = unit > 0
    kept[:, bent] = np.log1p((kept[:, bent] - low[bent]) / unit[bent])
    standard = (kept - np.array(inputs.mean)) / np.array(inputs.scale)
    missing = np.isnan(rows)
    standard[missing] = 0.0
    return np.column_stack([standard, missing[:, list(inputs.flags)]]).astype(np.float64)


def probabilities(calibration: Calibration, raw: Matrix) -> Matrix:
    """The calibrated probability of each raw score."""
    return np.array([calibration.probability(float(each)) for each in raw])


class _Arrays:
    def __init__(self, forest: Forest) -> None:
        self.forest = forest
        self.feature = np.asarray(forest.feature, np.int32)
        self.threshold = np.asarray(forest.threshold, np.float64)
        self.missing_left = np.asarray(forest.missing_left, bool)
        self.left = np.arange(1, len(self.feature) + 1, dtype=np.int32)
        self.right = np.asarray(forest.right, np.int32)

    def score(self, rows: Matrix) -> Matrix:
        columns = np.ascontiguousarray(rows.T)
        totals = np.zeros(len(rows))
        first = 0
        for baseline, count in zip(self.forest.baselines, self.forest.members, strict=True):
            member = np.full(len(rows), baseline)
            for root in self.forest.roots[first : first + count]:
                self._add_leaves(root, columns, np.arange(len(rows)), member)
            totals += member
            first += count
        return totals / len(self.forest.members)

    def _add_leaves(self, root: int, columns: Matrix, everyone: NDArray[np.intp], member: Matrix) -> None:
        waiting = [(root, everyone)]
        while waiting:
            node, rows = waiting.pop()
            if not len(rows):
                continue
            asked = self.feature[node]
            if asked == LEAF:
                member[rows] += self.threshold[node]
                continue
            values = columns[asked][rows]
            left = values <= self.threshold[node]
            if self.missing_left[node]:
                left |= np.isnan(values)
            waiting.append((int(self.left[node]), rows[left]))
            waiting.append((int(self.right[node]), rows[~left]))
