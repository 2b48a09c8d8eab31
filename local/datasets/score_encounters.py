"""Scores hospital encounters with the shipped readmission model."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from local.datasets.encounters import NUMBER, read_encounters, told_apart, with_earlier
from local.datasets.evaluate import model_scores, probabilities
from shared.domain.features.readmission import readmission_features, unreadable
from shared.domain.models.artefact import PublishedModel


@dataclass(frozen=True, slots=True)
class Scored:
    """How much was scored, and what is odd about the file.

    `problems`: a sentence for each line that is not whole; `repeated`: lines whose encounter came before; `unreadable`: by
    column how many values count as not known because the data set has none like them.
    """

    encounters: int
    problems: tuple[str, ...]
    repeated: int
    unreadable: Counter[str]


def score_encounters(source: Path, target: Path, model: PublishedModel) -> Scored:
    """Writes the probability of every encounter, in the order of the file. Raises UnreadableEncounters."""
    problems: list[str] = []
    encounters = read_encounters(source, problems)
    matrix = np.full((len(encounters), len(model.features)), np.nan)
    for place, earlier in with_earlier(encounters):
        features = readmission_features(encounters[place], earlier, model.tables["rates"])
        matrix[place] = list(features.values())
    scores = probabilities(model.calibration, model_scores(model, matrix))
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("encounter_id", "probability"))
        for encounter, score in zip(encounters, scores.tolist(), strict=True):
            table.writerow((encounter["encounter_id"], f"{score:.9f}"))
    numbers = set(told_apart(encounters, NUMBER))
    unknown = Counter(column for each in encounters for column in unreadable(each))
    return Scored(len(encounters), tuple(problems), len(encounters) - len(numbers), unknown)
