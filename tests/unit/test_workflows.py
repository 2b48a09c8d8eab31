"""The job graph as workflows: each orchestrator gets every job, after the same ones, at the same times."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.cli.main import main
from local.exits import CommandStopped
from local.layout import CHECKOUT
from local.workflows import airflow, data_factory, databricks
from local.workflows.schedule import Workflow, cron, quartz, recurrence, workflows
from spark.jobs.graph import Job, plan
from tests.patience import PATIENCE_S

AIRFLOW = os.environ.get("GALEN_AIRFLOW_PYTHON", "")
READ_DAGS = """
import importlib.util, json, sys
from airflow.sdk import DAG
spec = importlib.util.spec_from_file_location("galen_dags", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
found = [each for each in vars(module).values() if isinstance(each, DAG)]
for each in found:
    each.check_cycle()
print(json.dumps({d.dag_id: {t.task_id: sorted(t.upstream_task_ids) for t in d.tasks} for d in found}))
"""


def wanted() -> dict[str, dict[str, list[str]]]:
    return {
        f"galen-{each.name}": {job.name: sorted(each.before(job)) for job in each.jobs}
        for each in workflows()
    }


def test_the_first_workflow_has_all_jobs_and_keeps_their_order() -> None:
    first = workflows()[0]
    assert (first.name, first.jobs) == ("all", plan("all"))
    seen: set[str] = set()
    for job in first.jobs:
        assert set(first.before(job)) <= seen
        seen.add(job.name)
    assert len([job for job in first.jobs if not first.before(job)]) >= 1


def test_a_job_waits_for_the_nearest_only() -> None:
    a = Job("a", "bronze", "m:f", "")
    chain = Workflow(
        "w", 60, (a, replace(a, name="b", after=("a",)), replace(a, name="c", after=("a", "b", "x")))
    )
    assert [chain.before(job) for job in chain.jobs] == [(), ("a",), ("b",)]


@pytest.mark.parametrize(
    ("minutes", "five", "seven", "frequency"),
    [
        (15, "*/15 * * * *", "0 */15 * * * ?", ("Minute", 15)),
        (60, "7 * * * *", "0 7 * * * ?", ("Hour", 1)),
        (360, "7 */6 * * *", "0 7 */6 * * ?", ("Hour", 6)),
        (1440, "7 2 * * *", "0 7 2 * * ?", ("Day", 1)),
        (43_200, "7 2 1 * *", "0 7 2 1 * ?", ("Month", 1)),
    ],
)
def test_a_period_is_written_as_each_orchestrator_does(
    minutes: int, five: str, seven: str, frequency: tuple[str, int]
) -> None:
    assert (cron(minutes), quartz(minutes)) == (five, seven)
    found = recurrence(minutes)
    assert (found["frequency"], found["interval"]) == frequency
    with pytest.raises(ValueError, match="do not divide"):
        cron(minutes + 1)


def test_the_dags_name_every_job_and_what_it_follows() -> None:
    found: dict[str, dict[str, list[str]]] = {}
    for block in ast.parse(airflow.dags()).body:
        if not isinstance(block, ast.With):
            continue
        call = block.items[0].context_expr
        assert isinstance(call, ast.Call)
        name = next(ast.literal_eval(each.value) for each in call.keywords if each.arg == "dag_id")
        tasks: dict[str, str] = {}
        after = found.setdefault(name, {})
        for line in block.body:
            if isinstance(line, ast.Assign):
                target = line.targets[0]
                assert isinstance(target, ast.Name)
                assert isinstance(line.value, ast.Call)
                tasks[target.id] = ast.literal_eval(line.value.args[0])
                after[tasks[target.id]] = []
            elif isinstance(line, ast.Expr) and isinstance(line.value, ast.BinOp):
                sources = line.value.left.elts if isinstance(line.value.left, ast.List) else [line.value.left]
                assert isinstance(line.value.right, ast.Name)
                after[tasks[line.value.right.id]] = sorted(
                    tasks[each.id] for each in sources if isinstance(each, ast.Name)
                )
    assert found == wanted()


@pytest.mark.skipif(
    not AIRFLOW,
    reason="not tested: the DAGs in Airflow itself; GALEN_AIRFLOW_PYTHON names a Python that has it",
)
def test_airflow_itself_reads_the_dags(tmp_path: Path) -> None:
    file = tmp_path / "galen_dags.py"
    file.write_text(airflow.dags(), "utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    ended = subprocess.run(
        [AIRFLOW, "-c", READ_DAGS, str(file)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == wanted()


def test_no_orchestrator_trains_again_by_itself_and_each_tries_the_other_jobs_again() -> None:
    trains = [job.name for job in plan("training")]
    wanted_of = {job.name: 0 if job.name in trains else 2 for each in workflows() for job in each.jobs}
    assert set(wanted_of.values()) == {0, 2}
    made = databricks.requests("s3a://lake", "spark_job.py")
    assert {t["task_key"]: t["max_retries"] for each in made for t in each["tasks"]} == wanted_of
    factory = [data_factory.pipeline(each)["properties"]["activities"] for each in workflows()]
    assert {a["name"]: a["policy"]["retry"] for each in factory for a in each} == wanted_of
    said = {
        call["dag_id"]: call["default_args"]["retries"]
        for block in ast.parse(airflow.dags()).body
        if isinstance(block, ast.With) and isinstance(block.items[0].context_expr, ast.Call)
        for call in [_literals(block.items[0].context_expr)]
    }
    assert said == {f"galen-{each.name}": wanted_of[each.jobs[0].name] for each in workflows()}


def _literals(call: ast.Call) -> dict[str, Any]:
    """The keywords of a call; of a dictionary those values that are written out."""
    found: dict[str, Any] = {}
    for each in call.keywords:
        if isinstance(each.value, ast.Dict):
            found[str(each.arg)] = {
                key.value: value.value
                for key, value in zip(each.value.keys, each.value.values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
            }
        elif isinstance(each.value, ast.Constant):
            found[str(each.arg)] = each.value.value
    return found


def test_databricks_gets_a_job_with_a_task_for_each() -> None:
    made = databricks.requests("abfss://lake@x.dfs.core.windows.net", "/Workspace/galen/spark_job.py")
    found = {
        each["name"]: {t["task_key"]: sorted(d["task_key"] for d in t["depends_on"]) for t in each["tasks"]}
        for each in made
    }
    assert found == wanted()
    for job in made:
        clusters = {each["job_cluster_key"] for each in job["job_clusters"]}
        assert job["max_concurrent_runs"] == 1
        for task in job["tasks"]:
            run = task["spark_python_task"]
            assert task["job_cluster_key"] in clusters
            assert run["parameters"] == [task["task_key"], "--lake", "{{job.parameters.lake}}"]
            assert run["python_file"] == "/Workspace/galen/spark_job.py"
            assert {each["pypi"]["package"].split(">")[0] for each in task["libraries"]} >= {
                "msgspec",
                "great-expectations",
            }


def test_the_bundle_takes_along_what_a_task_starts() -> None:
    made = databricks.bundle()
    assert set(made["resources"]["jobs"]) == {name.replace("-", "_") for name in wanted()}
    assert "spark_job.py" in made["sync"]["include"]
    assert (CHECKOUT / "spark_job.py").is_file()
    assert set(made["variables"]) == set(_variables(made["resources"]))


def _variables(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {name for part in value.values() for name in _variables(part)}
    if isinstance(value, list):
        return {name for part in value for name in _variables(part)}
    return {value[6:-1]} if isinstance(value, str) and value.startswith("${var.") else set()


def test_data_factory_gets_a_pipeline_and_a_trigger_for_each() -> None:
    made = data_factory.template()
    by_type: dict[str, list[dict[str, Any]]] = {}
    for resource in made["resources"]:
        by_type.setdefault(resource["type"].rpartition("/")[2], []).append(resource)
    found = {
        each["name"].split("'")[3].removeprefix("/"): {
            a["name"]: sorted(d["activity"] for d in a["dependsOn"]) for a in each["properties"]["activities"]
        }
        for each in by_type["pipelines"]
    }
    assert found == wanted()
    (service,) = by_type["linkedservices"]
    for each in by_type["pipelines"]:
        for activity in each["properties"]["activities"]:
            assert activity["linkedServiceName"]["referenceName"] in service["name"]
            assert activity["typeProperties"]["parameters"][:2] == [activity["name"], "--lake"]
    started = [
        t["properties"]["pipelines"][0]["pipelineReference"]["referenceName"] for t in by_type["triggers"]
    ]
    assert started == list(found)


def test_the_command_prints_what_an_orchestrator_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workflows", "airflow"]) == 0
    compile(capsys.readouterr().out, "dags", "exec")
    for arguments in (["databricks"], ["data-factory"], ["databricks-jobs", "--lake", "s3a://lake"]):
        assert main(["workflows", *arguments]) == 0
        assert json.loads(capsys.readouterr().out)
    with pytest.raises(CommandStopped, match="needs --lake"):
        main(["workflows", "databricks-jobs"])
