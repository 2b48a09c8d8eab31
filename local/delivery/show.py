"""Progress and the table per door, on standard error; plain where that is no terminal, without colour under NO_COLOR."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from local.delivery.account import Account, Rejection
from local.delivery.confirm import Confirmer
from local.delivery.deliver import Progress as Report
from local.environment import say
from shared.domain.records import Door

_PLAIN_EVERY_S: Final = 5.0
_WIDTH_OF_A_FILE: Final = 160
_NAMES_SHOWN: Final = 10
_GROUPS_SHOWN: Final = 10
_PLACES_SHOWN: Final = 3
_REASONS_OF_ONE: Final = 5
_COLUMNS: Final = (
    "door", "received", "valid", "rejected", "landed", "recorded", "scored", "alerts", "seconds", "per s",
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
    """The table, and below it what was refused, could not be read, went by landing, or is lost."""
    table = Table(box=None, pad_edge=False, collapse_padding=True)
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
        rate = f"{each.rate:.0f}" if each.rate else "-"
        table.add_row(each.door, *(str(count) for count in counts), f"{each.seconds:.1f}", rate)
    out = console()
    out.print(table)
    out.print(
        "landed: raw lines (by HTTP one for each version, else one for each event or document)\n"
        "recorded: different resources found by search"
    )
    for each in accounts:
        _rejections(out, each)
        _unread(out, each)
        _names(out, f"{each.door}: went by landing, larger than the door takes:", each.by_landing)
        _names(out, f"{each.door}: NOT ACCOUNTED FOR:", each.unaccounted)


def _rejections(out: Console, account: Account) -> None:
    """Equal reasons together, the most frequent first: where, and each reason on a line."""
    by_reasons: dict[tuple[str, ...], list[Rejection]] = defaultdict(list)
    for each in account.rejections:
        by_reasons[each.reasons].append(each)
    groups = sorted(by_reasons.items(), key=_weight)
    for reasons, equal in groups[:_GROUPS_SHOWN]:
        places = list(dict.fromkeys(each.place for each in equal))
        count = sum(each.resources for each in equal)
        shown = _first(places, _PLACES_SHOWN, ", ")
        _line(out, f"{account.door}: rejected {count}, in {shown}")
        for line in _first(reasons, _REASONS_OF_ONE, "\n").splitlines():
            _line(out, f"    {line}")
    if len(groups) > _GROUPS_SHOWN:
        _line(
            out,
            f"{account.door}: and more, for {len(groups) - _GROUPS_SHOWN} other reasons: see --format json",
        )
    told = sum(each.resources for each in account.rejections)
    if told < account.rejected:
        _line(
            out,
            f"{account.door}: {account.rejected - told} more were rejected, whose places are not kept here",
        )
    if account.rejected and account.door != Door.HTTP:
        _line(out, f"{account.door}: each is kept: see `python3 -m local dead-letters list`")


def _weight(group: tuple[tuple[str, ...], list[Rejection]]) -> tuple[int, str, int]:
    first = min(group[1], key=lambda each: (each.file, each.line))
    return -sum(each.resources for each in group[1]), first.file, first.line


def _unread(out: Console, account: Account) -> None:
    if account.unread:
        files = "1 file" if len(account.unread) == 1 else f"{len(account.unread)} files"
        _line(out, f"{account.door}: {files} could not be read to the end:")
        for line in _first(account.unread, _NAMES_SHOWN, "\n").splitlines():
            _line(out, f"    {line}")


def _names(out: Console, heading: str, names: Sequence[str]) -> None:
    if names:
        _line(out, f"{heading} {_first(names, _NAMES_SHOWN, ', ')}")


def _first(names: Sequence[str], number: int, between: str) -> str:
    more = [f"and {len(names) - number} more"] if len(names) > number else []
    return between.join([*names[:number], *more])


def _line(out: Console, text: str) -> None:
    """As it is: a terminal folds it by itself, and a path stays whole."""
    out.print(
        "".join(each if each.isprintable() else "\ufffd" for each in text), markup=False, soft_wrap=True
    )
