"""What the record says of a patient beside the vitals: age, pregnancy, hypercapnic respiratory failure.

Codes: ICD-10-CM (https://www.cdc.gov/nchs/icd/icd-10-cm/) J96.x2 "respiratory failure with hypercapnia", chapter O and
Z33/Z34 for pregnancy; SNOMED CT 77386006 "Pregnant" and 72892002 "Normal pregnancy". A Condition counts while it is
clinically active and not refuted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.domain.fhir.search_index import values_at
from shared.domain.scores.model import PatientContext, birth_date_of

_HYPERCAPNIC: Final = ("J96.02", "J96.12", "J96.22", "J96.92")
_PREGNANCY_ICD: Final = ("O", "Z33", "Z34")
_PREGNANCY_SNOMED: Final = ("77386006", "72892002")
_SNOMED: Final = "http://snomed.info/sct"
_ENDED: Final = frozenset({"inactive", "remission", "resolved"})
_REFUTED: Final = frozenset({"refuted", "entered-in-error"})


def context_of(patient: Mapping[str, Any] | None, conditions: Iterable[Mapping[str, Any]]) -> PatientContext:
    """The context from a Patient (None where there is none on record) and all Conditions of that patient."""
    pregnant: bool | None = None
    hypercapnic = False
    for condition in conditions:
        if not _counts(condition):
            continue
        codings = [coding for coding in values_at(condition, "code.coding") if isinstance(coding, dict)]
        pregnant = True if any(_is_pregnancy(coding) for coding in codings) else pregnant
        hypercapnic = hypercapnic or any(_is_hypercapnic(coding) for coding in codings)
    born = patient.get("birthDate") if patient else None
    return PatientContext(birth_date_of(born if isinstance(born, str) else None), pregnant, hypercapnic)


def _counts(condition: Mapping[str, Any]) -> bool:
    clinical = set(values_at(condition, "clinicalStatus.coding.code"))
    verified = set(values_at(condition, "verificationStatus.coding.code"))
    abated = any(name.startswith("abatement") for name in condition)
    return not (clinical & _ENDED or verified & _REFUTED or abated)


def _is_icd10(coding: Mapping[str, Any]) -> bool:
    return "icd-10" in str(coding.get("system", "")).lower()


def _is_pregnancy(coding: Mapping[str, Any]) -> bool:
    code = str(coding.get("code", ""))
    if _is_icd10(coding):
        return code.startswith(_PREGNANCY_ICD)
    return coding.get("system") == _SNOMED and code in _PREGNANCY_SNOMED


def _is_hypercapnic(coding: Mapping[str, Any]) -> bool:
    return _is_icd10(coding) and str(coding.get("code", "")) in _HYPERCAPNIC
