"""Writes a trained model as an artefact and names it champion in the registry of shipped models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from local.layout import CHECKOUT
from local.training.export import columns_of
from shared.domain.models.artefact import PublishedModel, pack, read_model
from shared.domain.models.calibration import Calibration
from shared.domain.models.forest import Forest
from shared.domain.models.shipped import CHAMPION, REGISTRY

SHIPPED = CHECKOUT / "shared" / "domain" / "models" / "published"


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


def publish(trained: Trained, run_id: str, folder: Path = SHIPPED) -> PublishedModel:
    """Writes the artefact and the registry; returns the model as it is read back."""
    libraries = {name: version_of(name) for name in ("scikit-learn", "numpy")}
    packed = pack({
        "name": trained.name,
        "version": trained.version,
        "features": list(trained.features),
        "trees": columns_of(trained.forest),
        "networks": trained.networks,
        "calibration": asdict(trained.calibration),
        "operating_point": trained.operating_point,
        "tables": trained.tables,
        "training": {
            "command": f"python3 -m local train {trained.name}",
            "data": trained.data,
            "run_id": run_id,
            "libraries": libraries,
            "metrics": trained.metrics,
        },
    })  # fmt: skip
    digest = hashlib.sha256(packed).hexdigest()
    model = read_model(packed, digest)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{trained.name}.model.json.gz"
    file.write_bytes(packed)
    path = folder / REGISTRY
    registry = json.loads(path.read_text("utf-8")) if path.exists() else {}
    registry[trained.name] = {CHAMPION: {"file": file.name, "sha256": digest, "bytes": len(packed)}}
    path.write_text(json.dumps(registry, indent=2, sort_keys=True) + "\n", "utf-8")
    return model
