"""Logistic regression, random forest and gradient boosting side by side, and what moves the published model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shared.domain.models.artefact import PublishedModel
from spark.training import metrics

_MOST_SHOWN = 20


def compared(
    rows: NDArray[np.float64], labels: NDArray[np.int8], held_out: NDArray[np.bool_]
) -> Mapping[str, Mapping[str, float]]:
    """Model → AUROC, AUPRC and Brier score on the rows held out."""
    models = {
        "logistic regression": make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
            StandardScaler(),
            LogisticRegression(C=0.05, max_iter=400),
        ),
        "random forest": make_pipeline(
            SimpleImputer(strategy="median", keep_empty_features=True),
            RandomForestClassifier(n_estimators=100, min_samples_leaf=20, max_depth=14, random_state=1),
        ),
        "histogram gradient boosting": HistGradientBoostingClassifier(
            learning_rate=0.06, max_iter=150, max_leaf_nodes=12, max_features=0.3, l2_regularization=30.0,
            early_stopping=False, random_state=1,
        ),
    }  # fmt: skip
    found = {}
    for name, model in models.items():
        model.fit(rows[~held_out], labels[~held_out])
        forecast = model.predict_proba(rows[held_out])[:, 1]
        seen = labels[held_out]
        found[name] = {
            "AUROC": metrics.auroc(seen, forecast),
            "AUPRC": metrics.auprc(seen, forecast),
            "Brier": metrics.brier(seen, forecast),
        }
    return found


def importance(model: PublishedModel, rows: NDArray[np.float64]) -> list[tuple[str, float]]:
    """The features with the largest mean absolute contribution over these rows."""
    total: dict[int, float] = {}
    for row in rows.tolist():
        for feature, moved in model.forest.contributions(row).items():
            total[feature] = total.get(feature, 0.0) + abs(moved) / len(rows)
    ranked = sorted(total.items(), key=lambda item: -item[1])[:_MOST_SHOWN]
    return [(model.features[feature], moved) for feature, moved in ranked]
