"""Trains the sepsis model: gradient boosting on the features of each hour, weighted by what an alarm in it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from local.datasets.evaluate import inputs_of, network_scores, raw_scores
from local.datasets.stays import UnreadableStay, stay_files
from local.training import networks
from local.training.boosting import Boosting, Settings, boosted
from local.training.checkpoints import Checkpoints
from local.training.data import LICENCES, sha256_of
from local.training.stay_table import FOLDS, LABEL, THINNED, WORTH, Floats, Say, Stays, read_stays
from local.training.utility import best_threshold
from shared.domain.features.sepsis import MEASURED, NAMES
from shared.domain.models.drift import PROBABILITY
from shared.domain.models.forest import Forest
from shared.domain.models.network import Inputs, Networks
from spark.training import calibrate, metrics
from spark.training.artefact import Trained
from spark.training.compare import compared
from spark.training.evaluation import Evaluation
from spark.training.export import as_array, asking, forest_of, from_array, gains_of, together
from spark.training.reference import references

VERSION = "2026.11.4"
BOOSTING = Settings()
SETTINGS: dict[str, Any] = asdict(BOOSTING)
SEEDS = ((1, WORTH), (2, LABEL))
NETWORK_SEEDS = ((3, WORTH),)
# More than half of the features only add chance: the ones that a first look's trees gain most from are kept.
KEPT = 160
_FIRST_LOOK = Settings(max_iter=80)
_FIRST_LOOK_THINNED = 12
_SAMPLED = 400  # every so many rows, for what moves the model
_COMPARED = 40  # every so many rows, for the comparison with simpler models
_INPUTS = 40  # every so many rows, for the spread of the features


# Whether a variable was ever measured is an input of the networks.
_FLAGS = [place for place, name in enumerate(NAMES) if name.endswith(" last")]


@dataclass(frozen=True)
class Fitted:
    """What some stays taught: places of the features that were kept, trees and networks that ask for them in this order."""

    kept: list[int]
    forest: Forest
    networks: Networks

    def scores(self, rows: Floats) -> tuple[Floats, Floats]:
        """The raw scores of trees and networks for rows with all features."""
        known = rows[:, self.kept]
        return raw_scores(self.forest, known), network_scores(self.networks, known)


def train(path: Path, say: Say, work: Path) -> tuple[Trained, Evaluation, Floats]:
    """Cross-validates by stay, calibrates and chooses the threshold out of fold, and averages the folds' models.

    Also returns a sample of rows. `work` keeps the steps that are done.
    """
    files = stay_files(path)
    if not files:
        raise UnreadableStay(f"{path}: there is no .psv file in it")
    digest = sha256_of(files)
    data = read_stays(files, Checkpoints(work, key=[digest, NAMES]), say)
    done = Checkpoints(work, key=[digest, NAMES, SETTINGS, THINNED, KEPT, networks.SETTINGS])
    inputs = networks.inputs_for(data.rows[::_INPUTS], _FLAGS)
    by_fold, trees, nets = _by_fold(data, inputs, done, say)
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
    places, forest, members = _joined(by_fold, inputs)
    trained = Trained(
        "sepsis", VERSION, [NAMES[place] for place in places], forest, calibration,
        operating_point, {"reference": _reference(data, probabilities)},
        {"licence": LICENCES["sepsis"], "sha256": digest, "rows": len(data.labels), "stays": len(files)},
        evaluation.figures(),
        networks.columns_of(members, blend),
    )  # fmt: skip
    return trained, evaluation, data.rows[::_SAMPLED, places]


def _reference(data: Stays, probabilities: Floats) -> dict[str, Any]:
    """The last reading of each variable, as it was known in each hour, and the forecasts."""
    last = {name: data.rows[:, NAMES.index(f"{name} last")] for name in MEASURED}
    columns = {name: np.asarray(column, np.float64) for name, column in last.items()}
    return references({**columns, PROBABILITY: probabilities}, patients=len(np.unique(data.stay)))


def _by_fold(data: Stays, inputs: Inputs, done: Checkpoints, say: Say) -> tuple[list[Fitted], Floats, Floats]:
    """The folds' models, and the raw scores of trees and networks: each row from models that saw no hour of its stay."""
    fitted = []
    trees, nets = np.zeros(len(data.labels)), np.zeros(len(data.labels))
    for fold in range(FOLDS):
        say(f"training without fold {fold + 1} of {FOLDS}")
        outside = data.folds == fold
        fitted.append(fit_fold(data, inputs, done, fold))
        trees[outside], nets[outside] = fitted[-1].scores(data.rows[outside])
        labels = data.labels[outside]
        say(
            f"fold {fold + 1} of {FOLDS}: AUROC of the trees {metrics.auroc(labels, trees[outside]):.4f}, "
            f"of the networks {metrics.auroc(labels, nets[outside]):.4f}"
        )
    return fitted, trees, nets


def fit_fold(data: Stays, inputs: Inputs, done: Checkpoints, without: int) -> Fitted:
    """What the other folds teach: features are chosen, trees and networks fitted on their stays alone."""
    name, inside = f"without-{without}-of-{FOLDS}", data.folds != without
    kept = done.get(f"kept-{name}", lambda: _first_look(data, inside)).astype(int).tolist()
    forests = []
    for phase, target in SEEDS:

        def grown(phase: int = phase, target: str = target) -> Floats:
            return as_array(forest_of([_fit(data, inside, kept, phase, target)]))

        forests.append(from_array(done.get(f"trees-{phase}-{target}-{name}", grown)))
    narrow = networks.narrowed(inputs, kept)
    members = []
    for phase, target in NETWORK_SEEDS:

        def fitted(phase: int = phase, target: str = target) -> Floats:
            rows = data.member_rows(inside, phase)
            wanted, weight = data.target(rows, target)
            cleaned = inputs_of(narrow, data.rows[np.flatnonzero(rows)[:, None], kept])
            return networks.fit(cleaned, wanted, weight, seed=phase)

        members.append(networks.network_of(done.get(f"network-{phase}-{target}-{name}", fitted)))
    return Fitted(kept, together(forests), Networks(narrow, members))


def _first_look(data: Stays, inside: NDArray[np.bool_]) -> Floats:
    """The places of the features that the trees of a first look gain most from."""
    rows = data.member_rows(inside, 0, _FIRST_LOOK_THINNED)
    wanted, weight = data.target(rows, LABEL, _FIRST_LOOK_THINNED)
    gains = gains_of(boosted(data.rows[rows], wanted, weight, _FIRST_LOOK, seed=0), len(NAMES))
    return np.sort(np.argsort(-gains, kind="stable")[:KEPT]).astype(np.float64)


def _joined(by_fold: Sequence[Fitted], inputs: Inputs) -> tuple[list[int], Forest, Networks]:
    """The features that any fold kept, and all trees and networks asking for them."""
    places = sorted({place for fitted in by_fold for place in fitted.kept})
    forests = [asking(fitted.forest, [places.index(place) for place in fitted.kept]) for fitted in by_fold]
    wide = networks.narrowed(inputs, places)
    members = [
        networks.widened(member, fitted.networks.inputs, wide, [places.index(place) for place in fitted.kept])
        for fitted in by_fold
        for member in fitted.networks.members
    ]
    return places, together(forests), Networks(wide, members)


def _fit(data: Stays, inside: NDArray[np.bool_], kept: list[int], phase: int, target: str) -> Boosting:
    """One member, on the features that are kept; other phases see other hours."""
    rows = data.member_rows(inside, phase)
    wanted, weight = data.target(rows, target)
    return boosted(data.rows[np.flatnonzero(rows)[:, None], kept], wanted, weight, BOOSTING, seed=phase)


def _utilities(data: Stays, raw: Floats, alarms: NDArray[np.bool_]) -> dict[str, float]:
    """The utility with the threshold of the other folds, by fold; and what alarms come to in patient-days."""
    by_fold, earned, possible = [], 0.0, 0.0
    for fold in range(FOLDS):
        outside = data.folds == fold
        chosen = best_threshold(data.gain[~outside], raw[~outside])
        by_fold.append(data.utility(raw, chosen, outside))
        share = float(data.gain[outside & data.ideal].sum())
        earned, possible = earned + by_fold[-1] * share, possible + share
    alerts = data.alerts(alarms)
    return {
        "utility": earned / possible,
        "utility_lowest_fold": min(by_fold),
        "utility_highest_fold": max(by_fold),
        "alert_hours_in_100_patient_days": 100 * 24 * float(alarms.mean()),
        "alerts_in_100_patient_days": 100 * 24 * float(alerts.mean()),
        "alerts_in_stays_with_sepsis": float(data.septic[alerts].mean()),
        "stays_with_an_alert": float(len(np.unique(data.stay[alarms])) / len(np.unique(data.stay))),
    }


def _compared(data: Stays) -> Mapping[str, Mapping[str, float]]:
    rows = (data.hour + data.stay) % _COMPARED == 0
    return compared(data.rows[rows], data.labels[rows], data.folds[rows] == 0)
