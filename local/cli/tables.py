"""`local tables`: builds the silver tables from raw without Java, by the Python engine of the same views."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.environment import say
from local.spark_environment import lake_root
from shared.domain.fhir.admission import parse_modes

_EXAMPLES = """  python3 -m local tables                  raw to the silver tables, anew, in one process
  python3 -m local tables --data DIR       over the lake of another platform
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "tables", "build the silver tables without Java", _EXAMPLES)
    add_platform_options(parser)


def run(args: argparse.Namespace) -> int:
    """Builds them; what Spark does beyond them needs Java."""
    from local.spark_progress import JobProgress
    from spark.plain.build import build
    from spark.transforms.validating import validate

    lake = lake_root(args.data)
    if not (lake / "raw").is_dir():
        say(f"nothing has been landed below {lake / 'raw'} yet: `python3 -m local up` feeds a sample")
        return exits.OK
    modes = parse_modes(dict(json.loads(os.environ.get("GALEN_VALIDATION_MODES") or "{}")))
    progress = JobProgress()
    for report in build(lake, validate, modes):
        progress.take(json.dumps({"event": "table", "job": "tables", **asdict(report)}))
    progress.close()
    return exits.OK
