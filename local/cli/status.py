"""`local status`: what runs, where it listens and since when."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime

from local import exits
from local.cli.options import add_platform_options, new_parser
from local.run_state import RunState, find_platform

_WIDTH_OF_A_FILE = 240
_EXAMPLES = """  python3 -m local status
  python3 -m local status --data /tmp/second
  python3 -m local status --format json    the whole of run.json, on one line
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "status", "show what runs, where it listens and since when", _EXAMPLES)
    add_platform_options(parser)
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="how to print it (default table)"
    )


def run(args: argparse.Namespace) -> int:
    """0 where a platform runs; NotRunning, code 3, where none does."""
    state = find_platform(args.data, args.port)
    if args.format == "json":
        print(json.dumps(asdict(state)))
    else:
        _print_table(state)
    return exits.OK


def _print_table(state: RunState) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_FILE
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


def _age(since: str) -> str:
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds())
    minutes, seconds = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    )
