"""`local validate` with profiles of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.cli.main import main
from local.exits import USAGE, CommandStopped
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.validation.loaded_profiles import ProfiledRules
from shared.domain.fhir.validation.profiles.registry import Profiles
from shared.domain.fhir.validation.validator import R4Validator

URL = "http://example.org/fhir/StructureDefinition/named-patient"
NAMED: dict[str, Any] = {
    "resourceType": "StructureDefinition",
    "url": URL,
    "name": "NamedPatient",
    "status": "draft",
    "kind": "resource",
    "abstract": False,
    "type": "Patient",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
    "derivation": "constraint",
    "differential": {
        "element": [
            {"id": "Patient", "path": "Patient"},
            {"id": "Patient.name", "path": "Patient.name", "min": 1},
        ]
    },
}
NAMELESS = {"resourceType": "Patient", "active": True}
MIN = ("profile:named-patient:min", "Patient.name")


def rules(resource: dict[str, Any], *asked: str) -> list[tuple[str, str]]:
    profiles = Profiles(r4())
    profiles.add(NAMED)
    found = ProfiledRules(R4Validator(best_practice=False), profiles, asked).validate(resource)
    return [(issue.rule, issue.expression) for issue in found]


def test_a_loaded_profile_is_asked_of_resources_that_claim_it() -> None:
    assert rules(NAMELESS) == []
    assert rules({**NAMELESS, "meta": {"profile": [URL]}}) == [MIN]
    assert rules({**NAMELESS, "meta": {"profile": [URL]}, "name": [{"family": "Doe"}]}) == []


def test_a_profile_that_is_not_loaded_stays_unchecked_beside_one_that_is() -> None:
    claims = {**NAMELESS, "meta": {"profile": [f"{URL}-other", URL]}}
    assert rules(claims) == [("profile:not-loaded", "Patient.meta.profile[0]"), MIN]


def test_a_nominated_profile_is_asked_of_its_type_in_bundles_too() -> None:
    assert rules(NAMELESS, URL) == [MIN]
    group = {"resourceType": "Group", "type": "person", "actual": True}
    entries = [{"fullUrl": f"urn:uuid:00000000-0000-4000-8000-00000000000{number}"} for number in (1, 2)]
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{**entries[0], "resource": group}, {**entries[1], "resource": NAMELESS}],
    }
    assert rules(bundle, URL) == [("profile:named-patient:min", "Bundle.entry[1].resource.name")]


def test_the_command_loads_profiles_of_a_folder(tmp_path: Path, capfdbinary: Any) -> None:
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "named.json").write_text(json.dumps(NAMED))
    (tmp_path / "patient.json").write_text(json.dumps(NAMELESS))
    given = ["validate", str(tmp_path / "patient.json"), "--format", "ndjson"]
    assert main(given) == 0
    assert main([*given, "--load", str(folder), "--profile", URL]) == 1
    last = json.loads(capfdbinary.readouterr().out.splitlines()[-1])
    assert [(issue["rule"], issue["expression"]) for issue in last["issues"]] == [MIN]


@pytest.mark.parametrize("options", [["--profile", URL], ["--load", "patient.json"], ["--load", "nowhere"]])
def test_what_cannot_be_loaded_is_wrong_usage(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("patient.json").write_text(json.dumps(NAMELESS))
    with pytest.raises(CommandStopped) as stopped:
        main(["validate", "patient.json", *options])
    assert stopped.value.exit_code == USAGE
