"""Builds the artefact from HL7's definition files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from local.definitions.profiles import is_profile, profile_chunk, vital_sign_profiles
from local.definitions.sources import read_definitions
from local.definitions.types import is_type, outline, type_chunk
from local.definitions.value_sets import Terminology
from shared.domain.fhir.definitions.artefact import pack

TITLE: Final = "FHIR R4 4.0.1 definitions, made from https://hl7.org/fhir/R4/downloads.html, CC0-1.0"


def build(source: Path) -> bytes:
    """The artefact's bytes; `source` is a folder or an archive of the definition files."""
    files = read_definitions(source)
    return pack(TITLE, groups(files))


def groups(files: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Group → name → chunk."""
    types = [d for name in ("profiles-types", "profiles-resources") for d in files[name] if is_type(d)]
    terminology = Terminology(
        resource for name in ("valuesets", "v3-codesystems", "v2-tables") for resource in files[name]
    )
    profiles = [
        d for name in ("profiles-others", "extension-definitions") for d in files[name] if is_profile(d)
    ]
    return {
        "outline": {"outline": outline(types), "vital-signs": vital_sign_profiles(profiles)},
        "profile": {definition["url"]: profile_chunk(definition) for definition in profiles},
        "type": {definition["name"]: type_chunk(definition) for definition in types},
        **terminology.chunks(),
    }
