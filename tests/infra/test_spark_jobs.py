"""The jobs that the stacks schedule are those of the job graph, and what they submit is there."""

from __future__ import annotations

from infra.spark_jobs import ENTRY_FILE, JOBS
from local.layout import CHECKOUT
from local.workflows.schedule import workflows


def test_the_stacks_schedule_every_job_after_those_it_waits_for() -> None:
    (whole, *_) = workflows()
    assert {name: set(before) for name, before in JOBS} == {
        job.name: set(whole.before(job)) for job in whole.jobs
    }
    assert (CHECKOUT / ENTRY_FILE).is_file()
