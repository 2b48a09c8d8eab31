"""Every expression that FHIR R4 publishes can be read; those of everyday types decide as their texts say."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.reader import r4

DATA = os.environ.get("GALEN_TEST_DATA", "")
ARCHIVE = Path(DATA) / "fhir-r4-definitions.tar.xz"
needs_archive = pytest.mark.skipif(
    not DATA or not ARCHIVE.exists(),
    reason="GALEN_TEST_DATA has no fhir-r4-definitions: R4's own expressions were not compiled",
)


@cache
def bundles() -> list[dict[str, Any]]:
    with tarfile.open(ARCHIVE) as archive:
        names = (
            "profiles-types.json",
            "profiles-resources.json",
            "profiles-others.json",
            "search-parameters.json",
        )
        files = [archive.extractfile(member) for member in archive if Path(member.name).name in names]
        return [json.load(file) for file in files if file is not None]


def invariants() -> Iterator[tuple[str, str]]:
    for bundle in bundles():
        for entry in bundle["entry"]:
            for element in entry["resource"].get("snapshot", {}).get("element", []):
                for constraint in element.get("constraint", []):
                    if "expression" in constraint:
                        yield constraint["key"], constraint["expression"]


@needs_archive
def test_compiles_every_invariant_of_r4() -> None:
    expressions = set(invariants())
    assert len(expressions) > 190
    for _, expression in expressions:
        fhirpath.compile(expression)


@needs_archive
def test_compiles_every_search_parameter_of_r4() -> None:
    expressions = {
        entry["resource"]["expression"]
        for bundle in bundles()
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "SearchParameter" and "expression" in entry["resource"]
    }
    assert len(expressions) > 1_000
    for expression in expressions:
        fhirpath.compile(expression)


DOM_3 = (
    "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) |"
    " %resource.descendants().as(uri) | %resource.descendants().as(url))) or"
    " descendants().where(reference = '#').exists() or descendants().where(as(canonical) = '#').exists() or"
    " descendants().where(as(canonical) = '#').exists()).not()).trace('unmatched', id).empty()"
)
ELE_1 = "hasValue() or (children().count() > id.count())"
PER_1 = "start.hasValue().not() or end.hasValue().not() or (start <= end)"
BDL_7 = (
    "(type = 'history') or entry.where(fullUrl.exists()).select(fullUrl&resource.meta.versionId).isDistinct()"
)
EXT_1 = "extension.exists() != value.exists()"
REF_1 = (
    "reference.startsWith('#').not() or"
    " (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))"
)
CONTAINED = {"resourceType": "Organization", "id": "o1"}


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "contained": [CONTAINED], **more}


def history_of(*versions: str) -> dict[str, Any]:
    entries = [
        {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "meta": {"versionId": version}}}
        for version in versions
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


@pytest.mark.parametrize(
    ("expression", "focus", "type_name", "holds"),
    [
        (DOM_3, patient(managingOrganization={"reference": "#o1"}), "", True),
        (DOM_3, patient(managingOrganization={"reference": "#o2"}), "", False),
        (PER_1, {"start": "2001-05-06", "end": "2002"}, "Period", True),
        (PER_1, {"start": "2001-05-06T10:00:00Z", "end": "2001-05-06T09:59:59Z"}, "Period", False),
        (PER_1, {"start": "2001-05-06"}, "Period", True),
        (PER_1, {"start": "2001-05-06T12:00:00+02:00", "end": "2001-05-06T10:30:00Z"}, "Period", True),
        (BDL_7, history_of("1", "2"), "", True),
        (BDL_7, history_of("1", "1"), "", False),
        (EXT_1, {"url": "http://example.org", "valueString": "x"}, "Extension", True),
        (EXT_1, {"url": "http://example.org"}, "Extension", False),
        (EXT_1, {"url": "x", "valueString": "x", "extension": [{"url": "y"}]}, "Extension", False),
        (ELE_1, {"use": "official"}, "HumanName", True),
        (ELE_1, {"id": "only"}, "HumanName", False),
        (ELE_1, "text", "string", True),
        (ELE_1, fhirpath.Element(None, "string", {"extension": [{"url": "x"}]}), "", True),
        (ELE_1, fhirpath.Element(None, "string", {"id": "x"}), "", False),
    ],
)
def test_invariants_hold_where_their_text_says(
    expression: str, focus: Any, type_name: str, holds: bool
) -> None:
    assert fhirpath.compile(expression).is_true(focus, type_name=type_name, model=r4()) is holds


@pytest.mark.parametrize(("reference", "holds"), [("Organization/o1", True), ("#o1", True), ("#o2", False)])
def test_local_references_are_looked_for_in_the_root_resource(reference: str, holds: bool) -> None:
    root = patient()
    found = fhirpath.compile(REF_1).is_true(
        {"reference": reference}, type_name="Reference", resource=root, root=root, model=r4()
    )
    assert found is holds


def test_an_invariant_without_a_result_does_not_hold() -> None:
    assert not fhirpath.compile("name.where(use = 'usual').given").is_true(
        {"resourceType": "Patient"}, model=r4()
    )
