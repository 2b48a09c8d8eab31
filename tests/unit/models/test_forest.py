"""The reader of published trees: equal to scikit-learn to the last digits, and it refuses what is no tree."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.models.forest import BrokenForest, Forest

# value <= 1.5 (missing goes left) → -0.5; above it, second feature <= 0 → 0.25, else 2.0
TREE = Forest(
    roots=[0],
    feature=[0, -1, 1, -1, -1],
    threshold=[1.5, -0.5, 0.0, 0.25, 2.0],
    right=[2, 0, 4, 0, 0],
    missing_left=[1, 0, 0, 0, 0],
    cover=[10, 6, 4, 3, 1],
    baselines=[-1.0],
    members=[1],
)


@pytest.mark.parametrize(
    ("values", "score"),
    [
        ((1.5, 9.0), -1.5),
        ((1.6, 0.0), -0.75),
        ((1.6, 0.1), 1.0),
        ((math.nan, 5.0), -1.5),
        ((2.0, math.nan), 1.0),
    ],
)
def test_walks_left_up_to_the_threshold_and_missing_values_where_training_sent_them(
    values: tuple[float, float], score: float
) -> None:
    assert TREE.score(values) == score


def test_members_are_averaged() -> None:
    both = replace(TREE, roots=[0, 0], baselines=[-1.0, 3.0], members=[1, 1])
    assert both.scores((1.0, 0.0)) == [-1.5, 2.5]
    assert both.score((1.0, 0.0)) == 0.5


def test_contributions_and_the_expectation_sum_to_the_score() -> None:
    expected = TREE.expectations()
    assert expected[2] == (3 * 0.25 + 1 * 2.0) / 4
    for values in ((1.0, 0.0), (2.0, -1.0), (2.0, 1.0)):
        moved = TREE.contributions(values)
        assert math.isclose(sum(moved.values()) + expected[0] + TREE.baselines[0], TREE.score(values))


def test_a_row_that_goes_on_from_another_stands_where_it_would_stand_alone() -> None:
    chance = random.Random(7)
    trees = [replace(TREE, threshold=[chance.uniform(-2, 2) for _ in TREE.threshold]) for _ in range(40)]
    forest = Forest(
        roots=[5 * number for number in range(40)],
        feature=[each for tree in trees for each in tree.feature],
        threshold=[each for tree in trees for each in tree.threshold],
        right=[child and child + 5 * number for number, tree in enumerate(trees) for child in tree.right],
        missing_left=[chance.randint(0, 1) for _ in range(200)],
        cover=[each for tree in trees for each in tree.cover],
        baselines=[0.5, -0.25],
        members=[25, 15],
    )
    forest.check(features=3)
    standing = None
    for _ in range(200):
        row = [chance.choice((math.nan, 0.5, *forest.threshold[:6], chance.uniform(-2, 2))) for _ in range(3)]
        standing = forest.stand(row, standing)
        assert standing.scores() == forest.scores(row)
        assert standing.score() == forest.score(row)
        assert standing.contributions() == forest.stand(row).contributions()
    assert forest.stand(row, TREE.stand((1.0, 0.0))) == standing


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": [1.5]},
        {"feature": [0, -1, 7, -1, -1]},
        {"right": [2, 0, 9, 0, 0]},
        {"right": [0, 0, 4, 0, 0]},
        {"roots": [5]},
        {"members": [2]},
        {"members": [], "baselines": []},
        {"baselines": []},
    ],
)
def test_refuses_arrays_that_are_no_trees(change: dict[str, Any]) -> None:
    with pytest.raises(BrokenForest):
        replace(TREE, **change).check(features=2)


def test_accepts_sound_trees() -> None:
    TREE.check(features=2)
