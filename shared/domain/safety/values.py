"""What the codes, ages and dates of an adverse event report mean.

https://open.fda.gov/apis/drug/event/searchable-fields/ after ICH E2B(R2):
https://www.ich.org/page/electronic-standards-estri-e2br3
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

OLDEST_YEARS: Final = 130
# patient.patientonsetageunit → years in one unit
YEARS_IN_A_UNIT: Final = {
    "800": Decimal(10),  # decade
    "801": Decimal(1),  # year
    "802": Decimal(1) / 12,  # month
    "803": Decimal(7) / Decimal("365.25"),  # week
    "804": Decimal(1) / Decimal("365.25"),  # day
    "805": Decimal(1) / Decimal("8766"),  # hour
}
# E2B date formats → how many digits count: 102 is day, 610 month, 602 year
_DATE_DIGITS: Final = {"102": 8, "610": 6, "602": 4}


def age_in_years(age: Any, unit: Any) -> int | None:
    """Completed years; None without a unit of the code list, below zero, or past every human age."""
    factor = YEARS_IN_A_UNIT.get(str(unit).strip())
    if factor is None or isinstance(age, bool):
        return None
    try:
        years = Decimal(str(age).strip()) * factor
    except InvalidOperation:
        return None
    if not years.is_finite() or not 0 <= years < OLDEST_YEARS + 1:
        return None
    # Twelve months are one year although a twelfth has no exact decimal.
    whole = int(round(years, 9))
    return whole if whole <= OLDEST_YEARS else None


def day_of(text: Any, date_format: Any) -> date | None:
    """A date by its E2B format, by its length where no format is given; None for what is no day of the calendar."""
    digits = text_of(text) or ""
    wanted = _DATE_DIGITS.get(str(date_format), len(digits))
    if not digits.isdigit() or len(digits) < wanted or wanted not in _DATE_DIGITS.values():
        return None
    full = (digits[:wanted] + "0101")[:8] if wanted < 8 else digits[:8]
    try:
        return date(int(full[:4]), int(full[4:6]), int(full[6:8]))
    except ValueError:
        return None


def text_of(value: Any) -> str | None:
    """A text without the blanks around it; None for an empty one and for what is no text."""
    text = value.strip() if isinstance(value, str) else ""
    return text or None
