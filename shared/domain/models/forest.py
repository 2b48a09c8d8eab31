"""Boosted trees as flat arrays, evaluated in plain Python.

The same steps in the same order as the predictor of scikit-learn's HistGradientBoosting
(sklearn/ensemble/_hist_gradient_boosting/ _predictor.pyx): left where the value is at most the threshold, a missing
value (NaN) where training sent it, the values of the leaves added to the baseline in the order of the trees.
Contributions follow Saabas (http://blog.datadive.net/interpreting-random-forests/): what the expectation moved by at
each branch belongs to the feature that was asked there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

LEAF = -1


class BrokenForest(ValueError):
    """Arrays that are no trees: lengths that differ, or a child or a feature that does not exist."""


@dataclass(frozen=True)
class Forest:
    """Ensembles trained apart and averaged. Nodes lie in preorder: the left child of node n is n + 1.

    `feature` is LEAF for a leaf, and `threshold` then its value. `cover` counts the training rows that reached a node.
    The trees begin where `roots` say; `members[i]` of them, in order, belong to ensemble i, which starts at `baselines[i]`.
    """

    roots: Sequence[int]
    feature: Sequence[int]
    threshold: Sequence[float]
    right: Sequence[int]
    missing_left: Sequence[int]
    cover: Sequence[float]
    baselines: Sequence[float]
    members: Sequence[int]

    def check(self, features: int) -> None:
        """Raises BrokenForest unless every walk from a root ends in a leaf and asks only for one of `features`."""
        size = len(self.feature)
        if any(len(each) != size for each in (self.threshold, self.right, self.missing_left, self.cover)):
            raise BrokenForest("the arrays of the trees have different lengths")
        if not self.members or len(self.members) != len(self.baselines):
            raise BrokenForest("each member needs a baseline")
        if sum(self.members) != len(self.roots) or any(not 0 <= root < size for root in self.roots):
            raise BrokenForest("the roots do not account for the trees")
        for node, asked in enumerate(self.feature):
            # Children lie behind their parent, so no walk goes in circles.
            if asked != LEAF and not (0 <= asked < features and node + 1 < self.right[node] < size):
                raise BrokenForest("a node asks for a feature or leads to a child that does not exist")

    def scores(self, values: Sequence[float]) -> list[float]:
        """The raw score (log odds) that each member gives one row of features; NaN is missing."""
        scores: list[float] = []
        for total, trees in zip(self.baselines, self._trees, strict=True):
            for node in trees:
                while node.__class__ is tuple:
                    asked, threshold, left, right, missing = node
                    value = values[asked]
                    node = left if value <= threshold else right if value > threshold else missing  # noqa: PLW2901
                total += node  # noqa: PLW2901
            scores.append(total)
        return scores

    @cached_property
    def _trees(self) -> list[list[Any]]:
        """By member its trees: (feature, threshold, left, right, child of a missing value) nested, a leaf its value.

        One look at a tuple where the arrays take four: half the time of a walk.
        """
        built: list[Any] = list(self.threshold)
        for node in range(len(built) - 1, -1, -1):
            if self.feature[node] != LEAF:
                left, right = built[node + 1], built[self.right[node]]
                missing = left if self.missing_left[node] else right
                built[node] = (self.feature[node], self.threshold[node], left, right, missing)
        roots = iter(self.roots)
        return [[built[root] for root in islice(roots, count)] for count in self.members]

    def score(self, values: Sequence[float]) -> float:
        """The mean of the members' raw scores."""
        scores = self.scores(values)
        return sum(scores) / len(scores)

    def expectations(self) -> list[float]:
        """The mean value of the leaves below each node, weighted by the training rows that reached them."""
        expected = list(self.threshold)
        for node in range(len(expected) - 1, -1, -1):
            if self.feature[node] != LEAF:
                left, right = node + 1, self.right[node]
                weights = self.cover[left] + self.cover[right]
                expected[node] = (
                    self.cover[left] * expected[left] + self.cover[right] * expected[right]
                ) / weights
        return expected

    def contributions(self, values: Sequence[float]) -> dict[int, float]:
        """Feature → how far it moved the raw score of this row. With the expectations of the roots they sum to the score."""
        moved = dict.fromkeys(self._asked, 0.0)
        for node in self._moving_trees:
            while node is not None:
                asked, threshold, left, right, missing = node
                value = values[asked]
                node, change = (  # noqa: PLW2901 - the walk goes on from the root
                    left if value <= threshold else right if value > threshold else missing
                )
                moved[asked] += change
        share = 1 / len(self.members)
        return {asked: share * change for asked, change in moved.items() if change}

    @cached_property
    def _asked(self) -> list[int]:
        return sorted(set(self.feature) - {LEAF})

    @cached_property
    def _moving_trees(self) -> list[Any]:
        """As `_trees`, each child with how far the expectation moves on the way to it; a leaf is None."""
        expected = self.expectations()
        built: list[Any] = [None] * len(expected)
        for node in range(len(built) - 1, -1, -1):
            if self.feature[node] != LEAF:
                left, right = (
                    (built[child], expected[child] - expected[node]) for child in (node + 1, self.right[node])
                )
                missing = left if self.missing_left[node] else right
                built[node] = (self.feature[node], self.threshold[node], left, right, missing)
        return [built[root] for root in self.roots]
