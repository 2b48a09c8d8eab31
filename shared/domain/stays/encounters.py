"""Which of a patient's Encounters is the stay that the sepsis model follows: https://hl7.org/fhir/R4/encounter.html

A stay is an Encounter of class ACUTE, IMP or NONAC (http://terminology.hl7.org/CodeSystem/v3-ActCode) whose period has
begun. One that is part of another inpatient Encounter, as intensive care within a hospital stay, goes before the whole:
the whole then says when the patient was admitted. Where there is no whole, that is not known and counts as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from shared.domain.alerts.episodes import to_us
from shared.domain.scores.model import PatientContext, birth_date_of
from shared.domain.stays.stay import OpenStay
from shared.domain.vitals.observation import instant_of

CLASSES: Final = frozenset({"ACUTE", "IMP", "NONAC"})
OPEN, OVER = "in-progress", "finished"

Versioned = tuple[str, Mapping[str, Any]]
"""A version and the resource."""


def stay_at(encounters: Iterable[Versioned], patient: Mapping[str, Any], at: datetime) -> OpenStay | None:
    """The stay that an instant lies in; of several the one that began last. None where there is none."""
    known = {f"Encounter/{each.get('id')}": (version, each) for version, each in encounters}
    found: list[tuple[bool, datetime, str]] = []
    for reference, (_, each) in known.items():
        begun = _begun(each)
        if begun is not None and begun <= at and _holds(each, at):
            found.append((_whole(each, known) is not None, begun, reference))
    if not found:
        return None
    _, begun, reference = max(found)
    version, encounter = known[reference]
    whole = _whole(encounter, known)
    admitted = _begun(whole) if whole is not None else None
    age = PatientContext(birth_date_of(patient.get("birthDate"))).age_at(begun)
    admitted_us = None if admitted is None else to_us(admitted)
    return OpenStay(reference, version, to_us(begun), admitted_us, age, patient.get("gender"))


def is_open_stay(encounter: Mapping[str, Any]) -> bool:
    """Whether an Encounter is a stay that is going on."""
    return encounter.get("status") == OPEN and (encounter.get("class") or {}).get("code") in CLASSES


def _begun(encounter: Mapping[str, Any]) -> datetime | None:
    return instant_of((encounter.get("period") or {}).get("start"))


def _holds(encounter: Mapping[str, Any], at: datetime) -> bool:
    if (encounter.get("class") or {}).get("code") not in CLASSES:
        return False
    end = instant_of((encounter.get("period") or {}).get("end"))
    status = encounter.get("status")
    return status == OPEN if end is None else status in (OPEN, OVER) and at <= end


def _whole(encounter: Mapping[str, Any], known: Mapping[str, Versioned]) -> Mapping[str, Any] | None:
    reference = str((encounter.get("partOf") or {}).get("reference", "")).partition("/_history/")[0]
    found = known.get(reference)
    return found[1] if found is not None and _begun(found[1]) is not None else None
