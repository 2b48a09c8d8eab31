"""Compares two artefacts by what they say, so that another zlib's bytes are no difference."""

from __future__ import annotations

from typing import Any

from shared.domain.fhir.definitions.artefact import Artefact


def differences(old: bytes, new: bytes) -> list[str]:
    """`group name: added | removed | changed` for each chunk; an empty `old` holds nothing."""
    before, after = _content(old), _content(new)
    found = []
    for key in sorted(before.keys() | after.keys()):
        if key not in before:
            found.append(f"{key}: added")
        elif key not in after:
            found.append(f"{key}: removed")
        elif before[key] != after[key]:
            found.append(f"{key}: changed")
    return found


def _content(packed: bytes) -> dict[str, Any]:
    if not packed:
        return {}
    artefact = Artefact(packed)
    content: dict[str, Any] = {f"{group} {name}": value for group, name, value in artefact.chunks()}
    content["title"] = artefact.title
    return content
