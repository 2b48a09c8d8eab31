"""The instants at which a patient left acute inpatient care: where a forecast of readmission is made."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.domain.features.patient.facts import Fact
from shared.domain.fhir.dates import date_range, later

ACUTE_CARE: Final = frozenset({"IMP", "ACUTE"})
"""The v3 ActCode classes of a stay that a readmission can follow, as in the measure `readmission` of gold."""
_DAY: Final = timedelta(days=1)


def discharges(facts: Iterable[Fact]) -> list[datetime]:
    """Each instant at which a stay ended, in order. An end more than a day after it was said is expected, and none yet."""
    stays = (each for each in facts if each.type == "Encounter" and each.category in ACUTE_CARE)
    ends = ((left_at(each.ended), datetime.fromisoformat(each.known_at)) for each in stays)
    return sorted({end for end, said in ends if end is not None and end <= later(said, _DAY)})


def left_at(text: str | None) -> datetime | None:
    """The instant that an end as written stands for, in UTC: the first that it covers. None for what is no date."""
    found = date_range(text) if text else None
    return datetime.fromisoformat(found.lo).astimezone(UTC) if found else None
