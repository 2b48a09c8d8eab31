"""`local status`: what runs, where it listens, and what it has done: per door, dead letters, alerts, lag, freshness."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.run_state import RunState, find_platform

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_OF_A_FILE = 240
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


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_FILE
    return console


def _print_processes(state: RunState) -> None:
    from rich.table import Table

    console = _console()
    console.print(f"{state.state} on {state.url}, data in {state.data}, for {_age(state.started_at)}")
    table = Table(box=None)
    for column in ("process", "pid", "url", "up for", "restarts", "log"):
        table.add_column(column, no_wrap=True)
    for process in state.processes.values():
        pid = str(process.pid) if process.pid else "restarting"
        table.add_row(
            process.name, pid, process.url, _age(process.started_at), str(process.restarts), process.log
        )
    console.print(table)


def _print_counts(counts: dict[str, Any]) -> None:
    from rich.table import Table

    console = _console()
    table = Table(box=None)
    for column in ("door", "lines", "versions", "rejected"):
        table.add_column(column, justify="left" if column == "door" else "right")
    for door, each in counts["doors"].items():
        table.add_row(door, str(each["lines"]), str(each["versions"]), str(each["rejected"]))
    console.print(table)
    alerts = ", ".join(f"{number} {name}" for name, number in counts["alerts"].items()) or "none"
    letters = (
        ", ".join(f"{number} at {stage}" for stage, number in counts["dead_letters_open"].items()) or "none"
    )
    lag = ", ".join(f"{hub} {number}" for hub, number in counts["lag_events"].items()) or "not measured yet"
    ages = counts["freshness_seconds"]
    fresh = ", ".join(f"{layer} {age:.0f} s" for layer, age in ages.items()) or "not measured yet"
    console.print(f"scores: {counts['scores']}; alerts: {alerts}; dead letters open: {letters}")
    console.print(f"events not yet landed: {lag}; newest file of each layer: {fresh}")


def _age(since: str) -> str:
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds())
    minutes, seconds = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    )
