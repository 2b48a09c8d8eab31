"""Gradient boosting with scikit-learn's histogram trees, each tree grown on some of the features only.

HistGradientBoostingClassifier draws features for each split and so sums the histograms of all of them; drawn once a tree,
four fifths of the time are saved and the trees differ more. The tree grower and the bins are scikit-learn's own
(sklearn/ensemble/_hist_gradient_boosting/grower.py and binning.py); the loop is its `fit` for the logistic loss.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.ensemble._hist_gradient_boosting.grower import TreeGrower

_BINNED_ON = 50_000  # rows, to find the limits of the bins

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """Names as scikit-learn's, but for `columns`: the share of the features that a tree may ask for."""

    learning_rate: float = 0.08
    max_iter: int = 150
    max_leaf_nodes: int = 8
    min_samples_leaf: int = 150
    l2_regularization: float = 40.0
    max_bins: int = 63
    columns: float = 0.2


@dataclass
class Boosting:
    """Fitted trees, under the names that scikit-learn's own estimator gives them."""

    _baseline_prediction: Floats
    _predictors: list[tuple[Any]] = field(default_factory=list)

    def decision_function(self, rows: Floats) -> Floats:
        """The log odds of each row, by scikit-learn's own predictor."""
        no_categories, no_places = np.zeros((0, 8), np.uint32), np.zeros(rows.shape[1], np.uint32)
        total = np.full(len(rows), float(self._baseline_prediction[0]))
        for (tree,) in self._predictors:
            total += tree.predict(np.ascontiguousarray(rows), no_categories, no_places, 1)
        return total


def boosted(
    rows: Floats, wanted: NDArray[np.bool_], weight: Floats, settings: Settings, seed: int
) -> Boosting:
    """Trees fitted to weighted rows; NaN is missing. The weights are taken relative to their mean."""
    chance = np.random.default_rng(seed)
    mapper = _BinMapper(n_bins=settings.max_bins + 1, subsample=_BINNED_ON, random_state=seed, n_threads=None)
    binned = mapper.fit_transform(rows)
    missing: NDArray[np.bool_] = np.asarray(np.isnan(rows).any(axis=0))
    weight = weight / weight.mean()
    rate = float(np.average(wanted, weights=weight))
    baseline = float(np.log(rate / (1 - rate)))
    raw = np.full(len(rows), baseline)
    fitted = Boosting(np.array([baseline]))
    asked = max(1, round(settings.columns * rows.shape[1]))
    for _ in range(settings.max_iter):
        columns = np.sort(chance.choice(rows.shape[1], asked, replace=False))
        forecast = 1 / (1 + np.exp(-raw))
        grower = TreeGrower(
            np.asfortranarray(binned[:, columns]),
            (weight * (forecast - wanted)).astype(np.float32),
            (weight * forecast * (1 - forecast)).astype(np.float32),
            n_bins=settings.max_bins + 1,
            n_bins_non_missing=mapper.n_bins_non_missing_[columns],
            has_missing_values=missing[columns],
            max_leaf_nodes=settings.max_leaf_nodes,
            min_samples_leaf=settings.min_samples_leaf,
            l2_regularization=settings.l2_regularization,
            shrinkage=settings.learning_rate,
        )
        grower.grow()
        for leaf in grower.finalized_leaves:
            raw[leaf.sample_indices] += leaf.value
        tree = grower.make_predictor([mapper.bin_thresholds_[column] for column in columns])
        branches = tree.nodes["is_leaf"] == 0
        tree.nodes["feature_idx"][branches] = columns[tree.nodes["feature_idx"][branches]]
        fitted._predictors.append((tree,))
    return fitted
