"""A process that does not outlive the one that started it: neither a SIGTERM nor Ctrl-C leaves it running.

It gets a process group of its own, so that what it starts in turn (venv runs pip) ends with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_ENDS_WITHIN_S = 10
_ENDED_BY_SIGTERM = 128 + signal.SIGTERM


@contextmanager
def owned_child(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """The process, waited for at the end; whatever ends the block early ends its group."""
    with (
        _sigterm_raises(),
        subprocess.Popen(command, process_group=0, text=True, encoding="utf-8", **options) as process,
    ):
        try:
            yield process
            process.wait()
        except BaseException:
            _end_group(process)
            raise


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Lets SIGTERM unwind the stack, as Ctrl-C does; only the main thread may say so, and only it gets signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(_ENDED_BY_SIGTERM)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end_group(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_ENDS_WITHIN_S)
