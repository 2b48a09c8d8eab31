"""Proportion of days covered (PDC) over several fills of one medication.

Source: Pharmacy Quality Alliance, PDC measures; J. A. Cramer et al., Medication compliance and persistence:
terminology and definitions, Value in Health 11 (2008) 44-47. The share of the days of a window on which the patient
had supply at hand. A fill while supply is left starts when that supply ends, so no day counts twice and nothing
dispensed early is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

WINDOW_DAYS: Final = 365
ADHERENT_FROM: Final = 0.8
"""The threshold at which PQA counts a patient as adherent."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One supply: the day it was obtained and how many days it lasts."""

    on: date
    days: int


def days_covered(fills: Iterable[Fill], first_on: date, last_on: date) -> int:
    """How many days of the window, both ends included, had supply at hand."""
    covered = 0
    until: date | None = None
    for fill in sorted(fills, key=lambda each: (each.on, each.days)):
        if fill.days <= 0:
            continue
        if fill.on > last_on or (until is not None and until >= last_on):
            break
        starts = fill.on if until is None else max(fill.on, until + timedelta(days=1))
        # Not past the window: a supply said to last a thousand years would leave the calendar, which may end with it.
        until = starts + timedelta(days=min(fill.days - 1, (last_on - starts).days))
        covered += max(0, (until - max(starts, first_on)).days + 1)
    return covered


def proportion_of_days_covered(fills: Iterable[Fill], first_on: date, last_on: date) -> float:
    """The share of the window's days that were covered. Raises ValueError for a window that ends before it starts."""
    length = (last_on - first_on).days + 1
    if length <= 0:
        raise ValueError("the window of a PDC ends before it starts")
    return days_covered(fills, first_on, last_on) / length
