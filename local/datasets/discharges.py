"""Patients of FHIR bundles at the end of a stay: features as known then, and whether an unplanned admission followed.

Stays, exclusions and outcome are those of the measure `readmission` in gold, by the same function
(`spark/measures/readmission.py`); features are those of the feature store, by the source's clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from shared.domain.features.patient.discharges import ACUTE_CARE, left_at
from shared.domain.features.patient.facts import Fact
from shared.domain.features.patient.features import vector
from shared.domain.features.patient.known import Clock, known
from shared.domain.fhir.dates import date_range
from spark.measures.readmission import WINDOW_DAYS, Stay, indexes
from spark.training.landmarks import NOT_HELD, Landmark

Resource = Mapping[str, Any]
_NOT_DONE = frozenset({"not-done", "entered-in-error", "preparation"})


def discharges_of(
    patient: str, resources: Sequence[Resource], facts: Sequence[Fact], last: datetime
) -> Iterator[Landmark]:
    """A landmark for each discharge of the measure's denominator whose thirty days end by `last`."""
    encounters = [each for each in resources if each["resourceType"] == "Encounter" and _held(each)]
    emergencies = [end.date() for each in encounters if _class(each) == "EMER" and (end := _end(each))]
    done = _done_in(resources)
    stays = [stay for each in encounters if (stay := _stay(each, done))]
    for index in indexes(stays, emergencies, _died_on(resources)):
        at = index.stay.discharged_at
        if index.excluded or at is None or (last.date() - index.discharged_on).days < WINDOW_DAYS:
            continue
        seen = known(facts, at, Clock.SOURCE)
        if seen is not None:
            yield Landmark(patient, at, vector(seen), index.readmitted)


def _stay(encounter: Resource, done: Mapping[str, set[str]]) -> Stay | None:
    start, end = _instant((encounter.get("period") or {}).get("start")), _end(encounter)
    if _class(encounter) not in ACUTE_CARE or start is None or (end is not None and end < start):
        return None
    codes = (
        _code(encounter.get("type")),
        _code(encounter.get("reasonCode")),
        *done[str(encounter.get("id"))],
    )
    stated = (encounter.get("hospitalization") or {}).get("dischargeDisposition")
    return Stay(
        str(encounter.get("id")), (encounter.get("serviceProvider") or {}).get("reference"), start, end,
        frozenset(code for code in codes if code), _code([stated] if stated else None),
    )  # fmt: skip


def _done_in(resources: Iterable[Resource]) -> Mapping[str, set[str]]:
    """The codes of the procedures that were done, by the encounter's id."""
    found: dict[str, set[str]] = defaultdict(set)
    for each in resources:
        if each["resourceType"] == "Procedure" and each.get("status") not in _NOT_DONE:
            reference = str((each.get("encounter") or {}).get("reference") or "")
            found[reference.removeprefix("urn:uuid:").removeprefix("Encounter/")].add(
                _code([each.get("code") or {}]) or ""
            )
    return found


def _died_on(resources: Iterable[Resource]) -> date | None:
    person: Resource = next((each for each in resources if each["resourceType"] == "Patient"), {})
    at = _instant(person.get("deceasedDateTime"))
    return at.date() if at else None


def _held(encounter: Resource) -> bool:
    return encounter.get("status") not in NOT_HELD


def _class(encounter: Resource) -> str | None:
    code = (encounter.get("class") or {}).get("code")
    return str(code) if code else None


def _end(encounter: Resource) -> datetime | None:
    return left_at((encounter.get("period") or {}).get("end"))


def _instant(text: str | None) -> datetime | None:
    found = date_range(text) if text else None
    return datetime.fromisoformat(found.lo).astimezone(UTC) if found else None


def _code(concepts: Sequence[Resource] | None) -> str | None:
    """The code of the first coding of the first concept."""
    coding = ((concepts or [{}])[0].get("coding") or [{}])[0]
    return str(coding["code"]) if "code" in coding else None
