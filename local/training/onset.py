"""Trains the onset model: the first of each year, judged on later years and other patients."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from local.datasets.landmarks import (
    Landmark,
    as_in_fhir,
    facts_in,
    landmarks_of,
    last_instant,
    resources_in,
)
from local.datasets.stored_landmarks import stored_landmarks
from local.training import landmark_models
from local.training.evaluation import Evaluation
from local.training.landmark_models import SEEDS, SETTINGS, Landmarks, Say, Task
from local.training.publish import Trained
from shared.domain.features.patient.facts import Fact
from shared.domain.features.patient.features import FEATURES
from shared.domain.onset.cohort import HORIZON_DAYS, OUTCOME

__all__ = ["SEEDS", "SETTINGS", "train"]

YEARS = range(1980, 2030)
TASK = Task(
    "onset", "2026.11.1", [each.name for each in FEATURES if each.name != f"has_{OUTCOME}"],
    horizon_years=HORIZON_DAYS // 365, later_share=0.4, least=20, held_out=2,
)  # fmt: skip


def train(path: Path, say: Say, _work: Path) -> tuple[Trained, Evaluation, NDArray[np.float64]]:
    """The landmarks of a lake's feature store, else of all patients in bundles below a folder."""
    return landmark_models.train(TASK, Landmarks.read(TASK, path, stored_landmarks, _bundled), say)


def _bundled(files: list[Path]) -> list[Landmark]:
    facts: dict[Path, list[Fact]] = {}
    for file in files:
        with as_in_fhir(file):
            facts[file] = facts_in(resources_in(file))
    last = max(map(last_instant, facts.values()), default=datetime.min.replace(tzinfo=UTC))
    return [row for file in files for row in landmarks_of(file.name, facts[file], YEARS, last)]
