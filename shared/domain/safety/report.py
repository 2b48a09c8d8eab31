"""What an adverse event report must be to be taken: the form in which openFDA gives the reports of FAERS.

https://open.fda.gov/apis/drug/event/searchable-fields/ after ICH E2B(R2). Elements that are not named here may be there
and are not looked at. A report speaks of a person by its own number alone: an element of E2B that would name the person
or the reporter makes it unfit. docs/safety-report.schema.json says the same, but for the calendar, as JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from shared.domain.fhir.outcome import Issue, error
from shared.domain.safety.values import YEARS_IN_A_UNIT, age_in_years, day_of, text_of

MAX_NUMBER: Final = 100
"""Characters of a report's number, by E2B A.1.0.1."""
MAX_TEXT: Final = 1_000
MAX_ENTRIES: Final = 1_000
DATES: Final = ("transmissiondate", "receivedate", "receiptdate")
CODES: Final = {
    "serious": ("1", "2"),
    "seriousnessdeath": ("1", "2"),
    "seriousnesslifethreatening": ("1", "2"),
    "seriousnesshospitalization": ("1", "2"),
    "seriousnessdisabling": ("1", "2"),
    "seriousnesscongenitalanomali": ("1", "2"),
    "seriousnessother": ("1", "2"),
}
PATIENT_CODES: Final = {"patientsex": ("0", "1", "2"), "patientonsetageunit": tuple(YEARS_IN_A_UNIT)}
DRUG_CODES: Final = {"drugcharacterization": ("1", "2", "3", "4")}
"""4, a drug not administered, came with E2B(R3)."""
NAMES_A_PATIENT: Final = (
    "patientinitial",
    "patientbirthdate",
    "patientgpmedicalrecordnumb",
    "patientspecialistrecordnumb",
    "patienthospitalrecordnumb",
    "patientinvestigationnumb",
)
NAMES_A_REPORTER: Final = (
    "reportergivename",
    "reportermiddlename",
    "reporterfamilyname",
    "reporterstreet",
    "reporterpostcode",
)
_NUMBER: Final = re.compile(r"[^\x00-\x1f\x7f]+")
_VERSION: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_A_DAY: Final = timedelta(days=1)


def check_report(report: Mapping[str, Any], arrived_on: date | None = None) -> list[Issue]:
    """What is wrong with a report, without any of its values; an empty list where it can be taken.

    A date more than a day after the arrival lies in the future (a day, because the earth has time zones).
    """
    issues = list(_header(report, arrived_on))
    patient = report.get("patient")
    if not isinstance(patient, Mapping):
        issues.append(error("required", "'patient' must be an object.", "patient", "required"))
        return issues
    issues += _patient(patient)
    for name, term in (("reaction", "reactionmeddrapt"), ("drug", "medicinalproduct")):
        issues += _entries(patient.get(name), f"patient.{name}", term)
    return issues


def _header(report: Mapping[str, Any], arrived_on: date | None) -> Iterator[Issue]:
    number = text_of(report.get("safetyreportid"))
    if number is None or len(number) > MAX_NUMBER or not _NUMBER.fullmatch(number):
        text = f"'safetyreportid' must be a text of 1 to {MAX_NUMBER} printable characters."
        yield error("required", text, "safetyreportid", "required")
    version = report.get("safetyreportversion")
    if version is not None and not _VERSION.fullmatch(_code(version)):
        text = "'safetyreportversion' must be a whole number."
        yield error("value", text, "safetyreportversion", "number")
    for name in DATES:
        yield from _date(report, name, arrived_on)
    yield from _codes(report, CODES, "")
    source = report.get("primarysource")
    if isinstance(source, Mapping):
        yield from _nobody_named(source, NAMES_A_REPORTER, "primarysource")


def _patient(patient: Mapping[str, Any]) -> Iterator[Issue]:
    yield from _nobody_named(patient, NAMES_A_PATIENT, "patient")
    yield from _codes(patient, PATIENT_CODES, "patient.")
    age, unit = patient.get("patientonsetage"), patient.get("patientonsetageunit")
    if age is None:
        return
    try:
        wrong = isinstance(age, bool) or not Decimal(str(age).strip()) >= 0
    except InvalidOperation:
        wrong = True
    if wrong:
        text = "'patientonsetage' must be a number from 0."
        yield error("value", text, "patient.patientonsetage", "number")
    elif _code(unit) in YEARS_IN_A_UNIT and age_in_years(age, unit) is None:
        yield error("value", "No human being is that old.", "patient.patientonsetage", "age")


def _entries(entries: Any, path: str, term: str) -> Iterator[Issue]:
    """Reactions or drugs: objects, one of them at least with its name, as E2B asks of a valid case."""
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_ENTRIES:
        yield error("required", f"'{path}' must be a list of 1 to {MAX_ENTRIES} objects.", path, "required")
        return
    named = 0
    for number, entry in enumerate(entries):
        at = f"{path}[{number}]"
        if not isinstance(entry, Mapping):
            yield error("structure", "An object is wanted.", at, "structure")
            continue
        named += text_of(entry.get(term)) is not None
        for name in (term, "drugindication"):
            yield from _short_text(entry, name, at)
        yield from _codes(entry, DRUG_CODES, f"{at}.")
    if not named:
        yield error("required", f"None of them has a '{term}'.", path, "required")


def _short_text(entry: Mapping[str, Any], name: str, at: str) -> Iterator[Issue]:
    value = entry.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > MAX_TEXT):
        text = f"'{name}' must be a text of at most {MAX_TEXT} characters."
        yield error("value", text, f"{at}.{name}", "text")


def _date(report: Mapping[str, Any], name: str, arrived_on: date | None) -> Iterator[Issue]:
    value = report.get(name)
    if value is None:
        return
    day = day_of(value, report.get(f"{name}format"))
    if day is None:
        text = f"'{name}' must be a date by its format: 102 YYYYMMDD, 610 YYYYMM, 602 YYYY."
        yield error("value", text, name, "date")
    elif arrived_on is not None and day > arrived_on + _A_DAY:
        yield error("business-rule", f"'{name}' lies after the arrival of the report.", name, "future")


def _codes(entry: Mapping[str, Any], codes: Mapping[str, tuple[str, ...]], prefix: str) -> Iterator[Issue]:
    for name, allowed in codes.items():
        value = entry.get(name)
        if value is not None and _code(value) not in allowed:
            yield error(
                "code-invalid", f"'{name}' must be {', '.join(allowed)}.", f"{prefix}{name}", "code-list"
            )


def _code(value: Any) -> str:
    """A code as text: openFDA writes texts, other senders numbers."""
    return "" if isinstance(value, bool) else str(value).strip()


def _nobody_named(entry: Mapping[str, Any], names: tuple[str, ...], path: str) -> Iterator[Issue]:
    for name in names:
        if entry.get(name) is not None:
            text = f"'{name}' would name a person: a report speaks of one by its own number alone."
            yield error("forbidden", text, f"{path}.{name}", "pseudonym")
