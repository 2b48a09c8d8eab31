"""Age groups at an encounter.

Source: the age groups of the National Hospital Ambulatory Medical Care Survey's summary tables (CDC, National Center for
Health Statistics): under 15, 15-24, 25-44, 45-64, 65-74, 75 and over. https://www.cdc.gov/nchs/nhamcs/
Age is in completed years on the day the encounter starts; a birth date of only a year or month counts from its first
day. Without a birth date, or with a start before birth, the group is `unknown`.
"""

from __future__ import annotations

from datetime import date
from typing import Final

UNKNOWN: Final = "unknown"
LOWER_BOUNDS_YEARS: Final = (
    (75, "75+"),
    (65, "65-74"),
    (45, "45-64"),
    (25, "25-44"),
    (15, "15-24"),
    (0, "0-14"),
)


def completed_years(birth_on: date, on: date) -> int:
    """Whole years lived on the day `on`; negative before birth. Born on 29 February: a year is completed on 1 March."""
    return on.year - birth_on.year - ((on.month, on.day) < (birth_on.month, birth_on.day))


def age_group(birth_on: date | None, on: date | None) -> str:
    """The group's label, or `unknown`."""
    if birth_on is None or on is None:
        return UNKNOWN
    years = completed_years(birth_on, on)
    return next((label for lower, label in LOWER_BOUNDS_YEARS if years >= lower), UNKNOWN)
