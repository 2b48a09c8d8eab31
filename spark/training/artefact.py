"""What a training made, as the bytes of an artefact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version as version_of
from typing import Any

from shared.domain.models.artefact import pack
from shared.domain.models.calibration import Calibration
from shared.domain.models.forest import Forest
from spark.training.export import columns_of


@dataclass(frozen=True, slots=True)
class Trained:
    """Everything an artefact is made of, but for the run it comes from."""

    name: str
    version: str
    features: Sequence[str]
    forest: Forest
    calibration: Calibration
    operating_point: float
    tables: Mapping[str, Any]
    data: Mapping[str, Any]
    metrics: Mapping[str, Any]
    networks: Mapping[str, Any] | None = None


def packed(trained: Trained, run_id: str, command: str) -> bytes:
    """The artefact: the same bytes of the same training by the same libraries. `command` is what trains it again."""
    libraries = {name: version_of(name) for name in ("scikit-learn", "numpy")}
    return pack({
        "name": trained.name,
        "version": trained.version,
        "features": list(trained.features),
        "trees": columns_of(trained.forest),
        "networks": trained.networks,
        "calibration": asdict(trained.calibration),
        "operating_point": trained.operating_point,
        "tables": trained.tables,
        "training": {
            "command": command,
            "data": trained.data,
            "run_id": run_id,
            "libraries": libraries,
            "metrics": trained.metrics,
        },
    })  # fmt: skip
