"""Trains the onset model: gradient boosting on the features of a patient, judged on later years and other patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from local.datasets.landmarks import (
    Landmark,
    UnreadablePatients,
    bundle_files,
    facts_in,
    landmarks_of,
    last_instant,
)
from local.datasets.stored_landmarks import has_store, store_files, stored_landmarks
from local.training import calibrate, metrics
from local.training.compare import compared
from local.training.data import LICENCES, sha256_of
from local.training.evaluation import Evaluation
from local.training.export import forest_of
from local.training.folds import patient_folds
from local.training.publish import Trained
from local.training.reference import references
from shared.domain.features.patient.features import FEATURES
from shared.domain.models.drift import PROBABILITY
from shared.domain.onset.cohort import HORIZON_DAYS, OUTCOME

VERSION = "2026.11.1"
FOLDS, SEEDS = 5, (1, 2, 3)
YEARS = range(1980, 2030)
SETTINGS: dict[str, Any] = {
    "learning_rate": 0.05, "max_iter": 80, "max_leaf_nodes": 4, "max_features": 0.3, "l2_regularization": 10.0,
    "min_samples_leaf": 20, "early_stopping": False,
}  # fmt: skip
LATER_SHARE = 0.4
"""The share of landmarks, the latest ones, that forecasts are judged on."""
FLAGGED = 0.2
LEAST_ONSETS = 20
_BINS, _PRIOR = 5, 5.0  # few events: wide bins, drawn towards the logistic line by the weight of a few
_SAMPLED = 5
_NAMES = [each.name for each in FEATURES if each.name != f"has_{OUTCOME}"]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Landmarks:
    """The training data: a row a patient and landmark, in order of patient and time."""

    rows: list[Landmark]
    values: NDArray[np.float64]
    labels: NDArray[np.int8]
    folds: NDArray[np.int64]
    years: NDArray[np.int64]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Landmarks:
        """The landmarks of a lake's feature store, else of all patients in bundles below a folder."""
        if has_store(path):
            rows, files = stored_landmarks(path), store_files(path)
        else:
            rows, files = _of_bundles(bundle_files(path))
        labels = np.array([row.onset for row in rows], np.int8)
        if labels.sum() < LEAST_ONSETS:
            raise UnreadablePatients(
                f"the outcome follows {int(labels.sum())} landmarks in {path}: a model needs {LEAST_ONSETS}"
            )
        return cls(
            rows, np.array([[row.values[name] for name in _NAMES] for row in rows]), labels,
            patient_folds([row.patient for row in rows], labels, FOLDS, seed=17),
            np.array([row.at.year for row in rows]), sha256_of(files),
        )  # fmt: skip

    @property
    def first_later_year(self) -> int:
        """From this year on landmarks are forecast, by models that saw no landmark whose horizon reaches into it."""
        return int(np.quantile(self.years, 1 - LATER_SHARE))


def _of_bundles(files: list[Path]) -> tuple[list[Landmark], list[Path]]:
    facts = {file.name: facts_in(file) for file in files}
    last = max(map(last_instant, facts.values()), default=datetime.min.replace(tzinfo=UTC))
    return [row for name in facts for row in landmarks_of(name, facts[name], YEARS, last)], files


def train(path: Path, say: Say, _work: Path) -> tuple[Trained, Evaluation, NDArray[np.float64]]:
    """Cross-validates by patient and time, calibrates on those forecasts, then trains on everything."""
    data = Landmarks.read(path)
    cut = data.first_later_year
    closed = data.years + HORIZON_DAYS // 365 <= cut
    later = data.years >= cut
    say(
        f"{len(data.rows)} landmarks of {len({row.patient for row in data.rows})} patients, {int(data.labels.sum())} "
        f"followed by the onset; judged on {int(later.sum())} from {cut} on"
    )
    raw = np.full(len(data.rows), np.nan)
    for fold in range(FOLDS):
        inside, outside = (data.folds != fold) & closed, (data.folds == fold) & later
        members = _fit(data.values[inside], data.labels[inside])
        raw[outside] = np.mean([member.decision_function(data.values[outside]) for member in members], axis=0)
        say(f"fold {fold + 1} of {FOLDS}: trained on {int(inside.sum())}, forecast {int(outside.sum())}")
    seen, labels = raw[later], data.labels[later]
    say(f"AUROC {metrics.auroc(labels, seen):.4f}")
    probabilities = _calibrated(seen, labels, data.folds[later])
    say("training on all landmarks")
    members = _fit(data.values, data.labels)
    evaluation = Evaluation(
        labels=labels,
        probabilities=probabilities,
        folds=data.folds[later],
        operating_point=float(np.quantile(probabilities, 1 - FLAGGED)),
        groups=_groups([row for row, use in zip(data.rows, later, strict=True) if use]),
        compared=compared(*_judged(data, closed, later)),
    )
    trained = Trained(
        "onset", VERSION, _NAMES, forest_of(members), _calibration(seen, labels), evaluation.operating_point,
        {"reference": references({**dict(zip(_NAMES, data.values[later].T, strict=True)), PROBABILITY: probabilities})},
        {"licence": LICENCES["onset"], "sha256": data.sha256, "rows": len(data.rows)}, evaluation.figures(),
    )  # fmt: skip
    return trained, evaluation, data.values[::_SAMPLED]


def _judged(
    data: Landmarks, closed: NDArray[np.bool_], later: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int8], NDArray[np.bool_]]:
    """Rows, labels and which are held out: the later years of a fifth of the patients and of their neighbours'."""
    held_out = (data.folds < 2) & later
    chosen = held_out | ((data.folds >= 2) & closed)
    return data.values[chosen], data.labels[chosen], held_out[chosen]


def _fit(values: NDArray[np.float64], labels: NDArray[np.int8]) -> list[HistGradientBoostingClassifier]:
    return [
        HistGradientBoostingClassifier(**SETTINGS, random_state=seed).fit(values, labels) for seed in SEEDS
    ]


def _calibration(raw: NDArray[np.float64], labels: NDArray[np.int8]) -> Any:
    return calibrate.fit(raw, labels, bins=_BINS, prior=_PRIOR)


def _calibrated(
    raw: NDArray[np.float64], labels: NDArray[np.int8], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Probabilities where each fold is calibrated on the scores of the others."""
    found = np.empty(len(raw))
    for fold in np.unique(folds):
        line = _calibration(raw[folds != fold], labels[folds != fold])
        found[folds == fold] = [line.probability(float(each)) for each in raw[folds == fold]]
    return found


def _groups(rows: list[Landmark]) -> dict[str, list[str]]:
    sexes = {1.0: "female", 0.0: "male"}
    decades = [int(row.values["age_years"] // 20) * 20 for row in rows]
    return {
        "sex": [sexes.get(row.values["female"], "unknown") for row in rows],
        "age": [f"{decade} to {decade + 19}" for decade in decades],
    }
