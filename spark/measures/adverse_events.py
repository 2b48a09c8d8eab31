"""Adverse event reports as openFDA gives them, as rows: one per report × reaction × drug.

https://open.fda.gov/apis/drug/event/searchable-fields/ after ICH E2B(R2):
https://www.ich.org/page/electronic-standards-estri-e2br3 Ages come with a unit and become completed years; dates come
with a format and a partial one counts from its first day. What a report does not say, or says outside its code list,
is null; a report without a reaction or a drug still has its row, so that no report is lost from the counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from shared.domain.safety.values import age_in_years, day_of, text_of

# patient.patientsex and drug.drugcharacterization: the values of their code lists
_SEXES: Final = (0, 1, 2)
_CHARACTERIZATIONS: Final = (1, 2, 3)
_COUNT: Final = re.compile(r"[0-9]{1,18}")
"""What a column of whole numbers can hold."""
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
        term = text_of(reaction.get("reactionmeddrapt"))
        for drug in _objects(patient.get("drug")):
            yield shared | {
                "reaction.reactionmeddrapt": term,
                "drug_name": text_of(drug.get("medicinalproduct")),
                "drug_characterization": _listed(drug.get("drugcharacterization"), _CHARACTERIZATIONS),
                "drug_indication": text_of(drug.get("drugindication")),
                "is_overdose": is_overdose(term),
            }


def report_version(report: Mapping[str, Any]) -> tuple[int, str]:
    """What decides which of two messages about one report is newer: its version, then the day it was received."""
    version = text_of(report.get("safetyreportversion")) or "0"
    counted = bool(_COUNT.fullmatch(version))
    return (int(version) if counted else 0, text_of(report.get("receiptdate")) or "")


def is_overdose(term: str | None) -> bool:
    """Whether a MedDRA preferred term says overdose: Overdose, Accidental overdose, Intentional overdose and their like."""
    return bool(term and _OVERDOSE.search(term))


def _listed(value: Any, allowed: tuple[int, ...]) -> int | None:
    text = str(value).strip()
    return int(text) if _COUNT.fullmatch(text) and int(text) in allowed else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; one empty object where there is none, so that the report keeps its row."""
    found: list[Mapping[str, Any]] = []
    if isinstance(value, list):
        found += [each for each in value if isinstance(each, dict)]
    return found or [{}]
