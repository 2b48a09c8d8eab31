"""Small neural networks beside the trees: cleaning of the inputs, fitting, and the blend of both."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from local.datasets.evaluate import inputs_of
from shared.domain.models.network import Inputs, Network, Networks

SETTINGS: dict[str, Any] = {
    "hidden_layer_sizes": (8,), "alpha": 3.0, "learning_rate_init": 1e-3, "batch_size": 256, "max_iter": 8,
}  # fmt: skip
SHARE = 0.2  # of the networks in the blend, by the spread of their scores
_SKEWED = 0.25  # a median in the lowest quarter of its range asks for logarithms
_OFTEN_MISSING = 0.02

Floats = NDArray[np.float64]


def fit(cleaned: Floats, wanted: NDArray[np.bool_], weight: Floats, seed: int) -> Floats:
    """A network fitted on weighted rows of inputs, as numbers that `network_of` reads."""
    with warnings.catch_warnings():
        # A few passes over the data are meant: more of them fit the patients, not the illness.
        warnings.simplefilter("ignore", ConvergenceWarning)
        member = MLPClassifier(**SETTINGS, random_state=seed)
        member.fit(cleaned, wanted, sample_weight=weight / weight.mean())
    return numbers_of(member)


def numbers_of(fitted: MLPClassifier) -> Floats:
    """A row a unit of the hidden layer: its weights, its bias, its weight in the output, and the output's bias."""
    (hidden, output), (biases, bias) = fitted.coefs_, fitted.intercepts_
    return np.column_stack([hidden.T, biases, output[:, 0], np.full(len(biases), bias[0])])


def network_of(numbers: Floats) -> Network:
    """The network that `numbers_of` made numbers of."""
    return Network(
        numbers[:, :-3].tolist(), numbers[:, -3].tolist(), numbers[:, -2].tolist(), float(numbers[0, -1])
    )


def columns_of(networks: Networks, blend: tuple[float, float]) -> dict[str, Any]:
    """The networks as they stand in an artefact."""
    return {
        "blend": list(blend),
        "inputs": {name: list(getattr(networks.inputs, name)) for name in Inputs.__slots__},
        "members": [{name: getattr(each, name) for name in Network.__slots__} for each in networks.members],
    }


def blend_of(trees: Floats, networks: Floats) -> tuple[float, float]:
    """The factors that give the networks their share, whatever the spread of their scores."""
    return 1 - SHARE, round(SHARE * float(trees.std() / networks.std()), 6)


def inputs_for(rows: Floats, flags: Sequence[int]) -> Inputs:
    """How features become inputs, by their spread over all rows; `flags`: features whose absence may be an input."""
    low, middle, high = np.nanpercentile(rows, (1, 50, 99), axis=0)
    span = high - low
    skewed = (middle - low) < _SKEWED * span
    unit = np.where(skewed, middle - low + 0.05 * span, 0.0)
    plain = Inputs(low, high, unit, np.zeros(len(low)), np.ones(len(low)), [])  # type: ignore[arg-type]
    cleaned = np.where(np.isnan(rows), np.nan, inputs_of(plain, rows))
    mean, spread = np.nanmean(cleaned, axis=0), np.nanstd(cleaned, axis=0)
    missing = np.isnan(rows).mean(axis=0)
    return Inputs(
        low.tolist(), high.tolist(), unit.tolist(), mean.tolist(), np.where(spread > 0, spread, 1.0).tolist(),
        [place for place in flags if missing[place] > _OFTEN_MISSING],
    )  # fmt: skip


def narrowed(inputs: Inputs, places: Sequence[int]) -> Inputs:
    """The inputs for some of the features, in the order of `places`."""
    sides: dict[str, Any] = {
        name: [getattr(inputs, name)[place] for place in places]
        for name in Inputs.__slots__
        if name != "flags"
    }
    return Inputs(**sides, flags=[number for number, place in enumerate(places) if place in inputs.flags])


def widened(network: Network, narrow: Inputs, wide: Inputs, places: Sequence[int]) -> Network:
    """The network on more features: those of `narrow` stand at `places` of `wide`, and the others weigh nothing."""
    flag = {place: len(wide.low) + number for number, place in enumerate(wide.flags)}
    where = [*places, *(flag[places[number]] for number in narrow.flags)]
    hidden = np.zeros((len(network.hidden), len(wide.low) + len(wide.flags)))
    hidden[:, where] = network.hidden
    return Network(hidden.tolist(), network.biases, network.output, network.bias)
