"""The Python engine passes every published test there is."""

from __future__ import annotations

import pytest

from shared.domain.fhir.views import View, ViewError
from tests.unit.views.published import NOT_TESTED, Case, published_cases, unordered

WITH_ROWS = [case for case in published_cases() if case.expect is not None]


@pytest.mark.parametrize("case", published_cases(), ids=lambda case: case.name)
def test_a_published_view_gives_its_rows_or_is_refused(case: Case) -> None:
    if case.expect is None:
        with pytest.raises(ViewError):
            [View(case.view).rows(resource) for resource in case.resources]
        return
    view = View(case.view)
    rows = [row for resource in case.resources for row in view.rows(resource)]
    assert unordered(rows) == unordered(case.expect)


@pytest.mark.parametrize("case", WITH_ROWS, ids=lambda case: case.name)
def test_every_row_has_every_column_in_the_order_of_the_view(case: Case) -> None:
    view = View(case.view)
    rows = [row for resource in case.resources for row in view.rows(resource)]
    assert all(tuple(row) == view.names for row in rows)


def test_the_published_suite_is_there() -> None:
    if not published_cases():
        pytest.skip(NOT_TESTED)
    assert len(published_cases()) >= 75
