"""Ages and partial birth dates."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from shared.domain.scores.model import PatientContext, birth_date_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1980", date(1980, 12, 31)), ("1980-02", date(1980, 2, 29)), ("1980-12", date(1980, 12, 31)),
        ("1980-05-07", date(1980, 5, 7)), (None, None), ("", None), ("unknown", None), ("1980-13", None),
    ],
)  # fmt: skip
def test_reads_a_partial_birth_date_as_the_youngest_it_can_mean(
    text: str | None, expected: date | None
) -> None:
    assert birth_date_of(text) == expected


@pytest.mark.parametrize(("day", "age"), [(28, 15), (29, 16)])
def test_counts_completed_years(day: int, age: int) -> None:
    assert PatientContext(date(2008, 2, 29)).age_at(datetime(2024, 2, day, tzinfo=UTC)) == age
