"""The jobs that the stacks schedule are those of the job graph, and what they submit is there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.spark_jobs import (
    BESIDE,
    ENTRY_FILE,
    IN_DATABRICKS,
    JOBS,
    LIBRARIES,
    MONTHLY,
    RUN_HOUR,
    RUN_MINUTE,
    TRAINING_LIBRARIES,
)
from local.layout import CHECKOUT
from local.workflows import databricks
from local.workflows.schedule import cron, workflows
from shared.names import SQL_URL
from spark.jobs.graph import plan
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
    assert {workflow.name: cron(workflow.every_minutes) for workflow in beside} == {
        name: f"{RUN_MINUTE} {RUN_HOUR} {1 if name in MONTHLY else '*'} * *" for name in BESIDE
    }


def test_a_cluster_installs_what_the_workflows_name_and_what_trains_only_where_models_are_trained() -> None:
    for workflow in workflows():
        for job in workflow.jobs:
            named = [each["pypi"]["package"] for each in databricks.libraries(job)]
            trains = workflow.name in MONTHLY
            assert sorted(named) == sorted((*LIBRARIES, *(TRAINING_LIBRARIES if trains else ())))
    assert databricks.IN_DATABRICKS == IN_DATABRICKS


def test_a_stack_trains_on_the_first_of_each_month() -> None:
    (trigger,) = _made("azure-dev", "training-monthly")
    recurrence = trigger["properties"]["recurrence"]
    assert recurrence["frequency"] == "Month"
    assert recurrence["schedule"] == {"hours": [RUN_HOUR], "minutes": [RUN_MINUTE], "monthDays": [1]}
    (pipeline,) = [each for each in _made("azure-dev", "-training") if "activities" in each]
    assert {each["name"] for each in pipeline["activities"]} == {job.name for job in plan("training")}
    for activity in pipeline["activities"]:
        assert activity["parameters"][0] == activity["name"]
        assert activity["policy"]["retry"] == 0
        assert "dependsOn" not in activity or not activity["dependsOn"]
        assert {each["pypi"]["package"] for each in activity["libraries"]} == {
            *LIBRARIES,
            *TRAINING_LIBRARIES,
        }
    (others,) = [each for each in _made("azure-dev", "-features") if "activities" in each]
    assert [each["policy"]["retry"] for each in others["activities"]] == [1]
    (schedule,) = [each for each in _made("aws-dev", "-training") if "scheduleExpression" in each]
    assert schedule["scheduleExpression"] == f"cron({RUN_MINUTE} {RUN_HOUR} 1 * ? *)"
    submitted = json.loads(schedule["target"]["input"])["JobDriver"]["SparkSubmit"]
    assert submitted["EntryPointArguments"][0] == "training"
    assert "training.tar.gz#environment" in submitted["SparkSubmitParameters"]
    assert "driverEnv.PYSPARK_PYTHON=./environment/bin/python" in submitted["SparkSubmitParameters"]
    (daily,) = [each for each in _made("aws-dev", "-features") if "scheduleExpression" in each]
    assert "environment" not in daily["target"]["input"]


def _made(stack: str, name: str) -> list[dict[str, Any]]:
    """The inputs of what the stack makes under a name that ends so."""
    return [each.inputs for each in recorded(stack).recording.resources if each.name.endswith(name)]


@pytest.mark.parametrize("stack", ["azure-dev", "aws-dev"])
def test_a_stack_starts_upkeep_and_tells_the_jobs_their_database(stack: str) -> None:
    resources = recorded(stack).recording.resources
    said = [json.dumps(each.inputs, default=str) for each in resources]
    jobs = [text for text in said if f'"{BESIDE[0]}' in text and "--lake" in text.replace("\\", "")]
    assert jobs
    urls = [text for text in said if SQL_URL in text and "jdbc:" in text]
    assert urls
