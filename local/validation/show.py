"""The progress of a validation on standard error, and its summary as a table."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Final

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from local.environment import say
from local.validation.summary import Summary

RULES_SHOWN: Final = 40
_EVERY_S: Final = 0.1
_PLAIN_EVERY_S: Final = 5.0
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


def headline(summary: Summary, seconds: float) -> str:
    """How many, of these valid and invalid, how fast: one line, and one of what was left out."""
    valid = summary.resources - summary.invalid
    parts = [f"{valid:,} valid"]
    if summary.remarked:
        parts[0] += f" ({summary.remarked:,} with remarks)"
    parts.append(f"{summary.invalid:,} invalid")
    if summary.unreadable:
        parts[1] += f" ({summary.unreadable:,} unreadable)"
    counted = f"{_many(summary.resources, 'resource')} in {_many(len(summary.files), 'file')}"
    if summary.bundles:
        counted += f" (of these {_many(summary.bundles, 'Bundle')} with {_many(summary.entries, 'entry')})"
    # A Bundle is as much work as its entries.
    work = summary.resources - summary.bundles + summary.entries
    rate = work / seconds if seconds > 0 else 0
    of_what = "resources and entries/s" if summary.entries else "resources/s"
    return f"{counted}: {', '.join(parts)}; {seconds:.1f} s, {rate:,.0f} {of_what}"


def left_out_line(endings: Counter[str]) -> str:
    """The files whose ending no command reads, by ending; empty where there are none."""
    if not endings:
        return ""
    named = ", ".join(f"{count} {ending or 'without one'}" for ending, count in endings.most_common())
    return f"{_many(endings.total(), 'file')} left out by ending: {named}"


def print_summary(summary: Summary, out: IO[str]) -> None:
    """Two lines a rule, errors first: what is counted and what it says, then where it was found first."""
    rules = summary.by_weight()
    if not rules:
        return
    console = Console(file=out, highlight=False, soft_wrap=not out.isatty())
    heads = ("severity", "rule", "resources", "issues")
    rows = [
        (key.severity, _printable(key.rule or key.code), f"{count.resources:,}", f"{count.issues:,}")
        for key, count in rules[:RULES_SHOWN]
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    console.print(_row(heads, widths))
    for row, (key, count) in zip(rows, rules, strict=False):
        style = _STYLES.get(key.severity, "")
        line = escape(_row(row, widths))
        console.print(line.replace(key.severity, f"[{style}]{key.severity}[/]", 1) if style else line)
        for text in (count.first.text, f"first: {_short(count.place)} {count.first.expression}".rstrip()):
            console.print(
                Padding(escape(_printable(text)), (0, 0, 0, 4))
                if out.isatty()
                else f"    {escape(_printable(text))}"
            )
    console.print()
    if len(rules) > RULES_SHOWN:
        console.print(f"and {len(rules) - RULES_SHOWN} more rules", markup=False)
    console.print("--format ndjson lists every finding of every resource", markup=False)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return "  ".join((*texts, *numbers))


def _short(place: str) -> str:
    """Of a member of an archive `!member`: the archive is what was asked about."""
    archive, found, member = place.partition("!")
    return f"!{member}" if found and archive else place


def _printable(text: str) -> str:
    """Names come from whoever made the archive: an escape sequence in one would command the terminal."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _many(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"
