"""Trains the readmission model: gradient boosting on features of the encounter and of what came before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from local.datasets.encounters import LABEL, WITHIN_30_DAYS, read_encounters, with_earlier
from local.training.data import LICENCES, sha256_of
from local.training.rates import rates_for_others, rates_of
from shared.domain.features.readmission import WATCHED, Encounter, Rates, readmission_features
from shared.domain.models.drift import PROBABILITY
from spark.training import calibrate, metrics
from spark.training.artefact import Trained
from spark.training.compare import compared
from spark.training.evaluation import Evaluation
from spark.training.export import forest_of
from spark.training.folds import patient_folds
from spark.training.reference import references

VERSION = "2026.11.2"
FOLDS, SEEDS = 5, (1, 2)
SETTINGS: dict[str, Any] = {
    "learning_rate": 0.06, "max_iter": 150, "max_leaf_nodes": 12, "max_features": 0.15,
    "l2_regularization": 30.0, "min_samples_leaf": 60, "early_stopping": False,
}  # fmt: skip
# The tenth of encounters with the highest risk: what a discharge team can follow up.
FLAGGED = 0.1
_SAMPLED = 40  # every so many rows, for what moves the model

Say = Callable[[str], None]


@dataclass(frozen=True)
class Encounters:
    """The training data: encounters in the order of the file, and whether the patient was back within 30 days."""

    rows: list[dict[str, str]]
    earlier: list[list[Encounter]]
    labels: NDArray[np.int8]
    folds: NDArray[np.int64]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Encounters:
        """The encounters of `diabetic_data.csv`, itself or below a folder."""
        file = path if path.is_file() else next(path.rglob("diabetic_data.csv"), path / "diabetic_data.csv")
        rows = read_encounters(file)
        earlier: list[list[Encounter]] = [[] for _ in rows]
        for place, before in with_earlier(rows):
            earlier[place] = before
        labels = np.array([row[LABEL] == WITHIN_30_DAYS for row in rows], np.int8)
        folds = patient_folds([row["patient_nbr"] for row in rows], labels, FOLDS, seed=11)
        return cls(rows, earlier, labels, folds, sha256_of([file]))

    def matrix(self, places: NDArray[np.intp], rates: Callable[[int], Rates]) -> NDArray[np.float64]:
        """The features of some encounters, with the rates that `rates` gives for the place of each."""
        return np.array([
            list(readmission_features(self.rows[place], self.earlier[place], rates(place)).values())
            for place in places
        ])  # fmt: skip

    def training_matrix(self, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Features for training: the rates for an encounter come from the patients of other inner folds only."""
        chosen = [self.rows[place] for place in places]
        labels = self.labels[places]
        inner = patient_folds([row["patient_nbr"] for row in chosen], labels, FOLDS, seed=12)
        rates = rates_for_others(chosen, labels, inner)
        fold_of = dict(zip(places.tolist(), inner.tolist(), strict=True))
        return self.matrix(places, lambda place: rates[fold_of[place]])


def train(path: Path, say: Say, _work: Path) -> tuple[Trained, Evaluation, NDArray[np.float64]]:
    """Cross-validates by patient, calibrates out of fold, then trains on everything; also returns a sample of rows."""
    data = Encounters.read(path)
    everything = np.arange(len(data.rows))
    say(f"{len(data.rows)} encounters, {int(data.labels.sum())} followed by a readmission within 30 days")
    raw = np.empty(len(data.rows))
    for fold in range(FOLDS):
        inside, outside = np.flatnonzero(data.folds != fold), np.flatnonzero(data.folds == fold)
        rates = rates_of([data.rows[place] for place in inside], data.labels[inside])
        members = _fit(data.training_matrix(inside), data.labels[inside])
        rows = data.matrix(outside, lambda _place: rates)  # noqa: B023 - called before the next fold
        raw[outside] = np.mean([member.decision_function(rows) for member in members], axis=0)
        say(f"fold {fold + 1} of {FOLDS}: AUROC {metrics.auroc(data.labels[outside], raw[outside]):.4f}")
    probabilities = calibrated_out_of_fold(raw, data.labels, data.folds)
    calibration = calibrate.fit(raw, data.labels)
    operating_point = float(np.quantile(probabilities, 1 - FLAGGED))
    say("training on all encounters")
    rows = data.training_matrix(everything)
    members = _fit(rows, data.labels)
    rates = rates_of(data.rows, data.labels)
    features = list(readmission_features(data.rows[0], data.earlier[0], rates))
    evaluation = Evaluation(
        labels=data.labels,
        probabilities=probabilities,
        folds=data.folds,
        operating_point=operating_point,
        groups={
            "sex": [row["gender"] for row in data.rows],
            "age": [row["age"] for row in data.rows],
            "race": [row["race"] for row in data.rows],
        },
        compared=compared(rows, data.labels, data.folds == 0),
    )
    watched = {name: rows[:, features.index(name)] for name in WATCHED}
    trained = Trained(
        "readmission", VERSION, features, forest_of(members), calibration, operating_point,
        {"rates": rates, "reference": references(watched | {PROBABILITY: probabilities})},
        {"licence": LICENCES["readmission"], "sha256": data.sha256, "rows": len(data.rows)},
        evaluation.figures(),
    )  # fmt: skip
    return trained, evaluation, rows[::_SAMPLED]


def _fit(rows: NDArray[np.float64], labels: NDArray[np.int8]) -> list[HistGradientBoostingClassifier]:
    return [HistGradientBoostingClassifier(**SETTINGS, random_state=seed).fit(rows, labels) for seed in SEEDS]


def calibrated_out_of_fold(
    raw: NDArray[np.float64], labels: NDArray[np.int8], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Probabilities where each fold is calibrated on the scores of the others."""
    found = np.empty(len(raw))
    for fold in np.unique(folds):
        line = calibrate.fit(raw[folds != fold], labels[folds != fold])
        found[folds == fold] = [line.probability(float(each)) for each in raw[folds == fold]]
    return found
