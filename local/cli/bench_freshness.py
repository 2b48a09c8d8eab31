"""`local bench freshness`: how long what is landed takes to be visible in gold while the continuous jobs run."""

from __future__ import annotations

import argparse
import importlib.util
import json
import tempfile
from pathlib import Path

from local import exits


def add(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds the kind of bench."""
    parser = kinds.add_parser(
        "freshness", help="landed to visible in gold by the continuous jobs (needs Spark)"
    )
    parser.add_argument("--seconds", type=float, default=300, metavar="S", help="of landing (default 300)")
    parser.add_argument("--every", type=float, default=2, metavar="S", help="between two files (default 2)")
    parser.add_argument("--visits", type=int, default=20, metavar="N", help="in a file (default 20)")
    return parser


def run(args: argparse.Namespace) -> int:
    """0 where the goal was reached and gold has everything, 1 where not."""
    from local.bench.freshness import GOAL_S, FreshnessBench, figures
    from local.environment import say
    from local.spark_environment import prepare

    if importlib.util.find_spec("great_expectations") is None:
        raise exits.CommandStopped(
            "the jobs judge quality too: `python3 -m local spark` installs what they need", exits.USAGE
        )
    runtime = prepare(say=say)
    with tempfile.TemporaryDirectory() as folder:
        bench = FreshnessBench(Path(folder), runtime.variables())
        try:
            seen = bench.measure(args.seconds, args.every, args.visits)
        except RuntimeError as failure:
            raise exits.CommandStopped(str(failure)) from failure
        found = figures(seen, bench.visits)
    if args.format == "json":
        print(json.dumps(found))
    else:
        print(
            f"{found['visible']} of {found['files']} files visible in gold after {found['passes']} passes; "
            f"seconds from landed to visible: median {found['median_s']}, p95 {found['p95_s']}, "
            f"longest {found['longest_s']} (goal: p95 below {GOAL_S:.0f}), p95 {found['whole_p95_s']} to all of gold; "
            f"gold counts {found['in_gold']:,} of {found['visits']:,} encounters"
        )
    reached = (
        found["p95_s"] < GOAL_S and found["visible"] == found["files"] and found["in_gold"] == found["visits"]
    )
    return exits.OK if reached else exits.FINDING
