"""The two published suites: every case agrees but those that `disagreements.json` names with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fhirpath import hl7_suite, js_suite

DISAGREEMENTS: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("disagreements.json").read_text(encoding="utf-8")
)
LEAST_SHARE = 0.98


def failing(cases: Sequence[Any], failure_of: Callable[[Any], str]) -> dict[str, str]:
    return {case.name: failure for case in cases if (failure := failure_of(case))}


@pytest.mark.skipif(
    not hl7_suite.DATA or not hl7_suite.ARCHIVE.exists(),
    reason="GALEN_TEST_DATA has no fhirpath-r4: HL7's FHIRPath suite was not run",
)
def test_agrees_with_hl7s_suite_but_for_what_is_named() -> None:
    cases = hl7_suite.cases()
    found = failing(cases, hl7_suite.failure_of)
    assert len(cases) == 935
    assert found.keys() - DISAGREEMENTS["hl7"].keys() == set(), found
    assert DISAGREEMENTS["hl7"].keys() - found.keys() == set(), "these agree by now: take them off the list"
    assert len(found) <= (1 - LEAST_SHARE) * len(cases)


@pytest.mark.skipif(
    not js_suite.DATA or not js_suite.ARCHIVE.exists(),
    reason="GALEN_TEST_DATA has no fhirpath-js: fhirpath.js's suite was not run",
)
def test_agrees_with_the_r4_part_of_fhirpath_js_but_for_what_is_named() -> None:
    cases = js_suite.cases()
    found = failing(cases, js_suite.failure_of)
    assert len(cases) > 1_800
    assert found.keys() - DISAGREEMENTS["fhirpath.js"].keys() == set(), found
    assert DISAGREEMENTS["fhirpath.js"].keys() - found.keys() == set(), (
        "these agree by now: take them off the list"
    )
    assert len(found) <= (1 - LEAST_SHARE) * len(cases)
