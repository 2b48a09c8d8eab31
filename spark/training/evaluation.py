"""The out-of-fold figures of a model, whole, by fold and by subgroup: what its card and its run record say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.domain.models.artefact import PublishedModel
from spark.training import metrics
from spark.training.compare import importance

_SMALLEST_GROUP = 200  # rows; figures of fewer say little


@dataclass(frozen=True)
class Evaluation:
    """Out-of-fold forecasts with what happened. `further` holds figures of the model's own, such as a utility."""

    labels: NDArray[np.int8]
    probabilities: NDArray[np.float64]
    folds: NDArray[np.int64]
    operating_point: float
    groups: Mapping[str, Sequence[str]]
    further: Mapping[str, float] = field(default_factory=dict)
    importance: Sequence[tuple[str, float]] = ()
    compared: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def alarms(self) -> NDArray[np.bool_]:
        """The rows at or above the operating point."""
        return self.probabilities >= self.operating_point

    def figures(self) -> dict[str, Any]:
        """Name → figure, rounded as it is published."""
        both = [fold for fold in np.unique(self.folds) if len(set(self.labels[self.folds == fold])) > 1]
        by_fold = [
            metrics.auroc(self.labels[self.folds == fold], self.probabilities[self.folds == fold])
            for fold in both
        ]
        burden = metrics.burden(self.labels, self.alarms)
        found = {
            "auroc": metrics.auroc(self.labels, self.probabilities),
            "auroc_lowest_fold": min(by_fold),
            "auroc_highest_fold": max(by_fold),
            "auprc": metrics.auprc(self.labels, self.probabilities),
            "brier": metrics.brier(self.labels, self.probabilities),
            "ece": metrics.calibration_error(self.labels, self.probabilities),
            "prevalence": float(self.labels.mean()),
            "sensitivity": burden.sensitivity,
            "specificity": burden.specificity,
            "ppv": burden.ppv,
            "flagged": burden.flagged,
            **self.further,
        }
        return {name: round(float(value), 4) for name, value in found.items()}

    def with_importance(self, model: PublishedModel, rows: NDArray[np.float64]) -> Evaluation:
        """The same with the features that move the model most over these rows."""
        return replace(self, importance=importance(model, rows))

    def subgroups(self) -> list[tuple[str, str, int, float, float]]:
        """Group, value, rows, AUROC, and forecast minus seen rate, for every group that is large enough."""
        found = []
        for group, values in self.groups.items():
            given = np.asarray(values)
            for value in sorted(set(values)):
                rows = given == value
                labels, forecast = self.labels[rows], self.probabilities[rows]
                if len(labels) >= _SMALLEST_GROUP and 0 < labels.sum() < len(labels):
                    bias = float(forecast.mean() - labels.mean())
                    found.append((group, value, len(labels), metrics.auroc(labels, forecast), bias))
        return found
