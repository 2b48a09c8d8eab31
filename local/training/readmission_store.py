"""Trains a readmission model on the feature store: the end of each acute inpatient stay, judged on other patients."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from local.datasets.discharges import discharges_of
from local.datasets.landmarks import as_in_fhir, facts_in, last_instant, resources_in
from local.datasets.stored_landmarks import stored_discharges
from local.training.landmark_data import landmarks_in
from shared.domain.features.patient.facts import Fact
from spark.training import landmark_models
from spark.training.artefact import Trained
from spark.training.evaluation import Evaluation
from spark.training.landmark_models import SEEDS, SETTINGS, Say
from spark.training.landmarks import Landmark
from spark.training.tasks import READMISSION

__all__ = ["SEEDS", "SETTINGS", "train"]


def train(path: Path, say: Say, _work: Path) -> tuple[Trained, Evaluation, NDArray[np.float64]]:
    """The discharges in a lake's feature store, else of all patients in bundles below a folder."""
    return landmark_models.train(
        READMISSION, landmarks_in(READMISSION, path, stored_discharges, _bundled), say
    )


def _bundled(files: list[Path]) -> list[Landmark]:
    resources: dict[Path, list[Any]] = {}
    facts: dict[Path, list[Fact]] = {}
    for file in files:
        with as_in_fhir(file):
            resources[file] = resources_in(file)
            facts[file] = facts_in(resources[file])
    last = max(map(last_instant, facts.values()), default=datetime.min.replace(tzinfo=UTC))
    rows: list[Landmark] = []
    for file in files:
        with as_in_fhir(file):
            rows += discharges_of(file.name, resources[file], facts[file], last)
    return rows
