"""`local spark`: runs the scheduled jobs over the emulated lake, one line per table."""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.environment import say
from local.spark_environment import lake_root, prepare, run_job

_EXAMPLES = """  python3 -m local spark all               raw to bronze, silver and gold
  python3 -m local spark gold              recompute the gold table alone
  python3 -m local spark all --data DIR    over the lake of another platform
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "spark", "run the Spark jobs over the lake", _EXAMPLES)
    parser.add_argument(
        "job", choices=("all", "bronze", "silver", "gold"), help="which layer, or all in their order"
    )
    add_platform_options(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the job; two runs over one lake follow each other."""
    lake = lake_root(args.data)
    if not (lake / "raw").is_dir():
        say(f"nothing has been landed below {lake / 'raw'} yet: `python3 -m local up` feeds a sample")
        return exits.OK
    runtime = prepare(say=say)
    with _one_at_a_time(args.data):
        run_job(runtime, args.job, lake, args.data / "logs" / "spark.log", _print_report)
    return exits.OK


def _print_report(line: str) -> None:
    report = json.loads(line)
    print(
        f"{report['table']:<66}{report['rows']:>8} rows written {report['total']:>9} in all {report['seconds']:>7.1f} s",
        flush=True,
    )


@contextmanager
def _one_at_a_time(data: Path) -> Iterator[None]:
    with (data / "spark.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                "galen: another Spark run is at work on this lake: waiting for it",
                file=sys.stderr,
                flush=True,
            )
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
