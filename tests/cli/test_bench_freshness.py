"""The arithmetic of the freshness bench."""

from __future__ import annotations

from local.bench.freshness import Run, figures


def test_a_file_is_visible_with_the_first_pass_that_had_taken_all_of_it() -> None:
    run = Run(
        landed=[(0.0, 3), (2.0, 6), (4.0, 9), (6.0, 12)],
        written=[(0.9, 0), (4.0, 6), (8.0, 9)],
        passes=[(1.0, 0), (5.0, 6), (9.0, 9)],
        gold=3,
    )
    assert run.delays_s(run.written) == [2.0, 4.0, 4.0]
    assert figures(run, 4) == {
        "files": 4, "visible": 3, "visits": 4, "in_gold": 3, "passes": 3,
        "median_s": 4.0, "p95_s": 4.0, "longest_s": 4.0, "whole_p95_s": 5.0, "goal_p95_s": 300.0,
    }  # fmt: skip
