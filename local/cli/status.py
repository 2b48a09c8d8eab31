"""`local status`: what runs, where it listens, and what it has done: per door, dead letters, alerts, lag, freshness."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.run_state import RunState, find_platform

_EXAMPLES = """  python3 -m local status
  python3 -m local status --data /tmp/second
  python3 -m local status --format json    run.json and the counts, on one line
  python3 -m local status --no-counts      the processes alone, at once
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "status", "show what runs, where it listens and since when", _EXAMPLES)
    add_platform_options(parser)
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="how to print it (default table)"
    )
    parser.add_argument("--no-counts", action="store_true", help="do not ask the platform what it has done")


def run(args: argparse.Namespace) -> int:
    """0 where a platform runs; NotRunning, code 3, where none does."""
    state = find_platform(args.data, args.port)
    counts = None if args.no_counts else _counts(state)
    if args.format == "json":
        print(json.dumps({**asdict(state), "counts": counts}))
    else:
        _print_processes(state)
        if counts is not None:
            _print_counts(counts)
    return exits.OK


def _counts(state: RunState) -> dict[str, Any] | None:
    """None where the platform does not answer, which must not keep the processes from being shown."""
    from local.delivery.platform_counts import platform_counts

    try:
        return platform_counts(state)
    except OSError:
        return None


def _print_processes(state: RunState) -> None:
    print(f"{state.state} on {state.url} for {_age(state.started_at)}")
    print(f"data in {state.data}, logs of the processes in {Path(state.data) / 'logs'}")
    heads = ("process", "pid", "url", "up for", "restarts", "log")
    rows = [
        (
            process.name, str(process.pid) if process.pid else "restarting", process.url,
            _age(process.started_at), str(process.restarts), Path(process.log).name,
        )
        for process in state.processes.values()
    ]  # fmt: skip
    _print_rows((heads, *rows))


def _print_counts(counts: dict[str, Any]) -> None:
    print()
    rows = [
        (door, str(each["lines"]), str(each["versions"]), str(each["rejected"]))
        for door, each in counts["doors"].items()
    ]
    _print_rows((("door", "lines", "versions", "rejected"), *rows))
    lag = ", ".join(f"{hub} {number}" for hub, number in counts["lag_events"].items())
    ages = counts["freshness_seconds"]
    fresh = ", ".join(f"{layer} {age:.0f} s ago" for layer, age in ages.items())
    told = {
        "scores": str(counts["scores"]),
        "alerts": ", ".join(f"{number} {name}" for name, number in counts["alerts"].items()),
        "dead letters open": ", ".join(f"{n} at {stage}" for stage, n in counts["dead_letters_open"].items()),
        "events not yet landed": lag or "not measured yet",
        "newest file of each layer": fresh or "not measured yet",
    }
    print()
    for name, value in told.items():
        print(f"{name}: {value or 'none'}")


def _print_rows(rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they must be; nothing is cut and nothing is padded at the end of a line."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _age(since: str) -> str:
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds())
    minutes, seconds = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    )
