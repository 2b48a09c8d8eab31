"""The jobs that the stacks schedule are those of the job graph, and what they submit is there."""

from __future__ import annotations

import json

import pytest

from infra.spark_jobs import BESIDE, ENTRY_FILE, JOBS, RUN_HOUR, RUN_MINUTE
from local.layout import CHECKOUT
from local.workflows.schedule import cron, workflows
from shared.names import SQL_URL
from tests.infra.stacks import recorded

# The providers deprecate names of their own as they are loaded.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_the_stacks_schedule_every_job_after_those_it_waits_for() -> None:
    (whole, *_) = workflows()
    assert {name: set(before) for name, before in JOBS} == {
        job.name: set(whole.before(job)) for job in whole.jobs
    }
    assert (CHECKOUT / ENTRY_FILE).is_file()


def test_what_runs_beside_them_is_scheduled_at_the_time_of_the_workflows() -> None:
    (_, *beside) = workflows()
    assert [workflow.name for workflow in beside] == list(BESIDE)
    assert {cron(workflow.every_minutes) for workflow in beside} == {f"{RUN_MINUTE} {RUN_HOUR} * * *"}


@pytest.mark.parametrize("stack", ["azure-dev", "aws-dev"])
def test_a_stack_starts_upkeep_and_tells_the_jobs_their_database(stack: str) -> None:
    resources = recorded(stack).recording.resources
    said = [json.dumps(each.inputs, default=str) for each in resources]
    jobs = [text for text in said if f'"{BESIDE[0]}' in text and "--lake" in text.replace("\\", "")]
    assert jobs
    urls = [text for text in said if SQL_URL in text and "jdbc:" in text]
    assert urls
