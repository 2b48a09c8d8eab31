"""Which invalid resources a door lives with, as a decision table."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir.admission import TAG, TAG_SYSTEM, Mode, ValidationModes, judge, marked, parse_modes
from shared.domain.fhir.outcome import Issue, error

ABSENT = error("required", "Missing.", "Observation.code", "structure-required")
CODE = error("code-invalid", "Not in the value set.", "Patient.gender", "binding")
CHOICE = error("code-invalid", "Not in it.", "Observation.value.ofType(CodeableConcept)", "binding")
PROFILE = error(
    "value", "Another value.", "Observation.value.ofType(Quantity).code", "profile:heartrate:fixed"
)
INVARIANT = error("invariant", "Does not hold.", "Patient.contact[0]", "pat-1")
WARNING = Issue("warning", "code-invalid", "Not in the preferred value set.", "Patient.language", "binding")
NEVER = {
    "an unknown element": error("structure", "Unknown.", "Patient.x", "unknown-element"),
    "a wrong form": error("value", "No date.", "Patient.birthDate", "date"),
    "a release that is not R4": error("not-supported", "R5.", "ActorDefinition", "release"),
    "a narrative": error("invalid", "Active.", "Patient.text.div", "narrative"),
    "a narrative's invariant": error("invariant", "Active.", "Patient.text.div", "txt-1"),
    "a fatal one": Issue("fatal", "required", "Missing.", "Patient.link[0].other", "structure-required"),
    "one without a place": error("invariant", "Does not hold.", "", "x-1"),
    "no status": error("required", "Missing.", "Observation.status", "structure-required"),
    "a profile's status": error("required", "Missing.", "Observation.status", "profile:heartrate:min"),
    "another status": error(
        "code-invalid", "Not in the value set.", "Condition.verificationStatus", "binding"
    ),
    "a status in a list": error("code-invalid", "Not in it.", "Device.udi[0].status[2]", "binding"),
    "what was cut short": Issue("information", "too-costly", "There is more.", "Patient", "too-many"),
}


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("issues", [[], [WARNING]])
def test_what_has_no_error_is_let_in_as_it_is(mode: Mode, issues: list[Issue]) -> None:
    verdict = judge(issues, mode)
    assert (verdict.refused, verdict.tolerated) == ((), ())


@pytest.mark.parametrize(
    "issue", [ABSENT, CODE, CHOICE, PROFILE, INVARIANT], ids=lambda each: each.expression
)
def test_only_warn_lives_with_absent_elements_codes_invariants_and_profiles(issue: Issue) -> None:
    for mode in (Mode.REJECT, Mode.QUARANTINE):
        assert judge([WARNING, issue], mode).refused == (issue,)
    verdict = judge([WARNING, issue], Mode.WARN)
    assert (verdict.refused, verdict.tolerated) == ((), (issue,))


@pytest.mark.parametrize("name", NEVER)
def test_no_mode_lives_with_what_readers_could_not(name: str) -> None:
    verdict = judge([CODE, NEVER[name]], Mode.WARN)
    assert CODE in verdict.refused
    assert verdict.tolerated == ()


def test_a_tag_is_ours_alone() -> None:
    theirs: dict[str, Any] = {"system": "urn:x", "code": "a"}
    bare: dict[str, Any] = {"resourceType": "Patient"}
    assert marked(bare, flawed=False) is bare
    tagged = marked(bare, flawed=True)
    assert tagged == {"resourceType": "Patient", "meta": {"tag": [TAG]}}
    assert marked(tagged, flawed=True) == tagged
    assert marked(tagged, flawed=False) == bare
    both = {**bare, "meta": {"profile": ["urn:p"], "tag": [theirs, {"system": TAG_SYSTEM, "code": "forged"}]}}
    assert marked(both, flawed=True)["meta"] == {"profile": ["urn:p"], "tag": [theirs, TAG]}
    assert marked(both, flawed=False)["meta"] == {"profile": ["urn:p"], "tag": [theirs]}
    assert both["meta"]["tag"][1]["code"] == "forged"


def test_a_tenants_own_mode_wins_over_the_doors() -> None:
    modes = parse_modes({"file": "reject", "ward/file": "warn", "http": "warn"})
    found = {
        place: modes.of(place.rpartition("/")[2], place.partition("/")[0])
        for place in ("ward/file", "x/file")
    }
    assert found == {"ward/file": Mode.WARN, "x/file": Mode.REJECT}
    assert (modes.of("http", "ward"), modes.of("stream", "ward")) == (Mode.WARN, Mode.QUARANTINE)
    assert ValidationModes().of("http", "ward") is Mode.REJECT


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        ({"ftp": "warn"}, "'ftp' is no door"),
        ({"/http": "warn"}, "'/http' is no door"),
        ({"ward/": "warn"}, "'ward/' is no door"),
        ({"http": "quarantine"}, "the door http takes reject, warn"),
        ({"ward/stream": "ignore"}, "'ward/stream' is set to 'ignore'"),
        ({"stream": None}, "the door stream takes quarantine, reject, warn"),
    ],
)
def test_a_bad_mode_is_named_with_what_to_write(chosen: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        parse_modes(chosen)
