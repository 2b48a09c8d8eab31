"""The profiles that a command loads: StructureDefinitions from files, folders and archives, alone or in Bundles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from local import exits
from local.validation.reading import places_of, texts
from shared.domain.fhir import json
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.validation.bundle_index import entries_of
from shared.domain.fhir.validation.profiles.registry import Profiles
from shared.errors import InputError


def loaded_profiles(paths: Sequence[str], asked: Sequence[str]) -> Profiles:
    """The base specification's profiles and those of `paths`. Raises CommandStopped where one that is asked is missing."""
    profiles = Profiles(r4())
    for path in paths:
        count = 0
        for source, definition in _definitions(path):
            try:
                profiles.add(definition)
            except InputError as refused:
                raise exits.CommandStopped(f"{source}: {refused.text}", exits.USAGE) from refused
            count += 1
        if not count:
            raise exits.CommandStopped(
                f"{path} holds no profile: a StructureDefinition of derivation constraint", exits.USAGE
            )
    for url in asked:
        if profiles.get(url) is None:
            raise exits.CommandStopped(
                f"the profile {url} is not loaded: name the file or folder that holds it with --load",
                exits.USAGE,
            )
    return profiles


def _definitions(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for text in texts(places_of(path), lambda _: None):
        if text.problem:
            continue
        try:
            resource = json.decode_object(text.body)
        except InputError:
            continue
        held = [resource, *(entry.get("resource") for _, entry in entries_of(resource))]
        for each in held:
            if (
                isinstance(each, dict)
                and each.get("resourceType") == "StructureDefinition"
                and each.get("derivation") == "constraint"
            ):
                yield text.source, each
