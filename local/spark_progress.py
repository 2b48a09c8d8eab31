"""What a Spark run says while it works, for people: a line for each job and table, and one table at the end."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from rich.console import Console
from rich.table import Table

_LOG_WIDTH: Final = 120


class JobProgress:
    """Takes the JSON lines of `spark.jobs` as they come. What is no such line is passed on as it is."""

    def __init__(self, console: Console | None = None) -> None:
        # A log is as wide as its lines; only a terminal has an edge.
        width = None if sys.stdout.isatty() else _LOG_WIDTH
        self._console = console or Console(file=sys.stdout, soft_wrap=True, highlight=False, width=width)
        self._reports: list[dict[str, Any]] = []

    def take(self, line: str) -> None:
        """Prints one event."""
        try:
            event = json.loads(line)
        except ValueError:
            self._console.print(line.rstrip(), markup=False)
            return
        if event["event"] == "current":
            self._reports.clear()
            self._console.print("up to date; waiting for files (Ctrl-C ends)", markup=False)
            return
        if event["event"] == "started":
            place = f"[{event['number']}/{event['of']}]"
            self._console.print(f"{place} {event['job']}: {event['does']}", markup=False)
            return
        self._reports.append(event)
        self._console.print(
            f"      {event['table']}: {event['rows']:,} written in {event['seconds']:.1f} s", markup=False
        )
        for note in event["notes"]:
            self._console.print(f"        {note}", markup=False)

    def close(self) -> None:
        """The table of what each job did, unless that was told pass by pass."""
        if not self._reports:
            return
        table = Table(box=None, pad_edge=False)
        table.add_column("table", overflow="fold")
        for heading in ("written", "in all", "seconds"):
            table.add_column(heading, justify="right", no_wrap=True)
        for each in self._reports:
            numbers = (f"{each['rows']:,}", f"{each['total']:,}", f"{each['seconds']:.1f}")
            table.add_row(each["table"], *numbers)
        self._console.print(table)
