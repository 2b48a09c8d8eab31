"""Runs an emulator that is killed at its N-th write: `python -m tests.emulators.crash_point N MODULE …`.

Points are counted from SIGUSR1 on: before, within and behind every call that changes a file, before and behind every
statement of SQLite that changes something. SIGKILL leaves no time for anything, as a crash does.
"""

from __future__ import annotations

import functools
import os
import runpy
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

_CALLS = ("rename", "replace", "link", "unlink", "mkdir", "truncate")
_CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "COMMIT")


class CrashPoint:
    """Counts points and ends the process at one of them."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._points: Iterator[int] | None = None

    def arm(self, *_: object) -> None:
        """Begins to count."""
        self._points = count(1)

    def passes(self) -> bool:
        """Returns whether this is the point that is asked for; counts it."""
        return self._points is not None and next(self._points) == self._at

    def pass_by(self) -> None:
        """Counts a point; the process ends here where it is the one."""
        if self.passes():
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a call with a point before and one behind it."""

        @functools.wraps(call)
        def counted(*arguments: Any, **options: Any) -> Any:
            self.pass_by()
            done = call(*arguments, **options)
            self.pass_by()
            return done

        return counted

    def within(self, write: Callable[..., int]) -> Callable[..., int]:
        """Returns a write that may end half way, with a point before and one behind it."""
        counted = self.around(write)

        @functools.wraps(write)
        def torn(descriptor: int, data: Any, *position: int) -> int:
            if self.passes():
                write(descriptor, memoryview(data)[: len(data) // 2], *position)
                os.kill(os.getpid(), signal.SIGKILL)
            return int(counted(descriptor, data, *position))

        return torn


def watch(point: CrashPoint) -> None:
    """Puts the points around what the emulators write with."""
    for name in _CALLS:
        setattr(os, name, point.around(getattr(os, name)))
    for name in ("write", "pwrite"):
        setattr(os, name, point.within(getattr(os, name)))

    class Watched(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            run = super().execute
            changes = statement.lstrip().upper().startswith(_CHANGES)
            done: sqlite3.Cursor = (point.around(run) if changes else run)(statement, *values)
            return done

        def executemany(self, statement: str, rows: Any) -> sqlite3.Cursor:
            done: sqlite3.Cursor = point.around(super().executemany)(statement, rows)
            return done

    sqlite3.connect = functools.partial(sqlite3.connect, factory=Watched)


def main() -> None:
    """Runs the module with the rest of the arguments."""
    point = CrashPoint(int(sys.argv[1]))
    del sys.argv[:2]
    watch(point)
    signal.signal(signal.SIGUSR1, point.arm)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
