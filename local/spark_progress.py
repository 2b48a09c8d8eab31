"""What a Spark run says while it works, for people: a line for each job and table, and one table at the end."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table


class JobProgress:
    """Takes the JSON lines of `spark.jobs` as they come. What is no such line is passed on as it is."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stdout, soft_wrap=True, highlight=False)
        self._reports: list[dict[str, Any]] = []

    def take(self, line: str) -> None:
        """Prints one event."""
        try:
            event = json.loads(line)
        except ValueError:
            self._console.print(line.rstrip(), markup=False)
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
        """The table of what each job did."""
        table = Table(box=None, pad_edge=False)
        for heading, justify in (
            ("job", "left"),
            ("table", "left"),
            ("written", "right"),
            ("in all", "right"),
            ("seconds", "right"),
            ("notes", "right"),
        ):
            table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        for each in self._reports:
            numbers = (f"{each['rows']:,}", f"{each['total']:,}", f"{each['seconds']:.1f}")
            table.add_row(each["job"], each["table"], *numbers, str(len(each["notes"]) or ""))
        self._console.print(table)
