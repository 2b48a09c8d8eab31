"""The Python engine gives the rows that the specification asks for, in their order, and refuses what it forbids."""

from __future__ import annotations

import pytest

from shared.domain.fhir.json import encode
from shared.domain.fhir.views import View, ViewError
from tests.unit.views.by_hand import HandCase, hand_cases

RESOURCES, CASES = hand_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_view_gives_its_rows_or_is_refused(case: HandCase) -> None:
    if case.rows is None:
        with pytest.raises(ViewError):
            rows_of(case)
    else:
        assert rows_of(case) == [encode(row) for row in case.rows]


def rows_of(case: HandCase) -> list[str]:
    view = View(case.view)
    return [encode(row) for resource in RESOURCES for row in view.rows(resource)]


def test_there_are_cases_of_both_kinds_and_each_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert {case.rows is None for case in CASES} == {True, False}
