"""Boosting with features drawn once a tree: it learns, asks for no more than was drawn, and is published as it is."""

from __future__ import annotations

import pytest

from tests.lazily import lazily, require

np = pytest.importorskip("numpy", reason="boosting was not tested: NumPy is in the group ml")
require("sklearn", "boosting was not tested: scikit-learn is in the group ml")

from spark.training import metrics  # noqa: E402
from spark.training.export import asking, forest_of  # noqa: E402

boosting = lazily("local.training.boosting")
ensemble = lazily("sklearn.ensemble")


@pytest.fixture(scope="module")
def data():  # type: ignore[no-untyped-def]
    """Rows with missing values, where that a value is missing tells something too."""
    chance = np.random.default_rng(5)
    rows = chance.normal(size=(4000, 10))
    rows[chance.random(rows.shape) < 0.3] = np.nan
    drive = np.nan_to_num(rows[:, 0]) + np.isnan(rows[:, 5]) - np.nan_to_num(rows[:, 1]) ** 2
    return rows, chance.random(4000) < 1 / (1 + np.exp(-drive))


def test_drawing_all_features_it_is_scikit_learns_own_estimator(data) -> None:  # type: ignore[no-untyped-def]
    rows, wanted = data
    settings = boosting.Settings(max_iter=30, columns=1.0, min_samples_leaf=20, l2_regularization=5.0)
    ours = boosting.boosted(rows, wanted, np.full(len(rows), 7.0), settings, seed=1)
    theirs = ensemble.HistGradientBoostingClassifier(
        learning_rate=0.08, max_iter=30, max_leaf_nodes=8, min_samples_leaf=20, l2_regularization=5.0, max_bins=63,
        early_stopping=False,
    ).fit(rows, wanted)  # fmt: skip
    assert np.abs(ours.decision_function(rows) - theirs.decision_function(rows)).max() < 1e-3


def test_published_trees_equal_scikit_learns_predictor_to_1e_9(data) -> None:  # type: ignore[no-untyped-def]
    rows, wanted = data
    fitted = boosting.boosted(
        rows, wanted, np.ones(len(rows)), boosting.Settings(max_iter=40, columns=0.3), seed=2
    )
    forest = forest_of([fitted])
    found = np.array([forest.score(row) for row in rows.tolist()])
    assert np.abs(found - fitted.decision_function(rows)).max() < 1e-9
    assert metrics.auroc(wanted.astype(np.int8), found) > 0.7


def test_a_tree_asks_for_no_more_features_than_were_drawn(data) -> None:  # type: ignore[no-untyped-def]
    rows, wanted = data
    fitted = boosting.boosted(
        rows, wanted, np.ones(len(rows)), boosting.Settings(max_iter=40, columns=0.2), seed=3
    )
    asked = [set(tree.nodes["feature_idx"][tree.nodes["is_leaf"] == 0]) for (tree,) in fitted._predictors]
    assert max(map(len, asked)) <= 2
    assert len(set().union(*asked)) > 5


def test_trees_are_told_where_their_features_stand_among_more(data) -> None:  # type: ignore[no-untyped-def]
    rows, wanted = data
    forest = forest_of(
        [
            boosting.boosted(
                rows[:, [4, 0, 5]], wanted, np.ones(len(rows)), boosting.Settings(max_iter=5), seed=1
            )
        ]
    )
    moved = asking(forest, [4, 0, 5])
    assert [moved.score(row) for row in rows[:50].tolist()] == [
        forest.score(row) for row in rows[:50, [4, 0, 5]].tolist()
    ]
