"""The continuous jobs: a pass when they begin, one whenever files came, and the end that they are told or come to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.spark.conftest import RawLake
from tests.spark.test_jobs import PATIENT, WEIGHT, Jobs


def test_a_database_that_fails_and_a_promotion_that_is_stopped_end_no_continuous_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from spark.jobs.__main__ import one_pass
    from spark.jobs.stops import DatabaseRefused, PromotionStopped, SchemaRefused

    def failing(failure: Exception) -> Iterator[dict[str, Any]]:
        yield {"event": "started"}
        raise failure

    for failure in (DatabaseRefused("the database is away"), PromotionStopped("stopped (P2)")):
        one_pass(failing(failure))
        said = capsys.readouterr()
        assert said.out.splitlines() == ['{"event": "started"}', '{"event": "current"}']
        assert said.err.strip() == str(failure)
    with pytest.raises(SchemaRefused):
        one_pass(failing(SchemaRefused("another type")))


def test_what_is_landed_while_they_run_is_taken_and_what_was_before_too(
    spark: Any, raw: RawLake, capfd: pytest.CaptureFixture[str]
) -> None:
    from spark.jobs.live import follow
    from spark.jobs.stops import PromotionStopped

    jobs = Jobs(spark, raw.root)
    raw.stream(PATIENT)
    ended = threading.Event()
    taken: list[int] = []

    def landed() -> int:
        """What a pass would take: the files that were not there when the last one looked."""
        return len(list(raw.root.glob("raw/**/*.gz"))) - sum(taken)

    def one_pass() -> None:
        taken.append(landed())
        if len(taken) == 1:
            raw.stream(WEIGHT)
        else:
            ended.set()

    follow(jobs.context, one_pass, every_s=0.1, ended=ended)
    assert taken == [1, 1]

    def stopped() -> None:
        if landed():
            raise PromotionStopped("as it was raised")
        raw.stream(PATIENT | {"id": "p2"})

    with pytest.raises(PromotionStopped, match="as it was raised"):
        follow(jobs.context, stopped, every_s=0.1, ended=threading.Event())
    capfd.readouterr()  # the JVM tells of the failure too
