"""Progress and the table per door, on standard error; plain where that is no terminal, without colour under NO_COLOR."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from local.delivery.account import REASONS_SHOWN, Account
from local.delivery.confirm import Confirmer
from local.delivery.deliver import Progress as Report
from local.environment import say

_PLAIN_EVERY_S: Final = 5.0
_WIDTH_OF_A_FILE: Final = 160
_NAMES_SHOWN: Final = 10
_COLUMNS: Final = (
    "door", "received", "valid", "rejected", "landed", "recorded", "scored", "alerts raised", "seconds", "resources/s",
)  # fmt: skip


def console() -> Console:
    """Standard error, wide enough for a table where it is a file."""
    made = Console(stderr=True, highlight=False)
    if not made.is_terminal:
        made.width = _WIDTH_OF_A_FILE
    return made


@contextmanager
def progress(door: str) -> Iterator[Report]:
    """A bar of what was found among what was sent; a line now and then where there is no terminal."""
    if not sys.stderr.isatty():
        yield _plain(door)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(), transient=True) as bar:
        task = bar.add_task(f"{door}: recorded", total=None)
        yield lambda _, confirmer: bar.update(
            task, completed=confirmer.found, total=confirmer.expected or None
        )


def _plain(door: str) -> Report:
    last = time.monotonic()

    def report(account: Account, confirmer: Confirmer) -> None:
        nonlocal last
        if time.monotonic() - last >= _PLAIN_EVERY_S:
            last = time.monotonic()
            say(f"{door}: {account.received} sent, {confirmer.found} of {confirmer.expected} found by search")

    return report


def print_accounts(accounts: Sequence[Account]) -> None:
    """The table, and below it what was refused, went by landing, or is lost."""
    table = Table(box=None)
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == "door" else "right", no_wrap=True)
    for each in accounts:
        counts = (
            each.received,
            each.valid,
            each.rejected,
            each.landed,
            each.recorded,
            each.scored,
            each.alerts,
        )
        table.add_row(each.door, *(str(count) for count in counts), f"{each.seconds:.1f}", f"{each.rate:.0f}")
    out = console()
    out.print(table)
    out.print(
        "landed: raw lines (by HTTP one for each version, else one for each event or document); "
        "recorded: different resources found by search"
    )
    for each in accounts:
        for reason, count in each.reasons.most_common(REASONS_SHOWN):
            out.print(f"{each.door}: rejected {count}: {reason}", markup=False)
        _names(out, f"{each.door}: went by landing, larger than the door takes:", each.by_landing)
        _names(out, f"{each.door}: NOT ACCOUNTED FOR:", each.unaccounted)


def _names(out: Console, heading: str, names: Sequence[str]) -> None:
    if names:
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        out.print(f"{heading} {', '.join(names[:_NAMES_SHOWN])}{more}", markup=False, soft_wrap=True)
