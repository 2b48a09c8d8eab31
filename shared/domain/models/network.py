"""Small neural networks in plain Python: one hidden layer of rectified units, on cleaned inputs.

The same sums as scikit-learn's MLPClassifier (sklearn/neural_network/_multilayer_perceptron.py) with `relu` and two classes.
Trees and networks err on different patients, so their mean is better than either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from math import log1p
from operator import add, mul, sub
from typing import Final

_PARTS: Final = 1 << 52
"""Of a weight of one, in which weights are summed."""


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
        found = [self.one(place, value) for place, value in enumerate(values)]
        found += [float(values[place] != values[place]) for place in self.flags]
        return found

    def one(self, place: int, value: float) -> float:
        """The input that the value of one feature becomes."""
        if value != value:
            return 0.0
        low, unit = self.low[place], self.unit[place]
        kept = low if value < low else min(value, self.high[place])
        if unit:
            kept = log1p((kept - low) / unit)
        return (kept - self.mean[place]) / self.scale[place]


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

    def units(self, inputs: Sequence[float]) -> list[float]:
        """What each unit gives on: nothing where it is off."""
        return [
            max(0.0, sum(map(mul, weights, inputs)) + bias)
            for weights, bias in zip(self.hidden, self.biases, strict=True)
        ]

    def score(self, units: Sequence[float]) -> float:
        """The raw score (log odds)."""
        total: float = self.bias + sum(map(mul, self.output, units))
        return total


@dataclass(frozen=True, slots=True)
class Activity:
    """What a row of features sets off in networks. Never changed: the next one is made from it.

    `on` says of each unit of each member whether it is on, `weights` what the inputs weigh together as long as that holds,
    in whole parts: what a unit adds can be taken away again without a trace.
    """

    networks: Networks
    row: Sequence[float]
    inputs: list[float]
    score: float
    on: list[bool]
    weights: list[int]

    def contributions(self) -> list[float]:
        """By feature its part of the score."""
        moved = list(map(mul, self.weights, self.inputs))
        for place, part in zip(self.networks.inputs.flags, moved[len(self.row) :], strict=True):
            moved[place] += part
        return [moved_by / _PARTS for moved_by in moved[: len(self.row)]]


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
        return self._fire(self.inputs.of(values))[0]

    def contributions(self, values: Sequence[float]) -> dict[int, float]:
        """Feature → its part of the raw score: weight by input over the units that are on, where 0 is the mean patient.

        With the biases they sum to the score, which is straight as long as the same units are on.
        """
        return {place: part for place, part in enumerate(self.activity(values).contributions()) if part}

    def activity(self, values: Sequence[float], before: Activity | None = None) -> Activity:
        """What a row sets off. What it has in common with the one before is not computed again."""
        if before is None or before.networks is not self:
            inputs = self.inputs.of(values)
            score, on = self._fire(inputs)
            weights = [0] * len(inputs)
            for towards in compress(self._towards, on):
                weights = list(map(add, weights, towards))
            return Activity(self, values, inputs, score, on, weights)
        inputs = before.inputs[:]
        for place, (old, new) in enumerate(zip(before.row, values, strict=True)):
            if old is not new and old != new and (old == old or new == new):
                inputs[place] = self.inputs.one(place, new)
                if place in self._flags:
                    inputs[self._flags[place]] = float(new != new)
        score, on = self._fire(inputs)
        weights = before.weights
        for is_on, was_on, towards in zip(on, before.on, self._towards, strict=True):
            if is_on != was_on:
                weights = list(map(add if is_on else sub, weights, towards))
        return Activity(self, values, inputs, score, on, weights)

    def _fire(self, inputs: Sequence[float]) -> tuple[float, list[bool]]:
        """The mean raw score, and of each unit whether it is on."""
        total, on = 0.0, []
        for places, member in self._weighed:
            units = member.units([inputs[place] for place in places])
            total += member.score(units)
            on += [unit > 0 for unit in units]
        return total / len(self.members), on

    @cached_property
    def _flags(self) -> dict[int, int]:
        """Feature → the input that says whether it is missing."""
        return {place: number for number, place in enumerate(self.inputs.flags, len(self.inputs.mean))}

    @cached_property
    def _weighed(self) -> list[tuple[list[int], Network]]:
        """By member the places of the inputs that weigh anything in it, and the member on those alone."""
        found = []
        for member in self.members:
            places = [place for place, weights in enumerate(zip(*member.hidden, strict=True)) if any(weights)]
            hidden = [[weights[place] for place in places] for weights in member.hidden]
            found.append((places, Network(hidden, member.biases, member.output, member.bias)))
        return found

    @cached_property
    def _towards(self) -> list[list[int]]:
        """By unit of each member what its inputs weigh in the mean of the members, in parts."""
        share = _PARTS / len(self.members)
        return [
            [round(share * out * weight) for weight in unit]
            for member in self.members
            for unit, out in zip(member.hidden, member.output, strict=True)
        ]
