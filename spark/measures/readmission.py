"""Thirty-day all-cause unplanned readmission, after the hospital-wide measure of CMS.

Source: Centers for Medicare & Medicaid Services, Hospital-Wide All-Cause Unplanned Readmission Measure (NQF 1789),
and its Planned Readmission Algorithm, version 4.0:
https://qualitynet.cms.gov/inpatient/measures/readmission/methodology The rules kept: stays that follow each other
within a day at another organisation are one episode, answered for by the last; a patient who died in the stay or left
against advice is no index; the first admission within 30 days of discharge decides, whether or not the patient has
left again; where it was planned the index is not readmitted, and what follows it does not count against that index.
What differs: all ages and all causes are counted, while CMS leaves out psychiatric, rehabilitation and cancer
treatment stays and who is not insured for the year before. CMS tells planned admissions by
ICD-10 and CCS groups of claims. Here an admission is planned when its type, its reason or a procedure during it has
one of the SNOMED CT codes below (transplantation, chemotherapy, radiotherapy, rehabilitation, delivery, planned
admission), unless the patient came through an emergency encounter that ended on the day of the admission or the day
before. Risk adjustment is not done: these are observed shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

WINDOW_DAYS: Final = 30
TRANSFER_DAYS: Final = 1
LEFT_AGAINST_ADVICE: Final = frozenset({"07", "aadvice"})
"""NUBC patient discharge status 07; HL7 discharge-disposition `aadvice`."""
DIED: Final = frozenset({"20", "exp"})
"""NUBC patient discharge status 20; HL7 discharge-disposition `exp`."""
PLANNED_CODES: Final = frozenset(
    {
        "8715000",  # Hospital admission, elective
        "305408004",  # Admission to surgical department
        "183495009",  # Non-urgent orthopedic admission
        "56876005",  # Drug rehabilitation and detoxification
        "394656005",  # Inpatient care and rehabilitation
        "52052004",  # Rehabilitation therapy
        "367336001",  # Chemotherapy
        "703423002",  # Combined chemotherapy and radiation therapy
        "108290001",  # Radiation oncology and/or radiotherapy
        "33195004",  # Teleradiotherapy procedure
        "77465005",  # Transplantation
        "70536003",  # Transplant of kidney
        "18027006",  # Transplantation of liver
        "32413006",  # Transplantation of heart
        "88039007",  # Transplant of lung
        "23719005",  # Transplantation of bone marrow
        "236974004",  # Instrumental delivery
        "66348005",  # Childbirth
        "11466000",  # Cesarean section
    }
)


@dataclass(frozen=True, slots=True)
class Stay:
    """One inpatient encounter; `codes` are those of its type, reason and procedures.

    Without `discharged_at` the patient is still there, or nobody knows since when not: it may be what follows a
    discharge, and is itself none.
    """

    encounter_id: str
    organization_id: str | None
    admitted_at: datetime
    discharged_at: datetime | None
    codes: frozenset[str] = frozenset()
    discharge_code: str | None = None

    @property
    def admitted_on(self) -> date:
        """The day of admission, UTC."""
        return self.admitted_at.date()


@dataclass(frozen=True, slots=True)
class Index:
    """What became of one episode: `excluded` is why it is no index, `next_id` the admission that followed within 30 days."""

    stay: Stay
    first: Stay
    discharged_on: date
    excluded: str | None
    next_id: str | None
    readmitted: bool


def indexes(stays: Iterable[Stay], emergency_ends: Sequence[date], died_on: date | None) -> list[Index]:
    """One row per episode of one patient that has ended, in order of admission."""
    episodes = list(_episodes(sorted(stays, key=lambda each: (each.admitted_at, each.encounter_id))))
    found = []
    for number, episode in enumerate(episodes):
        last = episode[-1]
        if last.discharged_at is None:
            continue
        left_on = last.discharged_at.date()
        excluded = _excluded(last, left_on, died_on)
        follower = episodes[number + 1][0] if number + 1 < len(episodes) else None
        soon = follower if follower and (follower.admitted_on - left_on).days <= WINDOW_DAYS else None
        unplanned = soon is not None and not is_planned(soon, emergency_ends)
        found.append(
            Index(
                stay=last,
                first=episode[0],
                discharged_on=left_on,
                excluded=excluded,
                next_id=soon.encounter_id if soon else None,
                readmitted=unplanned and excluded is None,
            )
        )
    return found


def is_planned(stay: Stay, emergency_ends: Sequence[date]) -> bool:
    """Whether an admission was planned: the module's rule. `emergency_ends` are the days emergency encounters ended."""
    if not stay.codes & PLANNED_CODES:
        return False
    return not any(0 <= (stay.admitted_on - each).days <= 1 for each in emergency_ends)


def _episodes(stays: Sequence[Stay]) -> Iterator[list[Stay]]:
    """Transfers joined; of stays that overlap, too."""
    current: list[Stay] = []
    for stay in stays:
        if current and _continues(current[-1], stay):
            # A stay inside another ends nothing: the episode is over when the longer one is.
            if _leaves_later(stay, current[-1]):
                current.append(stay)
            continue
        if current:
            yield current
        current = [stay]
    if current:
        yield current


def _leaves_later(stay: Stay, before: Stay) -> bool:
    return before.discharged_at is not None and (
        stay.discharged_at is None or stay.discharged_at >= before.discharged_at
    )


def _continues(before: Stay, stay: Stay) -> bool:
    if before.discharged_at is None:  # nobody knows how long it lasted: it takes in nothing that came later
        return False
    if stay.admitted_at <= before.discharged_at:
        return True
    gap = (stay.admitted_on - before.discharged_at.date()).days
    return gap <= TRANSFER_DAYS and stay.organization_id != before.organization_id


def _excluded(stay: Stay, left_on: date, died_on: date | None) -> str | None:
    if stay.discharge_code in DIED or (died_on is not None and died_on <= left_on):
        return "died during the stay"
    if stay.discharge_code in LEFT_AGAINST_ADVICE:
        return "left against advice"
    return None
