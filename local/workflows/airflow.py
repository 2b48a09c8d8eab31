"""The job graph as a file of Airflow DAGs. https://airflow.apache.org/docs/apache-airflow/3.0.0/core-concepts/dags.html"""

from __future__ import annotations

from local.workflows.schedule import Workflow, cron, retries, workflows

_HEAD = '''\
"""The jobs over the lake as DAGs of Airflow 3. Made by `python3 -m local workflows airflow`: change spark/jobs/graph.py.

Two Airflow variables say how: `galen_lake` is the root of the lake (abfss://…, s3a://… or a folder); `galen_submit` is the
command line to which a job's name is added, by default a process that runs Spark where the worker is.
"""

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

SUBMIT = "{{ var.value.get('galen_submit', 'python -m spark.jobs') }}"
LAKE = "{{ var.value.galen_lake }}"


def job(name: str, does: str) -> BashOperator:
    return BashOperator(task_id=name, bash_command=f"{SUBMIT} {name} --lake '{LAKE}'", doc_md=does)
'''
_DAG = """

with DAG(
    dag_id="galen-{name}",
    description="{description}",
    schedule="{cron}",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={{"retries": {retries}, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True}},
    tags=["galen"],
) as galen_{variable}:
"""


def dags() -> str:
    """Python source: one DAG for each workflow."""
    return _HEAD + "".join(_dag(workflow) for workflow in workflows())


def _dag(workflow: Workflow) -> str:
    variables = {each.name: each.name.replace("-", "_") for each in workflow.jobs}
    lines = [f'    {variables[each.name]} = job("{each.name}", "{each.does}")' for each in workflow.jobs]
    for each in workflow.jobs:
        before = [variables[name] for name in workflow.before(each)]
        if before:
            source = before[0] if len(before) == 1 else f"[{', '.join(before)}]"
            lines.append(f"    {source} >> {variables[each.name]}")
    head = _DAG.format(
        name=workflow.name,
        variable=workflow.name.replace("-", "_"),
        description=description(workflow),
        cron=cron(workflow.every_minutes),
        retries=min(map(retries, workflow.jobs)),
    )
    return head + "\n".join(lines) + "\n"


def description(workflow: Workflow) -> str:
    """One sentence for the list of workflows."""
    if workflow.name == "all":
        return "raw to bronze, silver and gold"
    return "; ".join(job.does for job in workflow.jobs)
