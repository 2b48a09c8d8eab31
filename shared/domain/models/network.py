"""Small neural networks in plain Python: one hidden layer of rectified units, on cleaned inputs.

The same sums as scikit-learn's MLPClassifier (sklearn/neural_network/_multilayer_perceptron.py) with `relu` and two classes.
Trees and networks err on different patients, so their mean is better than either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p
from operator import mul


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

    def moved_by(self, inputs: Sequence[float], parts: Sequence[Sequence[int]]) -> list[float]:
        """For each part, a few inputs: how far the raw score falls where they are 0, which is the mean patient's."""
        units = [
            sum(map(mul, weights, inputs)) + bias
            for weights, bias in zip(self.hidden, self.biases, strict=True)
        ]
        whole = sum(out * unit for out, unit in zip(self.output, units, strict=True) if unit > 0)
        found = []
        for part in parts:
            left = 0.0
            for weights, unit, out in zip(self.hidden, units, self.output, strict=True):
                without = unit - sum(weights[place] * inputs[place] for place in part)
                if without > 0:
                    left += out * without
            found.append(whole - left)
        return found


@dataclass(frozen=True, slots=True)
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
        return sum(member.score(inputs) for member in self.members) / len(self.members)

    def contributions(self, values: Sequence[float]) -> dict[int, float]:
        """Feature → how far the raw score would fall if the mean patient's value stood in its place."""
        inputs = self.inputs.of(values)
        flags = {place: len(values) + number for number, place in enumerate(self.inputs.flags)}
        parts = {
            place: [place, flags[place]] if place in flags else [place]
            for place in range(len(values))
            if inputs[place] or (place in flags and inputs[flags[place]])
        }
        by_member = [member.moved_by(inputs, list(parts.values())) for member in self.members]
        moved = [sum(each) / len(by_member) for each in zip(*by_member, strict=True)]
        return dict(zip(parts, moved, strict=True))
