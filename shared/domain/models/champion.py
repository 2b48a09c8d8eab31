"""The champion in a lake: verified against the hash that its alias names, and for what this code computes alone."""

from __future__ import annotations

from collections.abc import Callable

from shared.domain.models.artefact import PublishedModel, RefusedModel, read_model
from shared.domain.models.lake_layout import Alias, alias_path, artefact_path, read_alias

Check = Callable[[PublishedModel], PublishedModel]
"""Raises RefusedModel for a model that this code cannot serve."""


def verified(packed: bytes, alias: Alias, check: Check) -> PublishedModel:
    """The model in an artefact that an alias names. Raises RefusedModel."""
    model = read_model(packed, alias.sha256)
    if model.name != alias.model:
        raise RefusedModel(f"the artefact is one of the model {model.name}")
    return check(model)


def champion_in(read: Callable[[str], bytes | None], name: str, check: Check) -> PublishedModel | None:
    """The champion in a lake of which `read` gives a file, or None where there is none; None where no champion is named.

    Raises RefusedModel.
    """
    named = read(alias_path(name))
    if named is None:
        return None
    alias = read_alias(named, name)
    packed = read(artefact_path(name, alias.sha256))
    if packed is None:
        raise RefusedModel(f"the artefact that the alias of the model {name} names is not in the lake")
    return verified(packed, alias, check)
