"""The lists of resource types against the published definitions of FHIR R4."""

from __future__ import annotations

import json
import os
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.domain.fhir.resource_types import HOME_ELEMENT, PATIENT_ELEMENT, RESOURCE_TYPES
from shared.domain.fhir.search_request import WITHOUT_IDENTIFIER

DATA = os.environ.get("GALEN_TEST_DATA", "")
ARCHIVE = Path(DATA) / "fhir-r4-definitions.tar.xz"
pytestmark = pytest.mark.skipif(
    not DATA or not ARCHIVE.exists(),
    reason="GALEN_TEST_DATA has no fhir-r4-definitions: the resource types were not compared with FHIR R4",
)


@cache
def definitions() -> dict[str, dict[str, Any]]:
    """Concrete type → its StructureDefinition. The archive has one of R4B beside those of R4."""
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            if member.name.endswith("profiles-resources.json"):
                bundle = json.load(archive.extractfile(member))  # type: ignore[arg-type]
                break
    resources = [entry["resource"] for entry in bundle["entry"]]
    return {
        each["name"]: each
        for each in resources
        if each.get("kind") == "resource" and not each["abstract"] and each["fhirVersion"] == "4.0.1"
    }


def element(type_: str, name: str) -> dict[str, Any] | None:
    elements = definitions()[type_]["snapshot"]["element"]
    return next((each for each in elements if each["path"] == f"{type_}.{name}"), None)


def test_the_resource_types_are_those_of_fhir_r4() -> None:
    assert set(definitions()) == RESOURCE_TYPES
    assert len(RESOURCE_TYPES) == 146


def test_a_patient_element_may_refer_to_a_patient_and_decides_the_home_unless_it_repeats() -> None:
    for type_, name in PATIENT_ELEMENT.items():
        found = element(type_, name)
        assert found is not None, type_
        targets = {target for each in found["type"] for target in each.get("targetProfile", ())}
        assert any(target.endswith(("/Patient", "/Resource")) for target in targets), type_
        assert (found["max"] == "1") == (type_ in HOME_ELEMENT), type_


def test_the_types_without_identifier_are_those() -> None:
    assert {type_ for type_ in RESOURCE_TYPES if element(type_, "identifier") is None} == WITHOUT_IDENTIFIER
