"""The hours of many stays as one table to train on: features, label, worth of an alarm, stay and fold of each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from local.datasets.stays import UnreadableStay, read_stay
from local.training.checkpoints import Checkpoints
from local.training.utility import worth_of
from shared.domain.features.sepsis import COLUMNS, Hour, sepsis_features
from spark.training.folds import patient_folds

FOLDS = 5
# Of stays without sepsis a member sees every so many hours, each member other ones: neighbouring hours say nearly the same.
THINNED = 6
# What a member learns: the worth of an alarm, or the label itself.
WORTH, LABEL = "worth", "label"

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

    def member_rows(self, rows: NDArray[np.bool_], phase: int, thinned: int = THINNED) -> NDArray[np.bool_]:
        """Every hour of a stay with sepsis, some hours of the others."""
        return np.asarray(rows & (self.septic | ((self.hour + self.stay) % thinned == phase % thinned)))

    def target(
        self, rows: NDArray[np.bool_], target: str, thinned: int = THINNED
    ) -> tuple[NDArray[np.bool_], Floats]:
        """What some rows teach, and with what weight."""
        weight = np.where(self.septic[rows], 1.0, float(thinned))
        if target == WORTH:
            return self.gain[rows] > 0, weight * np.abs(self.gain[rows])
        return self.labels[rows] == 1, weight

    @cached_property
    def septic(self) -> NDArray[np.bool_]:
        """Whether the stay of a row has sepsis."""
        with_sepsis = np.zeros(int(self.stay.max()) + 1, bool)
        np.logical_or.at(with_sepsis, self.stay, self.labels == 1)
        return np.asarray(with_sepsis[self.stay])

    def utility(self, scores: Floats, threshold: float, rows: NDArray[np.bool_]) -> float:
        """The normalised utility of alarms from a threshold on, over some rows (whole stays)."""
        earned = float(self.gain[rows & (scores >= threshold)].sum())
        return earned / float(self.gain[rows & self.ideal].sum())

    def alerts(self, alarms: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The hours in which an alert begins: an alarm after two hours of the stay without one, as in service."""
        begins = alarms.copy()
        for back in (1, 2):
            begins[back:] &= ~(alarms[:-back] & (self.hour[back:] >= back))
        return begins


def read_stays(files: list[Path], done: Checkpoints, say: Say) -> Stays:
    """The table of all hours; the features are read from `done` where they were computed before."""
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
