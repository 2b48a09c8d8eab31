"""Trains the sepsis model: gradient boosting on the features of each hour, weighted by what an alarm in it is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from local.datasets.evaluate import inputs_of, network_scores, raw_scores
from local.datasets.stays import UnreadableStay, read_stay, stay_files
from local.training import calibrate, metrics, networks
from local.training.checkpoints import Checkpoints
from local.training.compare import compared
from local.training.data import LICENCES, sha256_of
from local.training.evaluation import Evaluation
from local.training.export import as_array, forest_of, from_array, together
from local.training.folds import patient_folds
from local.training.publish import Trained
from local.training.utility import best_threshold, worth_of
from shared.domain.features.sepsis import COLUMNS, NAMES, Hour, sepsis_features
from shared.domain.models.forest import Forest
from shared.domain.models.network import Inputs, Networks

VERSION = "2026.11.2"
FOLDS = 5
# Of stays without sepsis a member sees every so many hours, each member other ones: neighbouring hours say nearly the same.
THINNED = 6
SETTINGS: dict[str, Any] = {
    "learning_rate": 0.08, "max_iter": 150, "max_leaf_nodes": 8, "max_features": 0.2, "max_bins": 63,
    "l2_regularization": 40.0, "min_samples_leaf": 150, "early_stopping": False,
}  # fmt: skip
# What a member learns: the worth of an alarm, or the label itself.
WORTH, LABEL = "worth", "label"
SEEDS = ((1, WORTH), (2, LABEL))
NETWORK_SEEDS = ((3, WORTH),)
_AT_ONCE = 2  # folds
_SAMPLED = 400  # every so many rows, for what moves the model
_COMPARED = 40  # every so many rows, for the comparison with simpler models

# Whether a variable was ever measured is an input of the networks.
_FLAGS = [place for place, name in enumerate(NAMES) if name.endswith(" last")]
_INPUTS = 10  # every so many rows, for the spread of the features

Say = Callable[[str], None]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stays:
    """The training data, one row an hour: features, label, worth of an alarm, stay, hour within the stay."""

    rows: Floats
    labels: NDArray[np.int8]
    gain: Floats
    ideal: NDArray[np.bool_]
    stay: NDArray[np.int64]
    hour: NDArray[np.int64]
    folds: NDArray[np.int64]
    person: dict[str, list[str]]

    def member_rows(self, rows: NDArray[np.bool_], phase: int) -> NDArray[np.bool_]:
        """Every hour of a stay with sepsis, some hours of the others."""
        return np.asarray(rows & (self.septic | ((self.hour + self.stay) % THINNED == phase % THINNED)))

    def target(self, rows: NDArray[np.bool_], target: str) -> tuple[NDArray[np.bool_], Floats]:
        """What some rows teach, and with what weight."""
        weight = np.where(self.septic[rows], 1.0, float(THINNED))
        if target == WORTH:
            return self.gain[rows] > 0, weight * np.abs(self.gain[rows])
        return self.labels[rows] == 1, weight

    @property
    def septic(self) -> NDArray[np.bool_]:
        """Whether the stay of a row has sepsis."""
        with_sepsis = np.zeros(int(self.stay.max()) + 1, bool)
        np.logical_or.at(with_sepsis, self.stay, self.labels == 1)
        return np.asarray(with_sepsis[self.stay])

    def utility(self, scores: Floats, threshold: float, rows: NDArray[np.bool_]) -> float:
        """The normalised utility of alarms from a threshold on, over some rows (whole stays)."""
        earned = float(self.gain[rows & (scores >= threshold)].sum())
        return earned / float(self.gain[rows & self.ideal].sum())


def train(path: Path, say: Say, work: Path) -> tuple[Trained, Evaluation, Floats]:
    """Cross-validates by stay, calibrates and chooses the threshold out of fold, and averages the folds' models.

    Also returns a sample of rows. `work` keeps the steps that are done.
    """
    files = stay_files(path)
    if not files:
        raise UnreadableStay(f"{path}: there is no .psv file in it")
    digest = sha256_of(files)
    data = _read(files, Checkpoints(work, key=[digest, NAMES]), say)
    done = Checkpoints(work, key=[digest, NAMES, SETTINGS, THINNED, networks.SETTINGS])
    inputs = networks.inputs_for(data.rows[::_INPUTS], _FLAGS)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        by_fold = list(pool.map(lambda fold: _models(data, inputs, done, fold, say), range(FOLDS)))
    trees, nets = _out_of_fold(data, by_fold, say)
    blend = networks.blend_of(trees, nets)
    raw = blend[0] * trees + blend[1] * nets
    calibration = calibrate.fit(raw, data.labels)
    probabilities = np.array([calibration.probability(float(each)) for each in raw])
    operating_point = calibration.probability(best_threshold(data.gain, raw))
    evaluation = Evaluation(
        labels=data.labels,
        probabilities=probabilities,
        folds=data.folds,
        operating_point=operating_point,
        groups=data.person,
        further=_utilities(data, raw, probabilities >= operating_point),
        compared=_compared(data),
    )
    # What is published is the mean of the folds' models: each saw four fifths of the stays, together they saw all.
    forest = together([grown for grown, _ in by_fold])
    members = Networks(inputs, [each for _, nets_of_fold in by_fold for each in nets_of_fold.members])
    trained = Trained(
        "sepsis", VERSION, NAMES, forest, calibration,
        operating_point, {},
        {"licence": LICENCES["sepsis"], "sha256": digest, "rows": len(data.labels), "stays": len(files)},
        evaluation.figures(),
        networks.columns_of(members, blend),
    )  # fmt: skip
    return trained, evaluation, data.rows[::_SAMPLED]


def _read(files: list[Path], done: Checkpoints, say: Say) -> Stays:
    with ProcessPoolExecutor(max_workers=2) as pool:
        read = list(pool.map(_stay, files, chunksize=64))
    say(f"{len(files)} stays, {sum(len(labels) for _, labels in read)} hours")
    labels = np.concatenate([np.asarray(each, np.int8) for _, each in read])
    sizes = [len(each) for _, each in read]
    stay = np.repeat(np.arange(len(files)), sizes)
    worths = [worth_of(np.asarray(each, np.int8)) for _, each in read]

    def features() -> Floats:
        with ProcessPoolExecutor(max_workers=2) as workers:
            parts = workers.map(_features, [hours for hours, _ in read], chunksize=64)
            return np.concatenate(list(parts))

    person = np.array([hours[0] for hours, _ in read])
    columns = {name: person[stay, COLUMNS.index(name)] for name in ("Age", "Gender", "Unit1")}
    return Stays(
        rows=done.get("features", features),
        labels=labels,
        gain=np.concatenate([worth.gain for worth in worths]),
        ideal=np.concatenate([worth.ideal for worth in worths]),
        stay=stay,
        hour=np.concatenate([np.arange(size) for size in sizes]),
        folds=patient_folds([str(each) for each in stay], labels, FOLDS, seed=13),
        person={
            "sex": ["male" if each == 1 else "female" for each in columns["Gender"]],
            "age": [f"{int(each // 15) * 15:02d} to {int(each // 15) * 15 + 14}" for each in columns["Age"]],
            "unit": [{1.0: "medical", 0.0: "surgical"}.get(each, "unknown") for each in columns["Unit1"]],
        },
    )


def _stay(file: Path) -> tuple[list[Hour], list[int]]:
    hours, labels = read_stay(file)
    if labels is None or not hours:
        raise UnreadableStay(f"{file}: a stay to train on needs hours and the column SepsisLabel")
    return hours, labels


def _features(hours: list[Hour]) -> Floats:
    return np.array(list(sepsis_features(hours)))


def _out_of_fold(data: Stays, by_fold: list[tuple[Forest, Networks]], say: Say) -> tuple[Floats, Floats]:
    """The raw scores of trees and networks, each row from models that saw no hour of its stay."""
    trees, nets = np.zeros(len(data.labels)), np.zeros(len(data.labels))
    for fold, (forest, members) in enumerate(by_fold):
        outside = data.folds == fold
        trees[outside] = raw_scores(forest, data.rows[outside])
        nets[outside] = network_scores(members, data.rows[outside])
        labels = data.labels[outside]
        say(
            f"fold {fold + 1} of {FOLDS}: AUROC of the trees {metrics.auroc(labels, trees[outside]):.4f}, "
            f"of the networks {metrics.auroc(labels, nets[outside]):.4f}"
        )
    return trees, nets


def _models(
    data: Stays, inputs: Inputs, done: Checkpoints, without: int, say: Say
) -> tuple[Forest, Networks]:
    """Trees and networks that learn from all folds but one."""
    say(f"training without fold {without + 1} of {FOLDS}")
    inside = data.folds != without
    forests, members = [], []
    for phase, target in SEEDS:

        def grown(phase: int = phase, target: str = target) -> Floats:
            return as_array(forest_of([_fit(data, data.member_rows(inside, phase), phase, target)]))

        forests.append(from_array(done.get(f"trees-{without}-{phase}-of-{FOLDS}", grown)))
    for phase, target in NETWORK_SEEDS:

        def fitted(phase: int = phase, target: str = target) -> Floats:
            rows = data.member_rows(inside, phase)
            wanted, weight = data.target(rows, target)
            return networks.fit(inputs_of(inputs, data.rows[rows]), wanted, weight, seed=phase)

        members.append(networks.network_of(done.get(f"network-{without}-{phase}-of-{FOLDS}", fitted)))
    return together(forests), Networks(inputs, members)


def _fit(data: Stays, rows: NDArray[np.bool_], phase: int, target: str) -> HistGradientBoostingClassifier:
    wanted, weight = data.target(rows, target)
    member = HistGradientBoostingClassifier(**SETTINGS, random_state=phase)
    return member.fit(data.rows[rows], wanted, sample_weight=weight)


def _utilities(data: Stays, raw: Floats, alarms: NDArray[np.bool_]) -> dict[str, float]:
    """The utility with the threshold of the other folds, by fold; and what alarms come to in patient-days."""
    by_fold, earned, possible = [], 0.0, 0.0
    for fold in range(FOLDS):
        outside = data.folds == fold
        chosen = best_threshold(data.gain[~outside], raw[~outside])
        by_fold.append(data.utility(raw, chosen, outside))
        share = float(data.gain[outside & data.ideal].sum())
        earned, possible = earned + by_fold[-1] * share, possible + share
    return {
        "utility": earned / possible,
        "utility_lowest_fold": min(by_fold),
        "utility_highest_fold": max(by_fold),
        "alert_hours_in_100_patient_days": 100 * 24 * float(alarms.mean()),
        "stays_with_an_alert": float(len(np.unique(data.stay[alarms])) / len(np.unique(data.stay))),
    }


def _compared(data: Stays) -> Mapping[str, Mapping[str, float]]:
    rows = (data.hour + data.stay) % _COMPARED == 0
    return compared(data.rows[rows], data.labels[rows], data.folds[rows] == 0)
