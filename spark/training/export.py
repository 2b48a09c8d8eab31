"""From fitted scikit-learn gradient boosting to the flat trees of a published model."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.domain.models.forest import LEAF, Forest

_LARGEST = sys.float_info.max
_COLUMNS = tuple(column.name for column in fields(Forest))


def forest_of(members: Sequence[Any]) -> Forest:
    """The trees of fitted HistGradientBoostingClassifiers with two classes, as one forest of averaged members."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("feature", "threshold", "right", "missing_left", "cover")
    }
    roots: list[int] = []
    for member in members:
        for (tree,) in member._predictors:
            roots.append(len(columns["feature"]))
            _append(tree.nodes, 0, columns)
    return Forest(
        roots=roots,
        baselines=[float(member._baseline_prediction.ravel()[0]) for member in members],
        members=[len(member._predictors) for member in members],
        **columns,
    )


def _append(nodes: Any, place: int, columns: dict[str, list[Any]]) -> None:
    """Adds a node and what is below it in preorder, so that the left child is always the next node."""
    node = nodes[place]
    if node["is_categorical"]:
        raise ValueError("published trees ask for numbers only: encode categories as features")
    here = len(columns["feature"])
    leaf = bool(node["is_leaf"])
    columns["feature"].append(LEAF if leaf else int(node["feature_idx"]))
    # Infinity sends every value left and only what is missing right; JSON has no infinity, and no value is larger than this.
    columns["threshold"].append(min(float(node["value"] if leaf else node["num_threshold"]), _LARGEST))
    columns["right"].append(0)
    columns["missing_left"].append(0 if leaf else int(node["missing_go_to_left"]))
    columns["cover"].append(int(node["count"]))
    if leaf:
        return
    _append(nodes, int(node["left"]), columns)
    columns["right"][here] = len(columns["feature"])
    _append(nodes, int(node["right"]), columns)


def gains_of(member: Any, features: int) -> NDArray[np.float64]:
    """What the splits of a fitted member gained, by feature."""
    gains = np.zeros(features)
    for (tree,) in member._predictors:
        branches = tree.nodes[tree.nodes["is_leaf"] == 0]
        np.add.at(gains, branches["feature_idx"], branches["gain"])
    return gains


def columns_of(forest: Forest) -> dict[str, Any]:
    """The forest as it stands in an artefact."""
    return {name: list(getattr(forest, name)) for name in _COLUMNS}


def together(forests: Sequence[Forest]) -> Forest:
    """One forest of the members of several, in their order."""
    joined: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    for forest in forests:
        before = len(joined["feature"])
        joined["roots"] += [root + before for root in forest.roots]
        pairs = zip(forest.right, forest.feature, strict=True)
        joined["right"] += [child if feature == LEAF else child + before for child, feature in pairs]
        for name in ("feature", "threshold", "missing_left", "cover", "baselines", "members"):
            joined[name] += getattr(forest, name)
    return Forest(**joined)


def asking(forest: Forest, places: Sequence[int]) -> Forest:
    """The same trees, asking for feature `places[n]` where they asked for feature n."""
    return replace(forest, feature=[LEAF if each == LEAF else places[each] for each in forest.feature])


def as_array(forest: Forest) -> NDArray[np.float64]:
    """A forest of one member as numbers: a row an array, the last column the baseline."""
    (baseline,) = forest.baselines
    begins = np.zeros(len(forest.feature))
    begins[list(forest.roots)] = 1
    columns = [forest.feature, forest.threshold, forest.right, forest.missing_left, forest.cover, begins]
    return np.column_stack([np.array(columns, np.float64), np.full(len(columns), baseline)])


def from_array(numbers: NDArray[np.float64]) -> Forest:
    """The forest that `as_array` made numbers of."""
    feature, threshold, right, missing_left, cover, begins = numbers[:, :-1]
    roots = np.flatnonzero(begins).tolist()
    return Forest(
        roots=roots,
        feature=feature.astype(int).tolist(),
        threshold=threshold.tolist(),
        right=right.astype(int).tolist(),
        missing_left=missing_left.astype(int).tolist(),
        cover=cover.astype(int).tolist(),
        baselines=[float(numbers[0, -1])],
        members=[len(roots)],
    )
