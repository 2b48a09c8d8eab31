"""What `up` prints once the platform serves: the functions as `func` lists them, the URLs, the connection strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from local.host.engine import FunctionDefinition
from local.host.listing import function_list
from local.run_state import RunState

_ROUTE_PREFIX = ""
_DOORS = (
    ("API", "/fhir"),
    ("capabilities", "/fhir/metadata"),
    ("alerts", "/alerts"),
    ("health", "/health"),
    ("metrics", "/metrics"),
)
_AWS = ("AWS_", "GALEN_LAKE_BUCKET", "GALEN_LANDING_BUCKET", "GALEN_STREAMS", "GALEN_TABLE")


def print_banner(state: RunState, functions: Sequence[Mapping[str, Any]]) -> None:
    """Prints it on standard output, as tables on a terminal and as plain lines elsewhere."""
    console = Console(soft_wrap=True, highlight=False)
    console.print(function_list(map(_definition, functions), state.url, _ROUTE_PREFIX), markup=False)
    addresses = [(name, f"{state.url}{path}") for name, path in _DOORS]
    addresses += [
        (f"{process.name} (process {process.pid})", process.url) for process in state.processes.values()
    ]
    _print_rows(console, "Listening on", addresses)
    _print_rows(console, *_ways_in(state.settings))


def _ways_in(settings: Mapping[str, str]) -> tuple[str, list[tuple[str, str]]]:
    """How other programs reach the emulators: on AWS by the variables that its command line and SDKs read."""
    if "AWS_ENDPOINT_URL" in settings:
        shown = [(name, settings[name]) for name in sorted(settings) if name.startswith(_AWS)]
        return "Environment of AWS tools, and where things are", shown
    return "Connection strings", sorted((n, value) for n, value in settings.items() if "Key=" in value)


def _print_rows(console: Console, title: str, rows: Sequence[tuple[str, str]]) -> None:
    if not console.is_terminal:
        console.print(f"{title}:", markup=False)
        for name, value in rows:
            console.print(f"  {name}: {value}", markup=False)
        console.print()
        return
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)
    console.print()


def _definition(function: Mapping[str, Any]) -> FunctionDefinition:
    bindings = tuple(function["config"]["bindings"])
    trigger = next(binding for binding in bindings if str(binding["type"]).lower().endswith("trigger"))
    return FunctionDefinition(function["name"], function["name"], bindings, trigger, is_async=True)
