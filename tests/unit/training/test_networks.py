"""Published networks score as scikit-learn does, to 1e-9, on inputs that are cleaned alike alone and together."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, replace
from typing import Any

import pytest

from tests.lazily import lazily, require

np = pytest.importorskip(
    "numpy", reason="published networks were not compared: NumPy is in the group scoring"
)
require("sklearn", "published networks were not compared: scikit-learn is in the group ml")

from local.datasets.evaluate import inputs_of, model_scores, network_scores  # noqa: E402
from shared.domain.models.artefact import RefusedModel, pack, read_model  # noqa: E402
from shared.domain.models.network import Networks  # noqa: E402
from tests.unit.models.test_artefact import document  # noqa: E402

networks = lazily("local.training.networks")


@pytest.fixture(scope="module")
def rows():  # type: ignore[no-untyped-def]
    """A plain and a skewed feature with missing values."""
    chance = np.random.default_rng(5)
    found = np.column_stack([chance.normal(size=2000), chance.lognormal(size=2000) * 10])
    found[chance.random(found.shape) < 0.2] = np.nan
    return found


@pytest.fixture(scope="module")
def inputs(rows):  # type: ignore[no-untyped-def]
    return networks.inputs_for(rows, [0, 1])


def test_inputs_are_the_same_alone_and_together_bounded_and_never_missing(rows, inputs) -> None:  # type: ignore[no-untyped-def]
    together = inputs_of(inputs, rows)
    assert together.shape == (2000, 4)
    assert np.abs(together).max() < 10
    assert inputs.unit[0] == 0 < inputs.unit[1]
    alone = np.array([inputs.of(row) for row in rows.tolist()])
    assert np.abs(alone - together).max() < 1e-12
    assert inputs.of([math.nan, 1e9])[0::2] == [0.0, 1.0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_published_networks_equal_scikit_learn_to_1e_9(rows, inputs) -> None:  # type: ignore[no-untyped-def]
    from sklearn.neural_network import MLPClassifier

    cleaned = inputs_of(inputs, rows)
    fitted = MLPClassifier((8,), max_iter=150, random_state=1).fit(
        cleaned, np.isnan(rows[:, 1]) | (rows[:, 0] > 0)
    )
    wanted = fitted.predict_proba(cleaned)[:, 1]
    published = Networks(inputs, [networks.network_of(networks.numbers_of(fitted))])
    found = np.array([1 / (1 + math.exp(-published.score(row))) for row in rows.tolist()])
    assert np.abs(found - wanted).max() < 1e-9
    assert network_scores(published, rows) == pytest.approx([published.score(row) for row in rows.tolist()])


@pytest.fixture
def blended(inputs):  # type: ignore[no-untyped-def]
    network = networks.network_of(np.array([[1.0, 0, 0, 2, 0.5, 2.0, -1], [0, -1.0, 0, 0, 0.1, 1.0, -1]]))
    return document(networks=networks.columns_of(Networks(inputs, [network]), (0.6, 0.25)))


def read(of: dict[str, Any]) -> Any:
    packed = pack(of)
    return read_model(packed, hashlib.sha256(packed).hexdigest())


def test_a_published_model_adds_trees_and_networks_in_their_shares(rows, blended) -> None:  # type: ignore[no-untyped-def]
    model = read(blended)
    values = (2.0, 3.0)
    assert model.raw_score(values) == 0.6 * model.forest.score(values) + 0.25 * model.networks.score(values)
    alone = [model.raw_score(row) for row in rows.tolist()]
    assert model_scores(model, rows).tolist() == pytest.approx(alone, abs=1e-12)


def test_a_row_that_goes_on_from_another_comes_to_what_it_would_alone(rows, blended) -> None:  # type: ignore[no-untyped-def]
    model = read(blended)
    evaluation = None
    for row in rows[:200].tolist():
        evaluation = model.evaluate(row, evaluation)
        assert model.judge(evaluation) == model.predict(row)
        assert model.reasons(evaluation) == model.contributions(row)


def test_contributions_know_of_the_networks_too(blended) -> None:  # type: ignore[no-untyped-def]
    model = read(blended)
    first = {each.feature: each.log_odds for each in model.contributions((2.0, math.nan))}
    alone = replace(model, networks=None, blend=(0.6, 0.0))
    trees = {each.feature: each.log_odds for each in alone.contributions((2.0, math.nan))}
    moved = model.networks.contributions((2.0, math.nan))
    assert first["first"] == pytest.approx(trees["first"] + 0.25 * moved[0])
    assert moved[1] > 0  # that the second one is missing speaks for the outcome


@pytest.mark.parametrize(
    "broken",
    [
        {"biases": [0.0]},
        {"output": []},
        {"hidden": [[1.0], [1.0]]},
        {"hidden": [], "biases": [], "output": []},
    ],
)
def test_layers_that_do_not_fit_are_refused(blended, broken: dict[str, Any]) -> None:  # type: ignore[no-untyped-def]
    blended["networks"]["members"][0] |= broken
    with pytest.raises(RefusedModel):
        read(blended)


@pytest.mark.parametrize("broken", [{"low": [0.0]}, {"scale": [0.0, 1.0]}, {"flags": [7]}])
def test_inputs_that_do_not_fit_are_refused(blended, broken: dict[str, Any]) -> None:  # type: ignore[no-untyped-def]
    blended["networks"]["inputs"] |= broken
    with pytest.raises(RefusedModel):
        read(blended)


def test_the_blend_gives_the_networks_their_share_whatever_their_spread() -> None:
    chance = np.random.default_rng(1)
    trees = chance.normal(size=1000)
    first, second = networks.blend_of(trees, 5 * trees)
    assert first == 1 - networks.SHARE
    assert second * 5 == pytest.approx(networks.SHARE, abs=1e-5)
    assert asdict(networks.network_of(np.array([[1.0, 2, 3, 4, 5]])))["bias"] == 5


def test_a_network_on_more_features_gives_the_same_score(rows, inputs) -> None:  # type: ignore[no-untyped-def]
    narrow = networks.narrowed(inputs, [1])
    assert narrow.flags == [0]
    network = networks.network_of(np.array([[1.5, -2.0, 0.1, 2.0, 0.3], [-1.0, 0.5, 0.2, -1.0, 0.3]]))
    wide = networks.widened(network, narrow, inputs, [1])
    network_of_all = networks.network_of(np.array([[1.0, 0.5, 0, 2, 0.5, 2.0, 0.3]]))
    found = network_scores(Networks(inputs, [wide]), rows)
    assert found == pytest.approx(network_scores(Networks(narrow, [network]), rows[:, [1]]))
    alone = [Networks(inputs, [wide, network_of_all]).score(row) for row in rows.tolist()]
    assert network_scores(Networks(inputs, [wide, network_of_all]), rows) == pytest.approx(alone)
