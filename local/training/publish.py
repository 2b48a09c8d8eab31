"""Writes a trained model as an artefact and names it champion in the registry of shipped models."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from local.layout import CHECKOUT
from shared.domain.models.artefact import PublishedModel, read_model
from shared.domain.models.shipped import CHAMPION, REGISTRY
from spark.training.artefact import Trained, packed

SHIPPED = CHECKOUT / "shared" / "domain" / "models" / "published"


def publish(trained: Trained, run_id: str, folder: Path = SHIPPED) -> PublishedModel:
    """Writes the artefact and the registry; returns the model as it is read back."""
    artefact = packed(trained, run_id, f"python3 -m local train {trained.name}")
    digest = hashlib.sha256(artefact).hexdigest()
    model = read_model(artefact, digest)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{trained.name}.model.json.gz"
    file.write_bytes(artefact)
    path = folder / REGISTRY
    registry = json.loads(path.read_text("utf-8")) if path.exists() else {}
    registry[trained.name] = {CHAMPION: {"file": file.name, "sha256": digest, "bytes": len(artefact)}}
    path.write_text(json.dumps(registry, indent=2, sort_keys=True) + "\n", "utf-8")
    return model
