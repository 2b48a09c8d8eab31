"""Patients of FHIR bundles at landmarks: features as known at the first of each year, and whether the outcome followed.

Known by the source's clock (`shared/domain/features/patient/known.py`): the histories were simulated in one day. What
states no date of recording is not known at any landmark.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.domain.features.patient.diagnoses import BY_NAME
from shared.domain.features.patient.facts import Fact, facts_of
from shared.domain.features.patient.features import vector
from shared.domain.features.patient.known import Clock, Known, is_looked_at, known
from shared.domain.fhir.dates import EARLIEST, date_range
from shared.domain.onset.cohort import HORIZON_DAYS, OUTCOME, lacking
from spark.training.landmarks import NOT_HELD, Landmark, UnreadablePatients

NEVER = "9999-12-31T00:00:00Z"


def bundle_files(folder: Path) -> list[Path]:
    """The bundles below a folder, or the one file, in the order of their names."""
    return [folder] if folder.is_file() else sorted(folder.rglob("*.json"), key=lambda each: each.name)


def resources_in(file: Path) -> list[Any]:
    """The resources of a bundle of one patient. Raises UnreadablePatients where the file is no such bundle."""
    try:
        bundle = json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError) as broken:
        raise UnreadablePatients(f"{file} is no JSON") from broken
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise UnreadablePatients(f"{file} is no FHIR Bundle")
    with as_in_fhir(file):
        found = [entry["resource"] for entry in bundle.get("entry") or () if entry.get("resource")]
        if not all(isinstance(each["resourceType"], str) for each in found):
            raise TypeError("a type that is no text")
    return found


@contextmanager
def as_in_fhir(file: Path) -> Iterator[None]:
    """Within it resources of a file are read. Raises UnreadablePatients where an element has not the form FHIR gives it."""
    try:
        yield
    except UnreadablePatients:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as broken:
        raise UnreadablePatients(f"{file} holds what is no FHIR resource") from broken


def facts_in(resources: Iterable[Any]) -> list[Fact]:
    """What the resources of one patient say."""
    return [fact for each in resources for fact in facts_of(each, NEVER) if is_looked_at(fact)]


def landmarks_of(patient: str, facts: Sequence[Fact], years: range, last: datetime) -> Iterator[Landmark]:
    """The landmarks at which the model is meant for the patient, and whose horizon ends by `last`."""
    everything = known(facts, last, Clock.SOURCE)
    onset = _first_diagnosis(everything) if everything else None
    for year in years:
        at = datetime(year, 1, 1, tzinfo=UTC)
        end = at + timedelta(days=HORIZON_DAYS)
        seen = known(facts, at, Clock.SOURCE) if end <= last else None
        if seen is None:
            continue
        values = vector(seen)
        if not lacking(values, deceased=seen.died is not None):
            yield Landmark(patient, at, values, onset is not None and at < onset <= end)


def _first_diagnosis(patient: Known) -> datetime | None:
    group = BY_NAME[OUTCOME]
    return next((each.at for each in patient.of("Condition") if group.has(each.system, each.code)), None)


def last_instant(facts: Sequence[Fact]) -> datetime:
    """The newest beginning of an Encounter that took place, not after now: until then the patient was followed."""
    held = (fact for fact in facts if fact.type == "Encounter" and fact.status not in NOT_HELD)
    ranges = (date_range(fact.begun) for fact in held if fact.begun)
    begun = (datetime.fromisoformat(found.lo) for found in ranges if found)
    now = datetime.now(UTC)
    return max((at for at in begun if at <= now), default=datetime.fromisoformat(EARLIEST))
