"""The Spark engine passes every published test, by its plan wherever SQL has the counterpart."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.fhir.json import decode_object, encode
from shared.domain.fhir.views import ViewError
from spark.views.frame import SparkView
from tests.unit.views.by_hand import hand_cases
from tests.unit.views.published import Case, published_cases, unordered

BY_PYTHON = {"fn_boundary", "fhirpath_numbers"}
"""Suites with expressions that SQL would compute with other digits."""
HAND_STEP = 10
"""Every so manieth of the views written by hand; all of them where GALEN_TEST_EVERYTHING is set."""


FrameOf = Callable[[Case], Any]


@pytest.fixture(scope="module")
def frame_of(spark: Any) -> FrameOf:
    """The resources of a case; most cases of a suite have the same."""
    frames: dict[tuple[str, ...], Any] = {}

    def found(case: Case) -> Any:
        texts = tuple(encode(resource) for resource in case.resources)
        if texts not in frames:
            frames[texts] = spark.createDataFrame([(text,) for text in texts], "body string").coalesce(1)
        return frames[texts]

    return found


@pytest.mark.parametrize("case", published_cases(), ids=lambda case: case.name)
def test_a_published_view_gives_its_rows_or_is_refused(frame_of: FrameOf, case: Case) -> None:
    if case.expect is None:
        with pytest.raises(ViewError):
            list(SparkView(case.view).json_lines(frame_of(case)))
        return
    view = SparkView(case.view)
    assert (view.plan is None) == (case.name.partition(":")[0] in BY_PYTHON), view.why_python
    rows = [decode_object(line) for line in view.json_lines(frame_of(case))]
    assert unordered(rows) == unordered(case.expect)
    assert all(tuple(row) == view.view.names for row in rows)


def test_a_view_written_by_hand_gives_the_same_rows_in_the_same_order(spark: Any) -> None:
    resources, cases = hand_cases()
    chosen = cases if os.environ.get("GALEN_TEST_EVERYTHING") else cases[::HAND_STEP]
    assert any(case.rows is None for case in chosen)
    frame = spark.createDataFrame([(encode(each),) for each in resources], "body string").coalesce(1).cache()
    for case in chosen:
        if case.rows is None:
            with pytest.raises(ViewError):
                list(SparkView(case.view).json_lines(frame))
        else:
            found = list(SparkView(case.view).json_lines(frame))
            assert found == [encode(row) for row in case.rows], case.name
