"""The models that ship with the code, by alias: `published.json` names file and hash of each champion."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from shared.domain.models.artefact import PublishedModel, RefusedModel, read_model

CHAMPION = "champion"
REGISTRY = "published.json"
_SHIPPED = resources.files(__package__) / "published"


def registry() -> dict[str, dict[str, dict[str, Any]]]:
    """Model → alias → file, SHA-256 and size in bytes."""
    return _registry_in(_SHIPPED)


@cache
def shipped_model(name: str, alias: str = CHAMPION) -> PublishedModel:
    """The model that an alias stands for. Raises RefusedModel for one that is unknown or not as it was published."""
    return model_in(_SHIPPED, name, alias)


def model_in(folder: Traversable, name: str, alias: str = CHAMPION) -> PublishedModel:
    """As `shipped_model`, from a folder that training wrote to. Raises OSError where there is no registry in it."""
    try:
        entry = _registry_in(folder).get(name, {}).get(alias)
        published = entry and (folder.joinpath(entry["file"]).read_bytes(), entry["sha256"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as broken:
        raise RefusedModel(f"{folder.joinpath(REGISTRY)} is no registry of models") from broken
    if not published:
        raise RefusedModel(f"no model {name} is published as {alias}")
    return read_model(*published)


def _registry_in(folder: Traversable) -> dict[str, dict[str, dict[str, Any]]]:
    return dict(json.loads(folder.joinpath(REGISTRY).read_text("utf-8")))
