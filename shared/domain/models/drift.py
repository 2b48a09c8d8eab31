"""Whether what a model is asked about still looks like what it was trained on: the population stability index.

PSI: the sum over bins of (share now - share then) x ln(share now / share then); Siddiqi N. Credit Risk Scorecards, Wiley
2006, where 0.25 is a major shift. Of few patients it is large by chance: under no shift its 95 % point is the chi-squared
one times (1/n + 1/m), Yurdakul B, Naranjo J. Journal of Risk Model Validation 14 (2020) 89. The larger of both is the bound.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MAJOR: Final = 0.25
PROBABILITY: Final = "probability"
"""Stands among the features for the forecast itself."""
_FLOOR: Final = 1e-4
"""A bin that nobody is in counts as this share: the logarithm knows no zero."""
_Z_95: Final = 1.644854


@dataclass(frozen=True, slots=True)
class Reference:
    """Bins of one feature in training: a value up to `edges[i]` is in bin i; the last share is of missing values."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    rows: int

    @classmethod
    def of(cls, values: Sequence[float], edges: Sequence[float]) -> Reference:
        """The shares of values over bins; NaN is missing."""
        return cls(tuple(edges), tuple(_shares(values, edges)), len(values))

    @classmethod
    def read(cls, part: Mapping[str, Any]) -> Reference:
        """The reference as it stands in an artefact."""
        return cls(tuple(part["edges"]), tuple(part["shares"]), int(part["rows"]))

    def psi(self, values: Sequence[float]) -> float:
        """The population stability index of values now."""
        return math.fsum(
            (now - then) * math.log(now / then)
            for now, then in zip(
                map(_floored, _shares(values, self.edges)), map(_floored, self.shares), strict=True
            )
        )

    def bound(self, rows: float) -> float:
        """From which index on so many rows have drifted."""
        return max(MAJOR, _chi_squared_95(max(len(self.shares) - 1, 1)) * (1 / rows + 1 / self.rows))


def _shares(values: Sequence[float], edges: Sequence[float]) -> list[float]:
    counts = [0] * (len(edges) + 2)
    for value in values:
        counts[-1 if math.isnan(value) else bisect_left(edges, value)] += 1
    return [count / len(values) for count in counts]


def _floored(share: float) -> float:
    return max(share, _FLOOR)


def _chi_squared_95(degrees: int) -> float:
    """The 95 % point of the chi-squared distribution, after Wilson and Hilferty, PNAS 17 (1931) 684."""
    part = 2 / (9 * degrees)
    return float(degrees * (1 - part + _Z_95 * math.sqrt(part)) ** 3)
