"""Adverse event reports as openFDA gives them, as rows: one per report × reaction × drug.

https://open.fda.gov/apis/drug/event/searchable-fields/ after ICH E2B(R2):
https://www.ich.org/page/electronic-standards-estri-e2br3 Ages come with a unit and become completed years; dates come
with a format and a partial one counts from its first day. What a report does not say, or says outside its code list,
is null; a report without a reaction or a drug still has its row, so that no report is lost from the counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

# patient.patientonsetageunit → years in one unit
_YEARS: Final = {
    "800": Decimal(10),  # decade
    "801": Decimal(1),  # year
    "802": Decimal(1) / 12,  # month
    "803": Decimal(7) / Decimal("365.25"),  # week
    "804": Decimal(1) / Decimal("365.25"),  # day
    "805": Decimal(1) / Decimal("8766"),  # hour
}
_OLDEST_YEARS: Final = 130
# patient.patientsex and drug.drugcharacterization: the values of their code lists
_SEXES: Final = (0, 1, 2)
_CHARACTERIZATIONS: Final = (1, 2, 3)
# E2B date formats → how many digits count: 102 is day, 610 month, 602 year
_DATE_DIGITS: Final = {"102": 8, "610": 6, "602": 4}
_OVERDOSE: Final = re.compile(r"\boverdose", re.IGNORECASE)

Row = dict[str, Any]


def report_rows(report: Mapping[str, Any]) -> Iterator[Row]:
    """The rows of one report, reactions and drugs in their order. Raises ValueError where it has no safetyreportid."""
    number = report.get("safetyreportid")
    if not isinstance(number, str) or not number.strip():
        raise ValueError("an adverse event report needs a safetyreportid")
    patient = _object(report.get("patient"))
    shared = {
        "safetyreportid": number.strip(),
        "transmissiondate_converted": day_of(
            report.get("transmissiondate"), report.get("transmissiondateformat")
        ),
        "patientonsetage": age_in_years(patient.get("patientonsetage"), patient.get("patientonsetageunit")),
        "patientsex": _listed(patient.get("patientsex"), _SEXES),
    }
    for reaction in _objects(patient.get("reaction")):
        term = _text(reaction.get("reactionmeddrapt"))
        for drug in _objects(patient.get("drug")):
            yield shared | {
                "reaction.reactionmeddrapt": term,
                "drug_name": _text(drug.get("medicinalproduct")),
                "drug_characterization": _listed(drug.get("drugcharacterization"), _CHARACTERIZATIONS),
                "drug_indication": _text(drug.get("drugindication")),
                "is_overdose": is_overdose(term),
            }


def report_version(report: Mapping[str, Any]) -> tuple[int, str]:
    """What decides which of two messages about one report is newer: its version, then the day it was received."""
    version = _text(report.get("safetyreportversion")) or "0"
    return (int(version) if version.isdigit() else 0, _text(report.get("receiptdate")) or "")


def age_in_years(age: Any, unit: Any) -> int | None:
    """Completed years; None without a unit of the code list, below zero, or past every human age."""
    factor = _YEARS.get(str(unit).strip())
    if factor is None or isinstance(age, bool):
        return None
    try:
        years = Decimal(str(age).strip()) * factor
    except InvalidOperation:
        return None
    # Twelve months are one year although a twelfth has no exact decimal.
    whole = int(round(years, 9)) if years.is_finite() and years >= 0 else -1
    return whole if 0 <= whole <= _OLDEST_YEARS else None


def day_of(text: Any, date_format: Any) -> date | None:
    """A date by its E2B format, by its length where no format is given; None for what is no day of the calendar."""
    digits = _text(text) or ""
    wanted = _DATE_DIGITS.get(str(date_format), len(digits))
    if not digits.isdigit() or len(digits) < wanted or wanted not in _DATE_DIGITS.values():
        return None
    full = (digits[:wanted] + "0101")[:8] if wanted < 8 else digits[:8]
    try:
        return date(int(full[:4]), int(full[4:6]), int(full[6:8]))
    except ValueError:
        return None


def is_overdose(term: str | None) -> bool:
    """Whether a MedDRA preferred term says overdose: Overdose, Accidental overdose, Intentional overdose and their like."""
    return bool(term and _OVERDOSE.search(term))


def _text(value: Any) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text or None


def _listed(value: Any, allowed: tuple[int, ...]) -> int | None:
    text = str(value).strip()
    return int(text) if text.isdigit() and int(text) in allowed else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; one empty object where there is none, so that the report keeps its row."""
    found: list[Mapping[str, Any]] = []
    if isinstance(value, list):
        found += [each for each in value if isinstance(each, dict)]
    return found or [{}]
