"""`local check`: format, lint, types and import contracts, in one table."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from local import exits
from local.cli.options import new_parser
from local.layout import CHECKOUT

_TYPED = ("function_app.py", "functions", "infra", "local", "shared", "spark")
_EXAMPLES = """  python3 -m local check
  python3 -m local check --fix             format and correct what can be corrected, then check
  python3 -m local check --only types
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One check: its name in the table and its command."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """How one check ended."""

    step: Step
    exit_code: int
    output: str
    seconds: float


def steps() -> tuple[Step, ...]:
    """The checks in the order in which a person wants to read them."""
    tools = Path(sys.prefix) / "bin"
    typed = [name for name in _TYPED if (CHECKOUT / name).exists()]
    return (
        Step("format", (str(tools / "ruff"), "format", "--check", ".")),
        Step("lint", (str(tools / "ruff"), "check", ".")),
        Step("types", (sys.executable, "-m", "mypy", *typed)),
        Step("imports", (str(tools / "lint-imports"), "--no-cache")),
    )


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = new_parser(subparsers, "check", "format, lint, types and import contracts", _EXAMPLES)
    names = [step.name for step in steps()]
    parser.add_argument("--only", choices=names, action="append", help="run this one; may be given again")
    parser.add_argument("--fix", action="store_true", help="format and correct what can be corrected first")


def run(args: argparse.Namespace) -> int:
    """0 where every check passes, 1 with what failed."""
    if args.fix:
        ruff = str(Path(sys.prefix) / "bin" / "ruff")
        for fix in (("check", "--fix", "--quiet", "."), ("format", "--quiet", ".")):
            subprocess.run([ruff, *fix], cwd=CHECKOUT, stdout=subprocess.DEVNULL, check=False)
    chosen = [step for step in steps() if not args.only or step.name in args.only]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(_run_step, chosen))
    for result in results:
        if result.exit_code:
            print(f"--- {result.step.name}\n{result.output.rstrip()}\n", file=sys.stderr)
    _print_table(results)
    return exits.FINDING if any(result.exit_code for result in results) else exits.OK


def _run_step(step: Step) -> Result:
    started = time.monotonic()
    done = subprocess.run(step.command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    return Result(step, done.returncode, done.stdout + done.stderr, time.monotonic() - started)


def _print_table(results: Sequence[Result]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for column in ("check", "result", "seconds"):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    for result in results:
        verdict = "[red]failed[/red]" if result.exit_code else "[green]passed[/green]"
        table.add_row(result.step.name, verdict, f"{result.seconds:.1f}")
    Console(stderr=True).print(table)
