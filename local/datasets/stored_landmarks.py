"""Landmarks out of a lake: the rows of the feature store by the source's clock, and what silver or gold says followed.

Rows at instants that were asked for are the landmarks of onset, those at discharges the landmarks of readmission.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import nan
from pathlib import Path
from typing import Any

from local.datasets.landmarks import Landmark, UnreadablePatients
from shared.domain.features.patient.diagnoses import BY_NAME
from shared.domain.features.patient.discharges import left_at
from shared.domain.features.patient.features import DEFINITION, FEATURES
from shared.domain.features.patient.known import Clock
from shared.domain.onset.cohort import HORIZON_DAYS, OUTCOME, lacking
from shared.names import TABLES

_HORIZON = timedelta(days=HORIZON_DAYS)
_NOT_TRUE = frozenset({"refuted", "entered-in-error"})
Key = tuple[str, str]


def has_store(lake: Path) -> bool:
    """Whether the folder is a lake with a feature store."""
    return _is_there(lake, "features_patients") or _is_there(lake, "features_at_discharges")


def sha256_of_landmarks(found: Iterable[Landmark]) -> str:
    """The hash of everything that a model learns from: patients, instants, values and what followed, in their order."""
    digest = hashlib.sha256()
    for mark in found:
        digest.update(repr((mark.patient, mark.at.isoformat(), mark.values, mark.followed)).encode())
    return digest.hexdigest()


def stored_landmarks(lake: Path) -> list[Landmark]:
    """Each row that the onset model is meant for and whose horizon is over, in order of patient and time.

    Raises UnreadablePatients where the store has no row of this definition by the source's clock, or there is no Encounter.
    """
    encounters = _rows(lake, "silver_encounters")
    rows = _by_source(lake, "features_patients", "--known-by source --as-of …` for the landmarks")
    last = _last(encounters, lake)
    onsets = _first_diagnoses(lake)
    return _ordered(mark for row in rows if (mark := _before_onset(row, onsets.get(_key(row)), last)))


def stored_discharges(lake: Path) -> list[Landmark]:
    """Each discharge that gold's measure `readmission` judges and knows the outcome of, with its row of the store.

    Raises UnreadablePatients where the store has no row of this definition by the source's clock, where there is no gold,
    and where gold is of other Encounters than silver.
    """
    rows = _by_source(
        lake, "features_at_discharges", "--known-by source --at-discharges` for the ends of stays"
    )
    if not _is_there(lake, "gold_quality_rows"):
        raise UnreadablePatients(f"{lake} has no measures of quality: run `python3 -m local spark all`")
    features = {(*_key(row), row["as_of"]): row for row in rows}
    encounters = {(each["tenant"], each["id"]): each for each in _rows(lake, "silver_encounters")}
    last = _last(encounters.values(), lake).date()
    found = []
    for index in _rows(lake, "gold_quality_rows"):
        if index["measure"] != "readmission" or not index["in_denominator"] or index["known_on"] > last:
            continue
        encounter = encounters.get((index["tenant"], index["subject_id"]))
        if encounter is None:
            raise UnreadablePatients(
                f"gold in {lake} judges Encounters that silver does not have: run `python3 -m local spark all`"
            )
        row = features.get((*_key(index), left_at(encounter["ended_text"])))
        if row is not None:
            found.append(_landmark(row, followed=index["in_numerator"]))
    return _ordered(found)


def _last(encounters: Iterable[Mapping[str, Any]], lake: Path) -> datetime:
    """The newest beginning of an Encounter: until then patients were followed."""
    begun: list[datetime] = [each["started_at"] for each in encounters if each["started_at"]]
    if not begun:
        raise UnreadablePatients(f"no Encounter in {lake} says when it began")
    return max(begun)


def _by_source(lake: Path, name: str, how: str) -> list[dict[str, Any]]:
    rows = [
        row
        for row in (_rows(lake, name) if _is_there(lake, name) else ())
        if row["known_by"] == Clock.SOURCE and row["definition"] == DEFINITION
    ]
    if not rows:
        raise UnreadablePatients(
            f"the feature store in {lake} has no rows by the source's clock: run `python3 -m local spark features {how}"
        )
    return rows


def _before_onset(row: Mapping[str, Any], onset: datetime | None, last: datetime) -> Landmark | None:
    at: datetime = row["as_of"]
    found = _landmark(row, followed=onset is not None and at < onset <= at + _HORIZON)
    if at + _HORIZON > last or lacking(found.values, deceased=bool(row["deceased"])):
        return None
    return found


def _landmark(row: Mapping[str, Any], *, followed: bool) -> Landmark:
    values = {each.name: nan if row[each.name] is None else float(row[each.name]) for each in FEATURES}
    return Landmark("/".join(_key(row)), row["as_of"], values, followed)


def _ordered(found: Iterable[Landmark]) -> list[Landmark]:
    return sorted(found, key=lambda mark: (mark.patient, mark.at))


def _key(row: Mapping[str, Any]) -> Key:
    return row["tenant"], row["patient_id"]


def _first_diagnoses(lake: Path) -> dict[Key, datetime]:
    """When the outcome first began, by tenant and patient."""
    group = BY_NAME[OUTCOME]
    first: dict[Key, datetime] = {}
    for row in _rows(lake, "silver_conditions"):
        at = row["onset_at"] or row["recorded_at"]
        true = not row["deleted"] and row["verification_status"] not in _NOT_TRUE
        if true and at is not None and group.has(row["code_system"], row["code"]):
            first[_key(row)] = min(at, first.get(_key(row), at))
    return first


def _is_there(lake: Path, name: str) -> bool:
    return (lake / TABLES[name] / "_delta_log").is_dir()


def _rows(lake: Path, name: str) -> list[dict[str, Any]]:
    from deltalake import DeltaTable

    return list(DeltaTable(lake / TABLES[name]).to_pyarrow_table().to_pylist())
