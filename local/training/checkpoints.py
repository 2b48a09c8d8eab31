"""Finished steps of a long training, kept so that an interrupted run goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Checkpoints:
    """Arrays by step. The folder's name holds a hash of data and settings: other ones never meet them."""

    def __init__(self, folder: Path, *, key: Any) -> None:
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        self._folder = folder / digest[:16]

    def get(self, step: str, make: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
        """The array of a step: as it was kept, or made now and kept."""
        path = self._folder / f"{step}.npy"
        if path.exists():
            return np.asarray(np.load(path))
        made = make()
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.save(file, made)
        partial.replace(path)
        return made
