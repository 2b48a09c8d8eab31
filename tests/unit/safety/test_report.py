"""What an adverse event report must be: real ones are taken, each fault is named, and the published schema agrees."""

from __future__ import annotations

import copy
import json
import os
import tarfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.domain.fhir.json import decode_object
from shared.domain.safety.report import MAX_ENTRIES, MAX_TEXT, check_report
from tests.docs.documents import text_of
from tests.docs.schema import faults

SCHEMA = json.loads(text_of("docs/safety-report.schema.json"))
ARRIVED_ON = date(2026, 3, 29)
GOOD: dict[str, Any] = {
    "safetyreportid": "10003300",
    "safetyreportversion": "1",
    "serious": "1",
    "transmissiondate": "20260328",
    "transmissiondateformat": "102",
    "primarysource": {"qualification": "5"},
    "patient": {
        "patientsex": "2",
        "patientonsetage": "77.5",
        "patientonsetageunit": "801",
        "reaction": [{"reactionmeddrapt": "Headache"}],
        "drug": [{"medicinalproduct": "DURAGESIC-100", "drugcharacterization": "1", "drugindication": None}],
    },
}
Change = Callable[[dict[str, Any]], object]
FAULTS: dict[str, tuple[str, Change]] = {
    "no number": ("required", lambda r: r.pop("safetyreportid")),
    "a number that is none": ("required", lambda r: r.update(safetyreportid=10003300)),
    "a blank number": ("required", lambda r: r.update(safetyreportid="   ")),
    "an endless number": ("required", lambda r: r.update(safetyreportid="9" * 101)),
    "a control character": ("required", lambda r: r.update(safetyreportid="1\n2")),
    "a version in words": ("number", lambda r: r.update(safetyreportversion="second")),
    "a date in words": ("date", lambda r: r.update(transmissiondate="yesterday")),
    "a code outside its list": ("code-list", lambda r: r.update(serious="3")),
    "a truth for a code": ("code-list", lambda r: r.update(serious=True)),
    "no patient": ("required", lambda r: r.pop("patient")),
    "a patient in words": ("required", lambda r: r.update(patient="somebody")),
    "a name of the patient": ("pseudonym", lambda r: r["patient"].update(patientinitial="AB")),
    "a birth date": ("pseudonym", lambda r: r["patient"].update(patientbirthdate="19500505")),
    "a record number": ("pseudonym", lambda r: r["patient"].update(patienthospitalrecordnumb="7")),
    "a name of the reporter": ("pseudonym", lambda r: r["primarysource"].update(reporterfamilyname="Doe")),
    "a sex outside its list": ("code-list", lambda r: r["patient"].update(patientsex="9")),
    "an age in words": ("number", lambda r: r["patient"].update(patientonsetage="old")),
    "an age below zero": ("number", lambda r: r["patient"].update(patientonsetage=-1)),
    "a unit outside its list": ("code-list", lambda r: r["patient"].update(patientonsetageunit="a")),
    "no reaction": ("required", lambda r: r["patient"].pop("reaction")),
    "reactions as an object": ("required", lambda r: r["patient"].update(reaction={})),
    "an empty list of drugs": ("required", lambda r: r["patient"].update(drug=[])),
    "too many drugs": ("required", lambda r: r["patient"].update(drug=[{}] * (MAX_ENTRIES + 1))),
    "a drug in words": ("structure", lambda r: r["patient"]["drug"].append("ASPIRIN")),
    "an indication that is a number": ("text", lambda r: r["patient"]["drug"][0].update(drugindication=7)),
    "an endless indication": (
        "text",
        lambda r: r["patient"]["drug"][0].update(drugindication="x" * (MAX_TEXT + 1)),
    ),
    "a role outside its list": (
        "code-list",
        lambda r: r["patient"]["drug"][0].update(drugcharacterization="9"),
    ),
}
BEYOND_A_SCHEMA: dict[str, tuple[str, Change]] = {
    "a day that no month has": ("date", lambda r: r.update(transmissiondate="20260230")),
    "a date shorter than its format": ("date", lambda r: r.update(transmissiondate="202603")),
    "a date in the future": ("future", lambda r: r.update(transmissiondate="20260331")),
    "an age beyond every human": ("age", lambda r: r["patient"].update(patientonsetage="131")),
    "drugs without a name": ("required", lambda r: r["patient"]["drug"][0].pop("medicinalproduct")),
    "reactions without a term": ("required", lambda r: r["patient"].update(reaction=[{}])),
}


def changed(change: Change) -> dict[str, Any]:
    report = copy.deepcopy(GOOD)
    change(report)
    return report


def real_reports() -> list[dict[str, Any]]:
    folder = os.environ.get("GALEN_TEST_DATA")
    archive = Path(folder or "/nowhere") / "openfda-events.tar.xz"
    if not archive.exists():
        pytest.skip("not tested: real openFDA reports, which GALEN_TEST_DATA does not have")
    with tarfile.open(archive) as opened:
        (member,) = opened.getmembers()
        return list(decode_object(opened.extractfile(member).read())["results"])  # type: ignore[union-attr]


def test_a_report_without_fault_is_taken() -> None:
    assert check_report(GOOD, ARRIVED_ON) == []
    assert list(faults(SCHEMA, GOOD)) == []


def test_numbers_may_stand_for_codes_and_what_is_not_said_is_no_fault() -> None:
    least = {"reaction": [{"reactionmeddrapt": "Cough"}, {}], "drug": [{"medicinalproduct": "X"}]}
    for report in (
        {"safetyreportid": "1", "patient": least},
        {
            "safetyreportid": "1",
            "safetyreportversion": 2,
            "serious": 1,
            "patient": {**least, "patientsex": 0},
        },
        {"safetyreportid": "1", "transmissiondate": "2026", "primarysource": None, "patient": least},
    ):
        assert check_report(report, ARRIVED_ON) == []
        assert list(faults(SCHEMA, report)) == []


@pytest.mark.parametrize("name", FAULTS | BEYOND_A_SCHEMA)
def test_a_fault_is_named_by_its_rule_and_says_nothing_of_the_values(name: str) -> None:
    rule, change = (FAULTS | BEYOND_A_SCHEMA)[name]
    issues = check_report(changed(change), ARRIVED_ON)
    assert [issue.rule for issue in issues] == [rule]
    assert all(issue.expression and "10003300" not in issue.text for issue in issues)


@pytest.mark.parametrize("name", FAULTS)
def test_the_published_schema_refuses_it_too(name: str) -> None:
    assert list(faults(SCHEMA, changed(FAULTS[name][1])))


def test_every_real_report_is_taken_by_both() -> None:
    reports = real_reports()
    assert len(reports) >= 50
    assert [issue for report in reports for issue in check_report(report, ARRIVED_ON)] == []
    assert [fault for report in reports for fault in faults(SCHEMA, report)] == []
