"""A live counter while events are sent, and the summary, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.live import Live
from rich.table import Table
from rich.text import Text

from local.delivery.show import console
from local.environment import say
from local.generate.aftermath import Outcome
from local.generate.pace import Sending

_PLAIN_EVERY_S: Final = 5.0
_KEPT: Final = 0.95
"""Below this share of the rate that was asked for it is said that the hub was slower."""


@contextmanager
def counter(hub: str) -> Iterator[Callable[[Sending], None]]:
    """One line that counts on a terminal; a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _plain(hub)
        return
    with Live(Text(""), console=console(), refresh_per_second=8, transient=True) as live:
        yield lambda sending: live.update(Text(_line(hub, sending) + ", Ctrl-C ends it"))


def _plain(hub: str) -> Callable[[Sending], None]:
    last = time.monotonic()

    def report(sending: Sending) -> None:
        nonlocal last
        if time.monotonic() - last >= _PLAIN_EVERY_S:
            last = time.monotonic()
            say(_line(hub, sending))

    return report


def _line(hub: str, sending: Sending) -> str:
    return f"{hub}: {sending.sent:,} sent, {sending.rate:,.1f} a second, {sending.seconds:,.0f} s"


def print_outcome(found: Outcome) -> None:
    """The summary as a table, and what is worth a sentence."""
    values = {
        "hub": found.hub,
        "sent": f"{found.sending.sent:,}",
        "per s": f"{found.sending.rate:,.1f}",
        "seconds": f"{found.sending.seconds:,.1f}",
        "not landed": f"{found.waiting:,}",
        "set aside": f"{found.set_aside:,}",
        **({} if found.alerts is None else {"alerts": f"{found.alerts:,}"}),
        "seed": str(found.seed),
    }
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for name in values:
        table.add_column(name, justify="left" if name == "hub" else "right", no_wrap=True)
    table.add_row(*values.values())
    console().print(table)
    if found.sending.seconds >= 1 and found.sending.rate < _KEPT * found.asked_per_s:
        say(f"{found.asked_per_s:g} a second were asked for: the hub took them no faster")
    if found.set_aside:
        say("what was set aside is kept: see `python3 -m local dead-letters list`")
    if found.waiting:
        say(f"{found.waiting:,} events of the hub are not landed yet: see `python3 -m local status`")
