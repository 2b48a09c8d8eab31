"""What is published scores as scikit-learn does, to 1e-9, alone and many rows at once."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict

import pytest

from tests.lazily import lazily, require

np = pytest.importorskip("numpy", reason="published trees were not compared: NumPy is in the group scoring")
require("sklearn", "published trees were not compared: scikit-learn is in the group ml")

from local.datasets.evaluate import raw_scores  # noqa: E402
from shared.domain.models.artefact import pack, read_model  # noqa: E402
from shared.domain.models.calibration import DoesNotRise  # noqa: E402
from spark.training import calibrate, metrics  # noqa: E402
from spark.training.export import as_array, columns_of, forest_of, from_array, gains_of, together  # noqa: E402

ensemble = lazily("sklearn.ensemble")


@pytest.fixture(scope="module")
def data():  # type: ignore[no-untyped-def]
    """Rows with missing values, one feature that is only ever missing or there, and an outcome that depends on them."""
    chance = np.random.default_rng(5)
    rows = chance.normal(size=(3000, 6))
    rows[chance.random(rows.shape) < 0.3] = np.nan
    rows[:, 5] = np.where(chance.random(3000) < 0.5, np.nan, 1.0)
    drive = np.nan_to_num(rows[:, 0]) + np.isnan(rows[:, 5]) - np.nan_to_num(rows[:, 1]) ** 2
    labels = (chance.random(3000) < 1 / (1 + np.exp(-drive))).astype(np.int8)
    return rows, labels


@pytest.fixture(scope="module")
def fitted(data):  # type: ignore[no-untyped-def]
    rows, labels = data
    settings = {"max_iter": 40, "max_leaf_nodes": 12, "max_features": 0.5, "early_stopping": False}
    return [
        ensemble.HistGradientBoostingClassifier(**settings, random_state=seed).fit(rows, labels)
        for seed in (1, 2)
    ]


def test_published_trees_equal_scikit_learn_to_1e_9(data, fitted) -> None:  # type: ignore[no-untyped-def]
    rows, _ = data
    wanted = np.mean([each.decision_function(rows) for each in fitted], axis=0)
    calibration = calibrate.fit(wanted, data[1])
    packed = pack({
        "name": "trial", "version": "1", "features": list("abcdef"), "trees": columns_of(forest_of(fitted)),
        "calibration": asdict(calibration), "operating_point": 0.5, "training": {},
    })  # fmt: skip
    model = read_model(packed, hashlib.sha256(packed).hexdigest())
    found = [model.forest.score(row) for row in rows.tolist()]
    assert max(abs(found - wanted)) < 1e-9
    assert raw_scores(model.forest, rows).tolist() == pytest.approx(found, abs=1e-12)
    chances = [model.forest.scores(row)[0] for row in rows[:200].tolist()]
    theirs = fitted[0].predict_proba(rows[:200])[:, 1]
    assert max(abs(1 / (1 + np.exp(-np.array(chances))) - theirs)) < 1e-9


def test_a_split_that_only_tells_missing_from_measured_is_published_without_infinity(data, fitted) -> None:  # type: ignore[no-untyped-def]
    forest = forest_of(fitted)
    assert any(
        math.isinf(node["num_threshold"])
        for each in fitted
        for (tree,) in each._predictors
        for node in tree.nodes
    )
    assert not any(math.isinf(value) for value in forest.threshold)
    forest.check(features=6)


def test_the_features_that_decide_the_outcome_gain_most(fitted) -> None:  # type: ignore[no-untyped-def]
    gains = gains_of(fitted[0], 6)
    assert set(np.argsort(-gains)[:3]) == {0, 1, 5}
    assert gains.min() >= 0


def test_no_rows_have_no_scores(fitted) -> None:  # type: ignore[no-untyped-def]
    assert len(raw_scores(forest_of(fitted), np.empty((0, 6)))) == 0


def test_the_calibration_rises_strictly_and_is_close_to_what_is_seen(data, fitted) -> None:  # type: ignore[no-untyped-def]
    chance = np.random.default_rng(3)
    raw = chance.normal(-2, 1.5, 40_000)
    labels = (chance.random(len(raw)) < 1 / (1 + np.exp(-(0.6 * raw - 0.3)))).astype(np.int8)
    line = calibrate.fit(raw[:20_000], labels[:20_000])
    line.check()
    found = np.array([line.probability(float(each)) for each in raw[20_000:]])
    assert metrics.calibration_error(labels[20_000:], found) < 0.02
    assert metrics.auroc(labels[20_000:], found) == pytest.approx(
        metrics.auroc(labels[20_000:], raw[20_000:])
    )
    low, high = line.interval(0.0)
    assert low < line.probability(0.0) < high


def test_scores_without_a_line_are_told_from_any_other_fault() -> None:
    labels = np.array([1, 0] * 20, np.int8)
    with pytest.raises(DoesNotRise, match="no logistic line"):
        calibrate.fit(np.ones(40), labels)
    with pytest.raises(DoesNotRise, match="each above the one before"):
        calibrate.fit(np.repeat([1.0, 2.0], 20), labels).check()
    with pytest.raises(ValueError, match="broadcast") as fault:
        calibrate.fit(np.arange(39.0), labels)
    assert not isinstance(fault.value, DoesNotRise)


def test_measures_of_a_forecast_against_scikit_learn() -> None:
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    chance = np.random.default_rng(2)
    scores = chance.integers(0, 30, 500) / 30
    labels = (chance.random(500) < scores).astype(np.int8)
    assert metrics.auroc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
    assert metrics.auprc(labels, scores) == pytest.approx(average_precision_score(labels, scores))
    assert metrics.brier(labels, scores) == pytest.approx(brier_score_loss(labels, scores))
    found = metrics.burden(labels, scores >= 0.5)
    assert found.ppv == pytest.approx(labels[scores >= 0.5].mean())


def test_members_that_were_trained_apart_are_put_together_as_if_trained_at_once(fitted) -> None:  # type: ignore[no-untyped-def]
    apart = [from_array(as_array(forest_of([each]))) for each in fitted]
    assert together(apart) == forest_of(fitted)
