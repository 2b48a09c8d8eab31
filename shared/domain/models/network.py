"""Small neural networks in plain Python: one hidden layer of rectified units, on cleaned inputs.

The same sums as scikit-learn's MLPClassifier (sklearn/neural_network/_multilayer_perceptron.py) with `relu` and two classes.
Trees and networks err on different patients, so their mean is better than either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log1p
from operator import add, mul


@dataclass(frozen=True, slots=True)
class Inputs:
    """How features become inputs: clipped to `low` and `high`, compressed by `log1p((value - low) / unit)` where `unit`
    is not 0, then standardised by `mean` and `scale`; a missing value is the mean. `flags` are features of which being
    missing is an input too.
    """

    low: Sequence[float]
    high: Sequence[float]
    unit: Sequence[float]
    mean: Sequence[float]
    scale: Sequence[float]
    flags: Sequence[int]

    def of(self, values: Sequence[float]) -> list[float]:
        """The inputs for one row of features."""
        found = []
        for value, low, high, unit, mean, scale in zip(
            values, self.low, self.high, self.unit, self.mean, self.scale, strict=True
        ):
            if value != value:
                found.append(0.0)
                continue
            kept = low if value < low else min(value, high)
            if unit:
                kept = log1p((kept - low) / unit)
            found.append((kept - mean) / scale)
        found += [float(values[place] != values[place]) for place in self.flags]
        return found


@dataclass(frozen=True, slots=True)
class Network:
    """One hidden layer: weights of each unit, its bias, its weight in the output; and the bias of the output."""

    hidden: Sequence[Sequence[float]]
    biases: Sequence[float]
    output: Sequence[float]
    bias: float

    def check(self, inputs: int) -> None:
        """Raises ValueError unless the layers fit together."""
        units = len(self.hidden)
        if not units or len(self.biases) != units or len(self.output) != units:
            raise ValueError("each unit of a network needs a bias and a weight in the output")
        if any(len(weights) != inputs for weights in self.hidden):
            raise ValueError("each unit of a network needs a weight for each input")

    def score(self, inputs: Sequence[float]) -> float:
        """The raw score (log odds)."""
        total = self.bias
        for weights, bias, out in zip(self.hidden, self.biases, self.output, strict=True):
            unit = sum(map(mul, weights, inputs)) + bias
            if unit > 0:
                total += out * unit
        return total


@dataclass(frozen=True)
class Networks:
    """Networks on the same inputs, averaged."""

    inputs: Inputs
    members: Sequence[Network]

    def check(self, features: int) -> None:
        """Raises ValueError unless inputs and layers fit the features."""
        sides = (self.inputs.low, self.inputs.high, self.inputs.unit, self.inputs.mean, self.inputs.scale)
        if any(len(side) != features for side in sides) or not self.members:
            raise ValueError("the inputs of the networks do not fit the features")
        if any(not 0 <= place < features for place in self.inputs.flags) or not all(self.inputs.scale):
            raise ValueError("an input of the networks stands for no feature, or has no scale")
        for member in self.members:
            member.check(features + len(self.inputs.flags))

    def score(self, values: Sequence[float]) -> float:
        """The mean raw score for one row of features; NaN is missing."""
        inputs = self.inputs.of(values)
        scores = (member.score([inputs[place] for place in places]) for places, member in self._weighed)
        return sum(scores) / len(self.members)

    @cached_property
    def _weighed(self) -> list[tuple[list[int], Network]]:
        """By member the places of the inputs that weigh anything in it, and the member on those alone."""
        found = []
        for member in self.members:
            places = [place for place, weights in enumerate(zip(*member.hidden, strict=True)) if any(weights)]
            hidden = [[weights[place] for place in places] for weights in member.hidden]
            found.append((places, Network(hidden, member.biases, member.output, member.bias)))
        return found

    def contributions(self, values: Sequence[float]) -> dict[int, float]:
        """Feature → its part of the raw score: weight by input over the units that are on, where 0 is the mean patient.

        With the biases they sum to the score, which is straight as long as the same units are on.
        """
        inputs = self.inputs.of(values)
        weights = [0.0] * len(inputs)
        for units in self._units:
            for unit, bias, towards in units:
                if sum(map(mul, unit, inputs)) + bias > 0:
                    weights = list(map(add, weights, towards))
        parts = list(map(mul, weights, inputs))
        moved = dict(enumerate(parts[: len(values)]))
        for place, part in zip(self.inputs.flags, parts[len(values) :], strict=True):
            moved[place] += part
        return {place: part for place, part in moved.items() if part}

    @cached_property
    def _units(self) -> list[list[tuple[Sequence[float], float, list[float]]]]:
        """By member its units: weights, bias, and what the weights come to in the mean of the members."""
        share = 1 / len(self.members)
        return [
            [
                (unit, bias, [share * out * weight for weight in unit])
                for unit, bias, out in zip(member.hidden, member.biases, member.output, strict=True)
            ]
            for member in self.members
        ]
