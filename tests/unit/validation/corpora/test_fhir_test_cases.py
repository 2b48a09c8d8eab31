"""The HL7 validator's own cases: we say valid or not valid as its recorded outcome does, but for a named few.

https://github.com/FHIR/fhir-test-cases (Apache-2.0), folder validator. All of its R4 cases in JSON that need no package,
profile or other file beside them, as their manifest lists them; a few seconds, so none is left out. Cases that the
manifest runs under an option that changes the rules (comments in JSON, HL7's own publication) are judged too, and named
where they differ for it. Needs GALEN_TEST_DATA with fhir-test-cases-part. The disagreements stand with their reasons
in fhir_test_cases.json.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from shared.domain.fhir.outcome import FAILURES
from tests.unit.validation.corpora.archives import (
    archive,
    disagreements,
    failures,
    issues_of,
    require_exactly,
)

_BESIDE: Final = frozenset({"logical", "packages", "profiles", "supporting", "supporting5"})
_OUTCOMES: Final = "validator/outcomes/"
_ONE_IN: Final = 12


def _files() -> dict[str, bytes]:
    return archive("fhir-test-cases-part")


@cache
def _expected() -> dict[str, tuple[str, bool]]:
    """Case → its file and whether it is valid by the recorded outcome of the base specification."""
    manifest = json.loads(_files()["validator/manifest.json"])
    cases: dict[str, tuple[str, bool]] = {}
    for case in manifest["test-cases"]:
        is_run = case.get("use-test") is not False and case["file"].endswith(".json")
        if is_run and not _BESIDE.intersection(case):
            verdict = _recorded(case.get("java"))
            if verdict is not None:
                cases[case["name"]] = (case["file"], verdict)
    return cases


def _recorded(java: Any) -> bool | None:
    """Whether the outcome has no error; None where none was recorded."""
    if isinstance(java, str):
        text = _files().get(_OUTCOMES + java)
        java = json.loads(text) if text is not None else None
    if not isinstance(java, dict):
        return None
    outcome = java.get("outcome", java)
    if outcome.get("resourceType") == "OperationOutcome":
        return not any(issue["severity"] in FAILURES for issue in outcome.get("issue", []))
    return java["errorCount"] == 0 if "errorCount" in java else None


def test_we_say_valid_or_not_as_the_recorded_outcomes_do() -> None:
    named = disagreements("fhir_test_cases")
    found = {}
    for name, (file, is_valid) in _expected().items():
        errors = failures(issues_of(_files()[f"validator/{file}"]))
        if (not errors) != is_valid:
            found[name] = [(issue.rule, issue.expression) for issue in errors[:3]] or "accepted by us"
    require_exactly(named, found, set(_expected()))


def test_at_most_one_case_in_twelve_is_judged_otherwise() -> None:
    assert len(disagreements("fhir_test_cases")) * _ONE_IN <= len(_expected())


def test_no_file_of_the_suite_is_too_much_whatever_it_holds() -> None:
    for name, text in _files().items():
        if name.endswith(".json"):
            issues_of(text)
