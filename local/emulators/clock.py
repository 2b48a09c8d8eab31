"""The time that an emulator takes for now: the computer's own, unless a test lets it run ahead or behind."""

from __future__ import annotations

import time

_offset_ns = 0


def now_ns() -> int:
    """Returns nanoseconds since 1970."""
    return time.time_ns() + _offset_ns


def now() -> float:
    """Returns seconds since 1970."""
    return now_ns() / 1e9


def skew(seconds: float) -> None:
    """Lets the clock of this process run so much ahead of the computer's, or behind where it is negative."""
    global _offset_ns  # noqa: PLW0603 - there is one clock in a process
    _offset_ns = int(seconds * 1e9)
