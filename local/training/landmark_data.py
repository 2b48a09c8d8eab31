"""The landmarks to train on that a path holds: those of a lake, or of FHIR bundles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from local.datasets.landmarks import bundle_files
from local.datasets.stored_landmarks import has_store
from local.training.data import LICENCES, sha256_of
from spark.training.landmark_models import Landmarks, Task
from spark.training.landmarks import Landmark, sha256_of_landmarks


def landmarks_in(
    task: Task,
    path: Path,
    stored: Callable[[Path], list[Landmark]],
    bundled: Callable[[list[Path]], list[Landmark]],
) -> Landmarks:
    """Those of a lake, `stored` in its features, else of the bundles below a folder. Raises UnreadablePatients."""
    licence = LICENCES[task.name]
    if has_store(path):
        rows = stored(path)
        return Landmarks.of(task, rows, sha256_of_landmarks(rows), licence)
    files = bundle_files(path)
    return Landmarks.of(task, bundled(files), sha256_of(files), licence)
