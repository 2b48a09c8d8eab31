"""The artefact in the repository is what HL7's files give; what is corrected in them has a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.cli.main import main
from local.definitions.build import build
from local.definitions.compare import differences
from local.definitions.corrections import CorrectionDoesNotFit, corrected, corrected_regex, corrections
from local.definitions.sources import FILES
from local.exits import CommandStopped
from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.artefact import Artefact
from shared.domain.fhir.definitions.model import TypeRef
from shared.domain.fhir.definitions.reader import R4_ARTEFACT, PackedDefinitions, r4
from tests.unit.definitions.hl7 import ARCHIVE, needs_definitions

R4 = r4()


@needs_definitions
def test_the_artefact_is_what_the_definition_files_give() -> None:
    assert differences(Path(R4_ARTEFACT).read_bytes(), build(ARCHIVE)) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Definition files with one data type, one value set and nothing else."""
    extension = {
        "url": "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type",
        "valueUrl": "string",
    }
    id_type = {"code": "http://hl7.org/fhirpath/System.String", "extension": [extension]}
    once: dict[str, Any] = {"min": 0, "max": "1", "base": {"path": "Thing.id", "min": 0, "max": "1"}}
    thing: dict[str, Any] = {
        "resourceType": "StructureDefinition",
        "name": "Thing",
        "kind": "complex-type",
        "abstract": False,
        "fhirVersion": "4.0.1",
        "derivation": "specialization",
        "snapshot": {"element": [{"path": "Thing", **once}, {"path": "Thing.id", "type": [id_type], **once}]},
    }
    colours = {
        "resourceType": "ValueSet",
        "url": "urn:colours",
        "compose": {"include": [{"system": "urn:c", "concept": [{"code": "red"}]}]},
    }
    held = {"profiles-types": [thing], "valuesets": [colours]}
    source = tmp_path / "definitions"
    source.mkdir()
    for name in FILES:
        entries = [{"resource": resource} for resource in held.get(name, [])]
        (source / f"{name}.json").write_text(json.dumps({"resourceType": "Bundle", "entry": entries}))
    return source


def test_the_command_writes_the_artefact_and_compares_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "r4.definitions"
    arguments = ["definitions", "build", str(folder), "--output", str(output)]
    assert main([*arguments, "--check"]) == 1, "nothing is there yet"
    assert main(arguments) == 0
    first = output.read_bytes()
    assert main(arguments) == 0
    assert output.read_bytes() == first, "the same input gives the same bytes"
    assert PackedDefinitions(Artefact(first)).type("Thing").elements["id"].properties == {
        "id": TypeRef("string")
    }
    assert main([*arguments, "--check"]) == 0
    capsys.readouterr()
    text = (folder / "valuesets.json").read_text().replace("red", "blue")
    (folder / "valuesets.json").write_text(text)
    assert main([*arguments, "--check"]) == 1
    assert capsys.readouterr().out == "value-set urn:colours: changed\n"


def test_a_folder_without_the_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandStopped, match="lacks profiles-types"):
        build(tmp_path)


def test_a_file_that_is_no_archive_is_named(tmp_path: Path) -> None:
    text = tmp_path / "text.tar.xz"
    text.write_text("no archive")
    with pytest.raises(CommandStopped, match="neither a folder nor a readable archive"):
        build(text)


def test_every_correction_has_a_reason() -> None:
    for kind in corrections().values():
        for correction in kind:
            assert len(correction["why"]) > 40


def definition(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"snapshot": {"element": list(elements)}}


def test_an_expression_is_corrected_where_it_says_what_was_published() -> None:
    correction = next(each for each in corrections()["expression"] if "que-7" in each["keys"])
    element: dict[str, Any] = {
        "path": "x",
        "constraint": [{"key": "que-7", "expression": correction["published"]}],
    }
    after = corrected(definition(element))["snapshot"]["element"][0]
    assert after["constraint"][0]["expression"] == correction["corrected"]
    assert element["constraint"][0]["expression"] == correction["published"], "the input is left alone"
    assert corrected(definition(after))["snapshot"]["element"][0] == after


def test_a_corrected_pattern_replaces_only_what_was_published() -> None:
    with pytest.raises(CorrectionDoesNotFit):
        corrected_regex("base64Binary", "another")


def every_expression() -> set[str]:
    """The FHIRPath of every invariant of a type or profile."""
    found: set[str] = set()
    for group, _, chunk in Artefact(Path(R4_ARTEFACT).read_bytes()).chunks():
        if group == "type":
            found.update(expression for *_, expression in chunk["constraints"])
        elif group == "profile":
            elements = chunk["snapshot"]["element"]
            found.update(each["expression"] for element in elements for each in element.get("constraint", ()))
    return found


def test_every_corrected_expression_is_in_the_artefact_and_no_published_one() -> None:
    held = every_expression()
    for correction in corrections()["expression"]:
        assert correction["corrected"] in held, correction["keys"]
        assert correction["published"] not in held, correction["keys"]


def test_every_expression_compiles() -> None:
    for expression in every_expression():
        assert fhirpath.compile(expression).text == expression


@pytest.mark.parametrize(
    ("type_name", "absent"),
    [
        ("Meta", "project"),
        ("Meta", "compartment"),
        ("Binary", "url"),
        ("ResearchStudy", "recruitment"),
        ("EvidenceVariable.characteristic", "linkId"),
    ],
)
def test_elements_that_r4_does_not_have_are_dropped(type_name: str, absent: str) -> None:
    assert absent not in R4.type(type_name).elements


def test_evidence_variable_is_r4s() -> None:
    characteristic = R4.type("EvidenceVariable.characteristic").elements
    assert list(characteristic)[3:] == [
        *("description", "definition", "usageContext", "exclude"),
        *("participantEffective", "timeFromStart", "groupMeasure"),
    ]
    assert characteristic["definition"].low == 1
    assert R4.type("EvidenceVariable").elements["characteristic"].low == 1


def test_resources_of_later_releases_are_not_held() -> None:
    assert "SubscriptionStatus" not in R4.resource_types
    with pytest.raises(KeyError):
        R4.type("SubscriptionStatus")
