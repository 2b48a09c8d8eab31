"""The models that ship with the code, by alias: `published.json` names file and hash of each champion."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from shared.domain.models.artefact import PublishedModel, RefusedModel, read_model

CHAMPION = "champion"
REGISTRY = "published.json"


def registry() -> dict[str, dict[str, dict[str, Any]]]:
    """Model → alias → file, SHA-256 and size in bytes."""
    text = (resources.files(__package__) / "published" / REGISTRY).read_text("utf-8")
    return dict(json.loads(text))


@cache
def shipped_model(name: str, alias: str = CHAMPION) -> PublishedModel:
    """The model that an alias stands for. Raises RefusedModel for one that is unknown or not as it was published."""
    entry = registry().get(name, {}).get(alias)
    if entry is None:
        raise RefusedModel(f"no model {name} is published as {alias}")
    packed = (resources.files(__package__) / "published" / entry["file"]).read_bytes()
    return read_model(packed, entry["sha256"])
