"""The response thresholds of the guidelines."""

from __future__ import annotations

import pytest

from shared.domain.alerts import Severity, response_to


@pytest.mark.parametrize(
    ("model", "total", "highest", "severity"),
    [
        ("news2", 4, 2, None), ("news2", 0, 0, None), ("news2", 3, 3, Severity.P2), ("news2", 5, 2, Severity.P2),
        ("news2", 6, 3, Severity.P2), ("news2", 7, 2, Severity.P1), ("news2", 20, 3, Severity.P1),
        ("qsofa", 1, 1, None), ("qsofa", 2, 1, Severity.P2), ("qsofa", 3, 1, Severity.P2),
    ],
)  # fmt: skip
def test_answers_a_score_as_the_guideline_says(
    model: str, total: int, highest: int, severity: Severity | None
) -> None:
    response = response_to(model, total, highest)
    assert (response.severity if response else None) == severity
