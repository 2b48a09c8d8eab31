"""Landmarks out of a lake in a folder: its tables are read by deltalake, without Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.domain.features.patient.features import DEFINITION
from shared.domain.features.patient.known import Clock
from shared.names import TABLES
from spark.training.landmarks import (
    Landmark,
    UnreadablePatients,
    after_discharge,
    before_onset,
    followed_until,
)


def has_store(lake: Path) -> bool:
    """Whether the folder is a lake with a feature store."""
    return _is_there(lake, "features_patients") or _is_there(lake, "features_at_discharges")


def stored_landmarks(lake: Path) -> list[Landmark]:
    """Each row that the onset model is meant for and whose horizon is over, in order of patient and time.

    Raises UnreadablePatients where the store has no row of this definition by the source's clock, or there is no Encounter.
    """
    encounters = _rows(lake, "silver_encounters")
    rows = _by_source(lake, "features_patients", "--known-by source --as-of …` for the landmarks")
    last = _last(encounters, lake)
    return before_onset(rows, _rows(lake, "silver_conditions"), last)


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
    encounters = _rows(lake, "silver_encounters")
    last = _last(encounters, lake)
    try:
        return after_discharge(rows, _rows(lake, "gold_quality_rows"), encounters, last)
    except UnreadablePatients as apart:
        raise UnreadablePatients(f"{lake}: {apart}: run `python3 -m local spark all`") from apart


def _last(encounters: Iterable[Mapping[str, Any]], lake: Path) -> datetime:
    """Until when patients were followed."""
    last = followed_until(encounters, datetime.now(UTC))
    if last is None:
        raise UnreadablePatients(f"no Encounter in {lake} says when it began")
    return last


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


def _is_there(lake: Path, name: str) -> bool:
    return (lake / TABLES[name] / "_delta_log").is_dir()


def _rows(lake: Path, name: str) -> list[dict[str, Any]]:
    from deltalake import DeltaTable

    return list(DeltaTable(lake / TABLES[name]).to_pyarrow_table().to_pylist())
