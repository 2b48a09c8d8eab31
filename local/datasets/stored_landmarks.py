"""Landmarks out of a lake: the rows of the feature store by the source's clock, and what silver says followed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import nan
from pathlib import Path
from typing import Any

from local.datasets.landmarks import Landmark, UnreadablePatients
from shared.domain.features.patient.diagnoses import BY_NAME
from shared.domain.features.patient.features import DEFINITION, FEATURES
from shared.domain.features.patient.known import Clock
from shared.domain.onset.cohort import HORIZON_DAYS, OUTCOME, lacking
from shared.names import TABLES

_HORIZON = timedelta(days=HORIZON_DAYS)
_NOT_TRUE = frozenset({"refuted", "entered-in-error"})
Key = tuple[str, str]


def has_store(lake: Path) -> bool:
    """Whether the folder is a lake with a feature store."""
    return (lake / TABLES["features_patients"] / "_delta_log").is_dir()


def store_files(lake: Path) -> list[Path]:
    """The files of the store as it is now: what the training data's hash is of."""
    from deltalake import DeltaTable

    folder = lake / TABLES["features_patients"]
    return [folder / uri.rpartition("/")[2] for uri in DeltaTable(folder).file_uris()]


def stored_landmarks(lake: Path) -> list[Landmark]:
    """Each row that the model is meant for and whose horizon is over, in order of patient and time.

    Raises UnreadablePatients where the store has no row of this definition by the source's clock.
    """
    rows = [
        row
        for row in _rows(lake, "features_patients")
        if row["known_by"] == Clock.SOURCE and row["definition"] == DEFINITION
    ]
    if not rows:
        raise UnreadablePatients(
            f"the feature store in {lake} has no rows by the source's clock: run `python3 -m local spark features "
            "--known-by source --as-of …` for the landmarks"
        )
    onsets = _first_diagnoses(lake)
    last = max(row["started_at"] for row in _rows(lake, "silver_encounters") if row["started_at"])
    found = [mark for row in rows if (mark := _landmark(row, onsets, last)) is not None]
    return sorted(found, key=lambda mark: (mark.patient, mark.at))


def _landmark(row: Mapping[str, Any], onsets: Mapping[Key, datetime], last: datetime) -> Landmark | None:
    values = {each.name: nan if row[each.name] is None else float(row[each.name]) for each in FEATURES}
    at: datetime = row["as_of"]
    if at + _HORIZON > last or lacking(values, deceased=bool(row["deceased"])):
        return None
    onset = onsets.get((row["tenant"], row["patient_id"]))
    return Landmark(
        f"{row['tenant']}/{row['patient_id']}", at, values, onset is not None and at < onset <= at + _HORIZON
    )


def _first_diagnoses(lake: Path) -> dict[Key, datetime]:
    """When the outcome first began, by tenant and patient."""
    group = BY_NAME[OUTCOME]
    first: dict[Key, datetime] = {}
    for row in _rows(lake, "silver_conditions"):
        at = row["onset_at"] or row["recorded_at"]
        true = not row["deleted"] and row["verification_status"] not in _NOT_TRUE
        if true and at is not None and group.has(row["code_system"], row["code"]):
            key = row["tenant"], row["patient_id"]
            first[key] = min(at, first.get(key, at))
    return first


def _rows(lake: Path, name: str) -> list[dict[str, Any]]:
    from deltalake import DeltaTable

    return list(DeltaTable(lake / TABLES[name]).to_pyarrow_table().to_pylist())
