"""The jobs that the clouds' schedules run, as `spark_job.py` takes them; a test holds them to `spark/jobs/graph.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.names import MLFLOW_STORE

Jobs = tuple[tuple[str, tuple[str, ...]], ...]
JOBS: Final[Jobs] = (
    ("bronze", ()),
    ("safety-reports", ("bronze",)),
    ("quality-bronze", ("bronze",)),
    ("silver", ("quality-bronze",)),
    ("events", ("silver",)),
    ("references", ("silver",)),
    ("quality-silver", ("events", "references")),
    ("gold", ("quality-silver", "safety-reports")),
    ("freshness", ("gold",)),
    ("quality-gold", ("gold",)),
    ("sql", ("quality-gold",)),
)
"""Each job and those it waits for."""
ENTRY_FILE: Final = "spark_job.py"
"""What is submitted: beside it lie the packages `spark` and `shared`."""
RUN_MINUTE: Final = 7
"""Of every hour."""
MONTHLY: Final[Mapping[str, Jobs]] = {"training": (("train-onset", ()), ("train-readmission", ()))}
"""Of those beside, what runs on the first day of a month, with its jobs. They train: none is tried again by itself, for what
a run left before it failed would be made twice, and one that was refused is refused again."""
BESIDE: Final[tuple[str, ...]] = ("upkeep", "features", *MONTHLY)
"""Jobs and layers on the same tables that run by themselves, the others once a day."""
RUN_HOUR: Final = 2
"""Of the day, for those, in UTC."""
LIBRARIES: Final[tuple[str, ...]] = ("msgspec>=0.20", "simplejson>=3.20", "great-expectations>=1.24")
"""What a cluster of Databricks installs for the jobs; the versions are those of pyproject.toml."""
TRAINING_LIBRARIES: Final[tuple[str, ...]] = ("mlflow-skinny>=3.5", "scikit-learn>=1.6")
"""What it installs beside them for those that train: the runtime's own may be older."""
TRAINING_ENVIRONMENT: Final = "training.tar.gz"
"""Beside the entry file on AWS: a packed virtual environment with all that the jobs that train import."""
IN_DATABRICKS: Final[dict[str, str]] = {
    MLFLOW_STORE: "databricks",
    "MLFLOW_REGISTRY_URI": "databricks",
}
"""Runs and versions are kept by the workspace: https://docs.databricks.com/mlflow/tracking-server-configuration"""
