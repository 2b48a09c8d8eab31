"""Scores hospital encounters with the shipped readmission model."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from local.datasets.encounters import read_encounters, with_earlier
from local.datasets.evaluate import model_scores, probabilities
from shared.domain.features.readmission import readmission_features
from shared.domain.models.artefact import RefusedModel
from shared.domain.models.shipped import shipped_model


def score_encounters(source: Path, target: Path, told: list[str]) -> int:
    """Writes the probability of every encounter, in the order of the file; returns how many there are.

    `told` gets a sentence for each line that is not whole.
    """
    model = shipped_model("readmission")
    encounters = read_encounters(source, told)
    matrix = np.full((len(encounters), len(model.features)), np.nan)
    for place, earlier in with_earlier(encounters):
        features = readmission_features(encounters[place], earlier, model.tables["rates"])
        if place == 0 and tuple(features) != model.features:
            raise RefusedModel("the readmission model was trained on other features: train it anew")
        matrix[place] = list(features.values())
    scores = probabilities(model.calibration, model_scores(model, matrix))
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("encounter_id", "probability"))
        for encounter, score in zip(encounters, scores.tolist(), strict=True):
            table.writerow((encounter["encounter_id"], f"{score:.9f}"))
    return len(encounters)
