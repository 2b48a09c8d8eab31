"""What R4B and R5 have that R4 has not, so that a sender of another release hears which one was sent.

https://hl7.org/fhir/R4B/diff.html and https://hl7.org/fhir/R5/diff.html; the names are kept in `later_releases.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from shared.domain.fhir.resource_types import RESOURCE_TYPES

_NAMES: Final = "later_releases.json"
_FORMER: Final = {
    "DSTU 2": "Conformance DiagnosticOrder ImagingObjectSelection MedicationOrder Order OrderResponse",
    "STU3": """
        BodySite DataElement DeviceComponent EligibilityRequest EligibilityResponse ExpansionProfile ImagingManifest
        ProcedureRequest ProcessRequest ProcessResponse ReferralRequest Sequence ServiceDefinition
    """,
}


def unknown_type_text(name: str) -> str:
    """Why `name` is no resource type of R4: of another release, written otherwise, or nothing that is known."""
    release = release_of_resource(name)
    if release:
        return f"{name} is a resource of {release}, not of R4: this server reads FHIR R4 (4.0.1) only."
    meant = _in_lower_case().get(name.lower())
    if meant:
        return f"FHIR names are case-sensitive: the resource type is written {meant}."
    return "This resource type does not exist in FHIR R4."


def release_of_resource(name: str) -> str:
    """The release that has a resource type which R4 has not: `R5`, `STU3`; "" where none has."""
    return _resources().get(name, "")


def release_of_element(type_name: str, name: str) -> str:
    """The release that has an element which R4's `type_name` has not: `R4B`, `R5`; "" where none has."""
    by_release = _later()["elements"].get(type_name, {})
    return next((release for release, names in by_release.items() if name in names.split()), "")


@cache
def _in_lower_case() -> Mapping[str, str]:
    return {name.lower(): name for name in RESOURCE_TYPES}


@cache
def _later() -> Mapping[str, Any]:
    from pathlib import Path

    loaded: Mapping[str, Any] = json.loads(Path(__file__).with_name(_NAMES).read_text("utf-8"))
    return loaded


@cache
def _resources() -> Mapping[str, str]:
    by_release = {**_FORMER, **_later()["resources"]}
    return {name: release for release, names in by_release.items() for name in names.split()}
