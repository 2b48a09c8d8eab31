"""A week of a model's predictions judged: drift of its inputs and forecasts, calibration, and how many it alerts.

Shares are judged by Wilson's 95 % interval (Wilson, JASA 22 (1927) 209): a figure is out of bounds where the data cannot be
reconciled with the bound, not where a few patients happen to lie beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain.models.artefact import PublishedModel
from shared.domain.models.drift import PROBABILITY, Reference

_Z: Final = 1.959964
ALERTS_TOLERATED: Final = 1.5
"""How many times as many alerts as in training are too many."""


class Kind(StrEnum):
    """What is watched."""

    DRIFT = "drift"
    CALIBRATION = "calibration"
    BURDEN = "burden"


@dataclass(frozen=True, slots=True)
class Forecast:
    """One prediction with what it was made of. `outcome` is None until the horizon is over."""

    values: Mapping[str, float]
    probability: float
    alert: bool
    outcome: bool | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One figure of one week. `low` and `high` are its bounds, None where there is none on that side."""

    kind: Kind
    subject: str
    value: float
    low: float | None
    high: float | None
    rows: int
    out_of_bounds: bool


def judge(
    forecasts: Sequence[Forecast],
    model: PublishedModel,
    patients: int | None = None,
    flagged: str = "alerts a patient",
) -> Iterator[Judgement]:
    """All figures of one week's forecasts: an index a feature, the mean forecast beside what was seen, what is flagged.

    `patients`: how many the forecasts are of. Those of one patient are no independent ones: chance is as large as with so
    many rows.
    """
    if not forecasts:
        return
    independent = 1.0 if patients is None else patients / len(forecasts)
    yield from _drift(forecasts, model, independent)
    known = [each for each in forecasts if each.outcome is not None]
    if known:
        yield _calibration(known, independent)
    yield _burden(forecasts, float(model.training["metrics"]["flagged"]), independent, flagged)


def _drift(forecasts: Sequence[Forecast], model: PublishedModel, independent: float) -> Iterator[Judgement]:
    rows = len(forecasts)
    for name, part in model.tables.get("reference", {}).items():
        reference = Reference.read(part)
        index = reference.psi([
            each.probability if name == PROBABILITY else each.values.get(name, math.nan) for each in forecasts
        ])  # fmt: skip
        bound = reference.bound(rows * independent)
        yield Judgement(Kind.DRIFT, name, index, None, bound, rows, index > bound)


def _calibration(known: Sequence[Forecast], independent: float) -> Judgement:
    """The mean forecast, bounded by the interval of the share that had the outcome."""
    forecast = math.fsum(each.probability for each in known) / len(known)
    events = sum(bool(each.outcome) for each in known)
    low, high = wilson(events * independent, len(known) * independent)
    return Judgement(
        Kind.CALIBRATION, "mean forecast", forecast, low, high, len(known), not low <= forecast <= high
    )


def _burden(forecasts: Sequence[Forecast], expected: float, independent: float, flagged: str) -> Judgement:
    """The share that is flagged. Out of bounds where even the lower end of the interval is above what is tolerated."""
    alerts, rows = sum(each.alert for each in forecasts), len(forecasts)
    bound = min(1.0, ALERTS_TOLERATED * expected)
    low, _ = wilson(alerts * independent, rows * independent)
    return Judgement(Kind.BURDEN, flagged, alerts / rows, None, bound, rows, low > bound)


def wilson(events: float, rows: float) -> tuple[float, float]:
    """The 95 % interval of a share."""
    share, weight = events / rows, _Z * _Z / rows
    middle = (share + weight / 2) / (1 + weight)
    reach = _Z / (1 + weight) * math.sqrt(share * (1 - share) / rows + weight / (4 * rows))
    return max(0.0, middle - reach), min(1.0, middle + reach)
