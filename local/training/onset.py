"""Trains the onset model: the first of each year, judged on later years and other patients."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from local.datasets.landmarks import as_in_fhir, facts_in, landmarks_of, last_instant, resources_in
from local.datasets.stored_landmarks import stored_landmarks
from local.training.landmark_data import landmarks_in
from shared.domain.features.patient.facts import Fact
from spark.training import landmark_models
from spark.training.artefact import Trained
from spark.training.evaluation import Evaluation
from spark.training.landmark_models import SEEDS, SETTINGS, Say
from spark.training.landmarks import Landmark
from spark.training.tasks import ONSET, YEARS

__all__ = ["SEEDS", "SETTINGS", "train"]


def train(path: Path, say: Say, _work: Path) -> tuple[Trained, Evaluation, NDArray[np.float64]]:
    """The landmarks of a lake's feature store, else of all patients in bundles below a folder."""
    return landmark_models.train(ONSET, landmarks_in(ONSET, path, stored_landmarks, _bundled), say)


def _bundled(files: list[Path]) -> list[Landmark]:
    facts: dict[Path, list[Fact]] = {}
    for file in files:
        with as_in_fhir(file):
            facts[file] = facts_in(resources_in(file))
    last = max(map(last_instant, facts.values()), default=datetime.min.replace(tzinfo=UTC))
    return [row for file in files for row in landmarks_of(file.name, facts[file], YEARS, last)]
