"""The progress of a validation on standard error, and its summary as a table."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from local.environment import say
from local.validation.summary import Summary

RULES_SHOWN: Final = 40
_EVERY_S: Final = 0.1
_PLAIN_EVERY_S: Final = 5.0
_WIDTH_OF_A_FILE: Final = 10_000
"""Nothing is folded there: a line can be searched for its path."""
_STYLES: Final = {"fatal": "bold red", "error": "red", "warning": "yellow"}

Report = Callable[[int, Summary], None]
"""Hears how many bytes were read from disk so far, and what was found in them."""


@contextmanager
def progress(total_bytes: int, *, beside_lines: bool) -> Iterator[Report]:
    """A bar by bytes with the number of resources; a line now and then where there is no terminal.

    With `beside_lines` there is no bar where the lines go to the same terminal.
    """
    if beside_lines and sys.stdout.isatty():
        yield lambda _read, _summary: None
        return
    if not sys.stderr.isatty():
        yield _seldom(_say, _PLAIN_EVERY_S, first=False)
        return
    columns = (
        TextColumn("validating"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True, highlight=False)
    # Standard output is ours: left to rich, it would be written to standard error while the bar is there.
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("", total=total_bytes or None)

        def show(read: int, summary: Summary) -> None:
            found = f"{summary.resources:,} resources, {summary.invalid:,} invalid"
            bar.update(task, completed=min(read, total_bytes), description=found)

        yield _seldom(show, _EVERY_S, first=True)


def _say(_: int, summary: Summary) -> None:
    say(f"validated {summary.resources:,} resources, {summary.invalid:,} of them invalid")


def _seldom(show: Report, every_s: float, *, first: bool) -> Report:
    """`show` not more often than that: drawing costs more than validating."""
    last = 0.0 if first else time.monotonic()

    def report(read: int, summary: Summary) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= every_s:
            last = now
            show(read, summary)

    return report


def headline(summary: Summary, files: int, seconds: float) -> str:
    """One line: how many, of these valid and invalid, how fast."""
    valid = summary.resources - summary.invalid
    parts = [f"{valid:,} valid"]
    if summary.remarked:
        parts[0] += f" ({summary.remarked:,} with remarks)"
    parts.append(f"{summary.invalid:,} invalid")
    if summary.unreadable:
        parts[1] += f" ({summary.unreadable:,} unreadable)"
    rate = summary.resources / seconds if seconds > 0 else 0
    counted = f"{_many(summary.resources, 'resource')} in {_many(files, 'file')}"
    return f"{counted}: {', '.join(parts)}; {seconds:.1f} s, {rate:,.0f} resources/s"


def print_summary(summary: Summary, out: IO[str]) -> None:
    """The table by rule, errors first; nothing where no rule spoke."""
    rules = summary.by_weight()
    if not rules:
        return
    console = Console(file=out, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_FILE
    table = Table(box=None, pad_edge=False)
    for name, justify in (
        ("severity", "left"),
        ("rule", "left"),
        ("resources", "right"),
        ("issues", "right"),
    ):
        table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=True)
    table.add_column("first found", overflow="fold")
    table.add_column("what to do")
    for key, count in rules[:RULES_SHOWN]:
        style = _STYLES.get(key.severity, "")
        severity = f"[{style}]{key.severity}[/]" if style else key.severity
        place = _printable(f"{count.place} {count.first.expression}".rstrip())
        table.add_row(
            severity, escape(key.rule or key.code), f"{count.resources:,}", f"{count.issues:,}",
            escape(place), escape(count.first.text),
        )  # fmt: skip
    console.print(table)
    if len(rules) > RULES_SHOWN:
        console.print(
            f"and {len(rules) - RULES_SHOWN} more rules: --format ndjson has every finding", markup=False
        )


def _printable(text: str) -> str:
    """Names come from whoever made the archive: an escape sequence in one would command the terminal."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
