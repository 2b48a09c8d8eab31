"""Landmarks: rows of features by the source's clock, and what silver or gold says followed.

Rows at the first of a year are the landmarks of onset, those at the ends of stays the landmarks of readmission.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import nan
from typing import Any

from shared.domain.features.patient.diagnoses import BY_NAME
from shared.domain.features.patient.discharges import left_at
from shared.domain.features.patient.features import FEATURES
from shared.domain.onset.cohort import HORIZON_DAYS, OUTCOME, lacking

HORIZON = timedelta(days=HORIZON_DAYS)
"""Of onset."""
NOT_TRUE = frozenset({"refuted", "entered-in-error"})
"""Verification of a Condition that nobody had."""
NOT_HELD = frozenset({"planned", "cancelled", "entered-in-error"})
"""Status of an Encounter that did not take place, or not yet."""
READMISSION = "readmission"
"""The measure in gold that says which discharges were followed by an admission."""
Row = Mapping[str, Any]


class UnreadablePatients(ValueError):
    """No bundle of a patient, a lake whose tables do not belong together, or too few outcomes; the message says which."""


@dataclass(frozen=True, slots=True)
class Landmark:
    """One patient at one instant. `followed` is whether the outcome came within the horizon after it."""

    patient: str
    at: datetime
    values: dict[str, float]
    followed: bool


def sha256_of_landmarks(found: Iterable[Landmark]) -> str:
    """The hash of everything that a model learns from: patients, instants, values and what followed, in their order."""
    digest = hashlib.sha256()
    for mark in found:
        digest.update(repr((mark.patient, mark.at.isoformat(), mark.values, mark.followed)).encode())
    return digest.hexdigest()


def followed_until(encounters: Iterable[Row], now: datetime) -> datetime | None:
    """The newest beginning of one of silver's Encounters that took place, not after `now`; None where there is none."""
    begun: list[datetime] = [
        each["started_at"]
        for each in encounters
        if each["started_at"] and not each["deleted"] and each["status"] not in NOT_HELD
    ]
    return max((at for at in begun if at <= now), default=None)


def before_onset(rows: Iterable[Row], conditions: Iterable[Row], last: datetime) -> list[Landmark]:
    """Each row of features that the onset model is meant for and whose horizon ends by `last`, by patient and time.

    `conditions` are silver's, of which those of the outcome count that were true.
    """
    onsets = _first_diagnoses(conditions)
    return _ordered(mark for row in rows if (mark := _before_onset(row, onsets.get(_key(row)), last)))


def after_discharge(
    rows: Iterable[Row], judged: Iterable[Row], encounters: Iterable[Row], last: datetime
) -> list[Landmark]:
    """Each discharge that gold's measure judges and whose thirty days end by `last`, with its row of features.

    `judged` are gold's rows of quality, `encounters` silver's. Raises UnreadablePatients where gold is of other Encounters.
    """
    features = {(*_key(row), row["as_of"]): row for row in rows}
    ended = {(each["tenant"], each["id"]): each["ended_text"] for each in encounters}
    found = []
    for index in judged:
        if index["measure"] != READMISSION or not index["in_denominator"] or index["known_on"] > last.date():
            continue
        key = (index["tenant"], index["subject_id"])
        if key not in ended:
            raise UnreadablePatients("gold judges Encounters that silver does not have")
        row = features.get((*_key(index), left_at(ended[key])))
        if row is not None:
            found.append(_landmark(row, followed=index["in_numerator"]))
    return _ordered(found)


def _before_onset(row: Row, onset: datetime | None, last: datetime) -> Landmark | None:
    at: datetime = row["as_of"]
    found = _landmark(row, followed=onset is not None and at < onset <= at + HORIZON)
    if at + HORIZON > last or lacking(found.values, deceased=bool(row["deceased"])):
        return None
    return found


def _landmark(row: Row, *, followed: bool) -> Landmark:
    values = {each.name: nan if row[each.name] is None else float(row[each.name]) for each in FEATURES}
    return Landmark("/".join(_key(row)), row["as_of"], values, followed)


def _ordered(found: Iterable[Landmark]) -> list[Landmark]:
    return sorted(found, key=lambda mark: (mark.patient, mark.at))


def _key(row: Row) -> tuple[str, str]:
    return row["tenant"], row["patient_id"]


def _first_diagnoses(conditions: Iterable[Row]) -> dict[tuple[str, str], datetime]:
    """When the outcome first began, by tenant and patient."""
    group = BY_NAME[OUTCOME]
    first: dict[tuple[str, str], datetime] = {}
    for row in conditions:
        at = row["onset_at"] or row["recorded_at"]
        true = not row["deleted"] and row["verification_status"] not in NOT_TRUE
        if true and at is not None and group.has(row["code_system"], row["code"]):
            first[_key(row)] = min(at, first.get(_key(row), at))
    return first
