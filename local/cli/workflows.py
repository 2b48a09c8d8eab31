"""`local workflows`: the job graph as the workflow of an orchestrator, on standard output."""

from __future__ import annotations

import argparse
import json
import sys

from local import exits
from local.cli.options import new_parser

_EXAMPLES = """  python3 -m local workflows airflow > dags/galen.py
  python3 -m local workflows databricks > databricks.yml        then: databricks bundle deploy --var lake=abfss://…
  python3 -m local workflows databricks-jobs --lake abfss://… --file /Workspace/galen/spark_job.py
  python3 -m local workflows data-factory > galen.json          then: az deployment group create --template-file galen.json
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(
        subparsers, "workflows", "print the job graph for Airflow, Databricks or Data Factory", _EXAMPLES
    )
    parser.add_argument(
        "orchestrator", choices=("airflow", "databricks", "databricks-jobs", "data-factory"),
        help="DAGs in Python, an asset bundle, bodies of the Jobs API, or an ARM template",
    )  # fmt: skip
    parser.add_argument("--lake", default="", help="databricks-jobs: the root of the lake")
    parser.add_argument(
        "--file", default="/Workspace/galen/spark_job.py",
        help="databricks-jobs: where spark_job.py lies (default: %(default)s)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Prints what was asked for."""
    sys.stdout.write(_text(args))
    return exits.OK


def _text(args: argparse.Namespace) -> str:
    from local.workflows import airflow, data_factory, databricks

    if args.orchestrator == "airflow":
        return airflow.dags()
    if args.orchestrator == "databricks":
        made: object = databricks.bundle()
    elif args.orchestrator == "data-factory":
        made = data_factory.template()
    elif args.lake:
        made = databricks.requests(args.lake, args.file)
    else:
        raise exits.CommandStopped("databricks-jobs needs --lake, the root of the lake", exits.USAGE)
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"
