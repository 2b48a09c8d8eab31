"""The packed file: lazy, deterministic, compared by what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local.definitions.compare import differences
from shared.domain.fhir.definitions.artefact import Artefact, pack
from shared.domain.fhir.definitions.reader import R4_ARTEFACT, PackedDefinitions, r4

MAX_BYTES = 3_000_000


def test_what_is_packed_is_read_by_group_and_name() -> None:
    artefact = Artefact(pack("a title", {"type": {"Patient": [1, {"a": "é"}]}, "profile": {"url": None}}))
    assert artefact.title == "a title"
    assert artefact.read("type", "Patient") == [1, {"a": "é"}]
    assert set(artefact.names("profile")) == {"url"}
    assert artefact.names("nothing") == {}


def test_a_name_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Artefact(pack("t", {"type": {}})).read("type", "Patient")


def test_the_order_of_what_is_packed_makes_no_difference() -> None:
    assert pack("t", {"a": {"x": 1, "y": 2}, "b": {}}) == pack("t", {"b": {}, "a": {"y": 2, "x": 1}})


def test_differences_name_each_chunk() -> None:
    old = pack("t", {"type": {"A": 1, "B": 1}})
    new = pack("t", {"type": {"B": 2, "C": 1}})
    assert differences(old, new) == ["type A: removed", "type B: changed", "type C: added"]
    assert differences(old, old) == []
    assert "type A: added" in differences(b"", old)


def test_the_artefact_names_its_source_and_licence_and_is_small() -> None:
    packed = Path(R4_ARTEFACT).read_bytes()
    title = Artefact(packed).title
    assert "R4 4.0.1" in title
    assert "https://hl7.org/fhir/R4/" in title
    assert "CC0" in title
    assert len(packed) < MAX_BYTES


def test_a_type_is_unpacked_only_when_asked_for() -> None:
    definitions = PackedDefinitions(Artefact(Path(R4_ARTEFACT).read_bytes()))
    assert definitions.type("Patient") is definitions.type("Patient")
    assert "Patient" in definitions._types
    assert "Observation" not in definitions._types


def test_importing_the_reader_brings_nothing_heavy() -> None:
    code = (
        "import sys; import shared.domain.fhir.definitions.reader as r; r.r4().type('Patient');"
        "print(any(name in sys.modules for name in ('pydantic', 'fhir', 'importlib.resources', 'local')))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_the_process_has_one_r4() -> None:
    assert r4() is r4()
