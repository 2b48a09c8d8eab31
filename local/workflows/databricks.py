"""The job graph as a Databricks asset bundle, and as the bodies of the Jobs API.

https://docs.databricks.com/dev-tools/bundles/resources and https://docs.databricks.com/api/workspace/jobs/create (2.2).
A bundle is read as YAML, of which JSON is a part.
"""

from __future__ import annotations

import tomllib
from typing import Any, Final

from local.layout import CHECKOUT
from local.workflows.airflow import description
from local.workflows.schedule import Workflow, quartz, retries, workflows
from shared.names import MLFLOW_STORE
from spark.jobs.graph import TRAINING, Job

_CLUSTER: Final = "galen"
RUNTIME: Final = "17.3.x-scala2.13"
"""Long-term support: Spark 4.0 with its own Delta, pandas and pyarrow."""
_BROUGHT: Final = ("msgspec", "simplejson", "great-expectations")
"""What the jobs import beyond that; the versions are those of the groups in pyproject.toml."""
_FOR_TRAINING: Final = ("mlflow-skinny", "scikit-learn")
"""What those that train import beyond that: the runtime's own may be older."""
IN_DATABRICKS: Final = {MLFLOW_STORE: "databricks", "MLFLOW_REGISTRY_URI": "databricks"}
"""Runs and versions are kept by the workspace: https://docs.databricks.com/mlflow/tracking-server-configuration"""
_RETRY_AFTER_MS: Final = 5 * 60_000
_LONGEST_S: Final = 3_600
SIZES: Final = {"workers": "2", "node_type": "Standard_D4ds_v5"}


def bundle() -> dict[str, Any]:
    """`databricks.yml` at the root of the checkout, whose files `databricks bundle deploy` takes into the workspace."""
    return {
        "bundle": {"name": "galen"},
        "variables": {
            "lake": {
                "description": "the root of the lake: abfss://<file system>@<account>.dfs.core.windows.net"
            },
            "node_type": {"description": "the machine of a node", "default": SIZES["node_type"]},
            "workers": {"description": "nodes beside the driver", "default": SIZES["workers"]},
        },
        "sync": {
            "include": ["spark/**", "shared/**", "spark_job.py"],
            "exclude": ["tests/**", "docs/**", "local/**"],
        },
        "resources": {
            "jobs": {
                f"galen_{workflow.name.replace('-', '_')}": _job(
                    workflow,
                    "${workspace.file_path}/spark_job.py",
                    "${var.lake}",
                    "${var.node_type}",
                    "${var.workers}",
                )
                for workflow in workflows()
            }
        },
        "targets": {"production": {"mode": "production", "default": True}},
    }


def requests(lake: str, file: str) -> list[dict[str, Any]]:
    """The body of `POST /api/2.2/jobs/create` for each workflow; `file` is where spark_job.py lies in the workspace."""
    return [_job(workflow, file, lake, SIZES["node_type"], int(SIZES["workers"])) for workflow in workflows()]


def libraries(job: Job) -> list[dict[str, Any]]:
    """What a cluster installs from PyPI before the job."""
    groups = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    wanted = (
        each for name in ("function", "quality", "ml") for each in groups[name] if isinstance(each, str)
    )
    named = (*_BROUGHT, *(_FOR_TRAINING if job.layer == TRAINING else ()))
    return [{"pypi": {"package": each}} for each in wanted if each.split(">")[0] in named]


def _job(workflow: Workflow, file: str, lake: str, node_type: str, workers: int | str) -> dict[str, Any]:
    return {
        "name": f"galen-{workflow.name}",
        "description": description(workflow),
        "schedule": {
            "quartz_cron_expression": quartz(workflow.every_minutes), "timezone_id": "UTC", "pause_status": "UNPAUSED",
        },
        "max_concurrent_runs": 1,
        "queue": {"enabled": False},
        "parameters": [{"name": "lake", "default": lake}],
        "job_clusters": [
            {
                "job_cluster_key": _CLUSTER,
                "new_cluster": {
                    "spark_version": RUNTIME, "node_type_id": node_type, "num_workers": workers,
                    "data_security_mode": "SINGLE_USER", "spark_env_vars": IN_DATABRICKS,
                },
            }
        ],
        "tasks": [_task(workflow, job, file) for job in workflow.jobs],
        "tags": {"project": "galen"},
    }  # fmt: skip


def _task(workflow: Workflow, job: Job, file: str) -> dict[str, Any]:
    return {
        "task_key": job.name,
        "description": job.does,
        "depends_on": [{"task_key": name} for name in workflow.before(job)],
        "job_cluster_key": _CLUSTER,
        "spark_python_task": {
            "python_file": file, "source": "WORKSPACE", "parameters": [job.name, "--lake", "{{job.parameters.lake}}"],
        },
        "libraries": libraries(job),
        "max_retries": retries(job),
        "min_retry_interval_millis": _RETRY_AFTER_MS,
        "timeout_seconds": _LONGEST_S,
    }  # fmt: skip
