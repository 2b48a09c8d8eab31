"""Boosted trees as flat arrays, evaluated in plain Python.

The same steps in the same order as the predictor of scikit-learn's HistGradientBoosting
(sklearn/ensemble/_hist_gradient_boosting/ _predictor.pyx): left where the value is at most the threshold, a missing
value (NaN) where training sent it, the values of the leaves added to the baseline in the order of the trees.
Contributions follow Saabas (http://blog.datadive.net/interpreting-random-forests/): what the expectation moved by at
each branch belongs to the feature that was asked there. They are counted in whole parts of a log odds, so that what a leaf
adds can be taken away again without a trace.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, Final

LEAF = -1
_PARTS: Final = 1 << 52
"""Of one log odds, in which contributions are counted."""


class BrokenForest(ValueError):
    """Arrays that are no trees: lengths that differ, or a child or a feature that does not exist."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """Where a walk ends: what it adds to the score, and by feature how far the expectation moved on the way, in parts."""

    value: float
    moved: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a row stands in every tree of a forest. Never changed: the next one is made from it."""

    forest: Forest
    row: Sequence[float]
    leaves: list[Leaf]
    values: list[float]
    moved: list[int]

    def scores(self) -> list[float]:
        """As `Forest.scores`, to the last digit."""
        return self.forest.summed(self.values)

    def score(self) -> float:
        """As `Forest.score`."""
        return _mean(self.scores())

    def contributions(self) -> list[float]:
        """By feature how far it moved the score."""
        share = 1 / (_PARTS * len(self.forest.members))
        return [share * moved for moved in self.moved]


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
        return self.summed(_reached(self._trees, values))

    def score(self, values: Sequence[float]) -> float:
        """The mean of the members' raw scores."""
        return _mean(self.scores(values))

    def contributions(self, values: Sequence[float]) -> dict[int, float]:
        """Feature → how far it moved the raw score of this row. With the expectations of the roots they sum to the score."""
        return {place: moved for place, moved in enumerate(self.stand(values).contributions()) if moved}

    def stand(self, values: Sequence[float], before: Standing | None = None) -> Standing:
        """Where a row stands. Only the trees are walked in which a threshold tells it from the one before."""
        if before is None or before.forest is not self:
            leaves = _reached(self._explained, values)
            moved = [0] * len(values)
            for leaf in leaves:
                for place, parts in leaf.moved:
                    moved[place] += parts
            return Standing(self, values, leaves, [leaf.value for leaf in leaves], moved)
        leaves, scored, moved = before.leaves[:], before.values[:], before.moved[:]
        asked = self._told_apart(before.row, values)
        trees = [self._explained[tree] for tree in asked]
        for tree, leaf in zip(asked, _reached(trees, values), strict=True):
            left = leaves[tree]
            if leaf is not left:
                for place, parts in left.moved:
                    moved[place] -= parts
                for place, parts in leaf.moved:
                    moved[place] += parts
                leaves[tree], scored[tree] = leaf, leaf.value
        return Standing(self, values, leaves, scored, moved)

    def summed(self, values: Sequence[float]) -> list[float]:
        """By member its baseline and the values of its trees, added in their order."""
        bounds = pairwise(accumulate(self.members, initial=0))
        return [
            sum(values[first:end], baseline)
            for baseline, (first, end) in zip(self.baselines, bounds, strict=True)
        ]

    def _told_apart(self, before: Sequence[float], after: Sequence[float]) -> list[int]:
        """The trees that may send these rows to different leaves."""
        found: set[int] = set()
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            if old is new or old == new or place not in self._cuts:
                continue
            cuts, trees = self._cuts[place]
            if old == old and new == new:
                here, there = bisect_left(cuts, old), bisect_left(cuts, new)
                if here != there:
                    found.update(trees[min(here, there) : max(here, there)])
            elif old == old or new == new:
                found.update(trees)
        return list(found)

    @cached_property
    def _cuts(self) -> dict[int, tuple[list[float], list[int]]]:
        """By feature the thresholds that it is held against, rising, and the tree of each."""
        held: dict[int, list[tuple[float, int]]] = {}
        for tree, root in enumerate(self.roots):
            waiting = [root]
            while waiting:
                node = waiting.pop()
                if self.feature[node] != LEAF:
                    held.setdefault(self.feature[node], []).append((self.threshold[node], tree))
                    waiting += (node + 1, self.right[node])
        return {
            place: ([cut for cut, _ in pairs], [tree for _, tree in pairs])
            for place, pairs in ((place, sorted(each)) for place, each in held.items())
        }

    @cached_property
    def _trees(self) -> list[Any]:
        """The trees, each leaf its value."""
        return self._nested(list(self.threshold))

    @cached_property
    def _explained(self) -> list[Any]:
        """The trees, each leaf a `Leaf`."""
        expected = self.expectations()
        ways: list[dict[int, int]] = [{} for _ in self.feature]
        for node, asked in enumerate(self.feature):
            if asked != LEAF:
                for child in (node + 1, self.right[node]):
                    moved = round(_PARTS * (expected[child] - expected[node]))
                    ways[child] = {**ways[node], asked: ways[node].get(asked, 0) + moved}
        pairs = zip(self.threshold, ways, strict=True)
        return self._nested([Leaf(value, tuple(way.items())) for value, way in pairs])

    def _nested(self, ends: list[Any]) -> list[Any]:
        """(feature, threshold, left, right, child of a missing value) by tree, down to the end of each leaf's node.

        One look at a tuple where the arrays take four: half the time of a walk.
        """
        built = ends[:]
        for node in range(len(built) - 1, -1, -1):
            if self.feature[node] != LEAF:
                left, right = built[node + 1], built[self.right[node]]
                missing = left if self.missing_left[node] else right
                built[node] = (self.feature[node], self.threshold[node], left, right, missing)
        return [built[root] for root in self.roots]

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


def _reached(trees: Iterable[Any], values: Sequence[float]) -> list[Any]:
    """What each tree ends in for a row."""
    reached = []
    for node in trees:
        while node.__class__ is tuple:
            asked, threshold, left, right, missing = node
            value = values[asked]
            node = left if value <= threshold else right if value > threshold else missing  # noqa: PLW2901
        reached.append(node)
    return reached


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores)
