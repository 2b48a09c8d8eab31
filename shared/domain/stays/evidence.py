"""What each column of a finished hospital stay was read from: the newest resource, and when that was."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

from shared.domain.features.readmission import BEFORE, DIAGNOSES, DRUGS, RARE_DRUGS
from shared.domain.fhir.dates import range_of
from shared.domain.stays.discharge import (
    Chart,
    Resource,
    begun_of,
    codes_of,
    conditions_of,
    discharges,
    is_laboratory,
    last_a1c,
    period_of,
    takers_of,
    visits_before,
    within,
)

Dated: TypeAlias = tuple[datetime, Resource]


def evidence(chart: Chart, encounter: Resource) -> dict[str, Dated]:
    """Column → instant and resource. One that rests on nothing, such as a drug that nobody requested, is not there.

    Who the patient is and how the stay ended is of its end, how it began of its beginning. A diagnosis is of its onset, else
    of its recording, else of the end of the stay that lists it; a date after that end is none. `BEFORE` is the stay before.
    """
    start, end = period_of(encounter)
    medications = list(within(chart.medications, start, end))
    laboratory = [each for each in within(chart.observations, start, end) if is_laboratory(each)]
    conditions = [(_diagnosed(each, end), each) for each in conditions_of(chart, encounter)]
    taken = {name: _begun(requests) for name, requests in takers_of(medications).items()}
    a1c = last_a1c(chart.observations, start, end)
    found: dict[str, Iterable[Dated]] = {
        **{name: [(end, encounter)] for name in ("age", "time_in_hospital", "discharge_disposition_id")},
        "gender": [(end, encounter)] if chart.patient.get("gender") else [],
        **{name: [(start, encounter)] for name in ("admission_type_id", "admission_source_id")},
        **visits_before(chart, start),
        "num_lab_procedures": _begun(laboratory),
        "num_procedures": _begun(within(chart.procedures, start, end)),
        "num_medications": _begun(each for each in medications if codes_of(each)),
        "number_diagnoses": conditions,
        **{name: [each] for name, each in zip(DIAGNOSES, conditions, strict=False)},
        "A1Cresult": _begun([a1c[1]] if a1c else []),
        **{name: taken.get(name, []) for name in (*DRUGS, *RARE_DRUGS)},
        "diabetesMed": [each for requests in taken.values() for each in requests],
        BEFORE: [(period_of(each)[1], each) for each in _before(chart, encounter)],
    }
    newest = {name: max(each, key=_order, default=None) for name, each in found.items()}
    return {name: each for name, each in newest.items() if each is not None}


def _before(chart: Chart, encounter: Resource) -> list[Resource]:
    stays = discharges(chart)
    return stays[: [each.get("id") for each in stays].index(encounter.get("id"))]


def _begun(resources: Iterable[Resource]) -> list[Dated]:
    return [(at, each) for each in resources if (at := begun_of(each)) is not None]


def _diagnosed(condition: Resource, end: datetime) -> datetime:
    """Charts are coded after the discharge: what is recorded then is known of the stay as it ended."""
    covered = (range_of(condition.get(name)) for name in ("onsetDateTime", "onsetPeriod", "recordedDate"))
    dates = (datetime.fromisoformat(each.lo) for each in covered if each is not None)
    return next((at for at in dates if at <= end), end)


def _order(dated: Dated) -> tuple[datetime, str]:
    return dated[0], str(dated[1].get("id"))
