"""What the models of the feature store have in common: landmarks, judged on other patients, by gradient boosting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from shared.domain.models.calibration import Calibration, DoesNotRise
from shared.domain.models.drift import PROBABILITY
from spark.training import calibrate, metrics
from spark.training.artefact import Trained
from spark.training.compare import compared
from spark.training.evaluation import Evaluation
from spark.training.export import forest_of
from spark.training.folds import patient_folds
from spark.training.landmarks import Landmark, UnreadablePatients
from spark.training.reference import references

FOLDS, SEEDS = 5, (1, 2, 3)
SETTINGS: dict[str, Any] = {
    "learning_rate": 0.05, "max_iter": 80, "max_leaf_nodes": 4, "max_features": 0.3, "l2_regularization": 10.0,
    "min_samples_leaf": 20, "early_stopping": False,
}  # fmt: skip
FLAGGED = 0.2
_BINS, _PRIOR = 5, 5.0  # few events: wide bins, drawn towards the logistic line by the weight of a few
_SAMPLED = 5
_FEWEST_PATIENTS = 2
_JUDGED = 10  # as many as the card has bins of calibration

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Task:
    """One outcome that follows landmarks.

    `later_share` is the share of landmarks, the latest ones, that forecasts are judged on, by models that saw no landmark
    whose horizon reaches into them; None judges all landmarks, by other patients alone. The outcome must follow `least`
    landmarks, of two patients or more. Of five folds the first `held_out` judge the simpler models.
    """

    name: str
    version: str
    features: Sequence[str]
    horizon_years: int
    later_share: float | None
    least: int
    held_out: int


@dataclass(frozen=True)
class Landmarks:
    """The training data: a row a patient and landmark, in order of patient and time; hash and licence of the data."""

    rows: list[Landmark]
    values: NDArray[np.float64]
    labels: NDArray[np.int8]
    folds: NDArray[np.int64]
    years: NDArray[np.int64]
    sha256: str
    licence: str

    @classmethod
    def of(cls, task: Task, rows: list[Landmark], sha256: str, licence: str) -> Landmarks:
        """The landmarks. Raises UnreadablePatients where the outcome follows too few."""
        labels = np.array([row.followed for row in rows], np.int8)
        patients = {row.patient for row in rows if row.followed}
        if labels.sum() < task.least or len(patients) < _FEWEST_PATIENTS:
            raise UnreadablePatients(
                f"the outcome follows {int(labels.sum())} landmarks of {len(patients)} patients: a model of {task.name} "
                f"needs {task.least}, of {_FEWEST_PATIENTS} patients or more"
            )
        return cls(
            rows, np.array([[row.values[name] for name in task.features] for row in rows]), labels,
            patient_folds([row.patient for row in rows], labels, FOLDS, seed=17),
            np.array([row.at.year for row in rows]), sha256, licence,
        )  # fmt: skip

    def split(self, task: Task) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which landmarks models may learn from, and which are judged; where both are all, patients tell them apart."""
        if task.later_share is None:
            return np.ones(len(self.rows), bool), np.ones(len(self.rows), bool)
        cut = int(np.quantile(self.years, 1 - task.later_share))
        return self.years + task.horizon_years <= cut, self.years >= cut

    def said(self) -> dict[str, Any]:
        """How much data it is: rows, and of those with the outcome how many, of how many patients."""
        return {
            "rows": len(self.rows),
            "events": int(self.labels.sum()),
            "patients": len({row.patient for row in self.rows}),
            "patients_with_event": len({row.patient for row in self.rows if row.followed}),
        }


def train(task: Task, data: Landmarks, say: Say) -> tuple[Trained, Evaluation, NDArray[np.float64]]:
    """Cross-validates by patient and time, calibrates on those forecasts, then trains on everything.

    Raises UnreadablePatients where there are too few landmarks, with and without the outcome, to learn from or to judge,
    and where the forecasts hardly tell landmarks apart: there is nothing to calibrate then.
    """
    closed, later = data.split(task)
    said = data.said()
    for purpose, chosen, least in _uses(task, data, closed, later):
        labels = data.labels[chosen]
        if len(labels) < least or (least > 1 and labels.min() == labels.max()):
            raise UnreadablePatients(
                f"{said['rows']} landmarks of {said['patients']} patients are too few, or of too few years: {purpose} takes "
                f"{least} or more{', with and without the outcome' * (least > 1)}, and there are {len(labels)}, of which "
                f"the outcome follows {int(labels.sum())}"
            )
    say(
        f"{said['rows']} landmarks of {said['patients']} patients, {said['events']} followed by the outcome; judged on "
        f"{int(later.sum())} from {data.years[later].min()} on"
    )
    raw = np.full(len(data.rows), np.nan)
    for fold in range(FOLDS):
        inside, outside = (data.folds != fold) & closed, (data.folds == fold) & later
        members = _fit(data.values[inside], data.labels[inside])
        raw[outside] = np.mean([member.decision_function(data.values[outside]) for member in members], axis=0)
        say(f"fold {fold + 1} of {FOLDS}: trained on {int(inside.sum())}, forecast {int(outside.sum())}")
    seen, labels = raw[later], data.labels[later]
    say(f"AUROC {metrics.auroc(labels, seen):.4f}")
    try:
        calibration = _calibration(seen, labels)
        calibration.check()
        probabilities = _calibrated(seen, labels, data.folds[later])
    except DoesNotRise as alike:
        raise UnreadablePatients(
            f"the outcome follows {said['events']} of {said['rows']} landmarks: so few that forecasts are alike, or "
            "all right"
        ) from alike
    say("training on all landmarks")
    members = _fit(data.values, data.labels)
    evaluation = Evaluation(
        labels=labels,
        probabilities=probabilities,
        folds=data.folds[later],
        operating_point=float(np.quantile(probabilities, 1 - FLAGGED)),
        groups=_groups([row for row, use in zip(data.rows, later, strict=True) if use]),
        compared=compared(*_judged(task, data, closed, later)),
    )
    watched = dict(zip(task.features, data.values[later].T, strict=True))
    trained = Trained(
        task.name, task.version, task.features, forest_of(members), calibration,
        evaluation.operating_point, {"reference": references({**watched, PROBABILITY: probabilities})},
        {"licence": data.licence, "sha256": data.sha256, **said}, evaluation.figures(),
    )  # fmt: skip
    return trained, evaluation, data.values[::_SAMPLED]


def _uses(
    task: Task, data: Landmarks, closed: NDArray[np.bool_], later: NDArray[np.bool_]
) -> Iterator[tuple[str, NDArray[np.bool_], int]]:
    """What landmarks are taken for, which ones, and how many it takes: more than one are some of either outcome."""
    for fold in range(FOLDS):
        inside = data.folds == fold
        yield f"learning for fold {fold + 1} of {FOLDS}", ~inside & closed, 2
        yield f"judging fold {fold + 1} of {FOLDS}", inside & later, 1
        yield f"calibrating fold {fold + 1} of {FOLDS}", ~inside & later, _BINS
    yield "judging the whole", later, _JUDGED
    out = data.folds < task.held_out
    yield "learning for the comparison", ~out & closed, 2
    yield "judging the comparison", out & later, 2


def _judged(
    task: Task, data: Landmarks, closed: NDArray[np.bool_], later: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int8], NDArray[np.bool_]]:
    """Rows, labels and which are held out: the judged landmarks of the patients of some folds."""
    out = data.folds < task.held_out
    held_out = out & later
    chosen = held_out | (~out & closed)
    values = _without_empty(data.values[chosen], ~held_out[chosen])
    return values, data.labels[chosen], held_out[chosen]


def _without_empty(values: NDArray[np.float64], learned: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Zeros for a feature that none of the rows to learn from has: no tree asks for it, and scikit-learn cannot bin it."""
    return np.where(np.isnan(values[learned]).all(axis=0), 0.0, values)


def _fit(values: NDArray[np.float64], labels: NDArray[np.int8]) -> list[HistGradientBoostingClassifier]:
    learned = _without_empty(values, np.ones(len(values), bool))
    return [
        HistGradientBoostingClassifier(**SETTINGS, random_state=seed).fit(learned, labels) for seed in SEEDS
    ]


def _calibration(raw: NDArray[np.float64], labels: NDArray[np.int8]) -> Calibration:
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
    ages = [row.values["age_years"] for row in rows]
    decades = [None if np.isnan(age) else int(age // 20) * 20 for age in ages]
    return {
        "sex": [sexes.get(row.values["female"], "unknown") for row in rows],
        "age": ["unknown" if each is None else f"{each} to {each + 19}" for each in decades],
    }
