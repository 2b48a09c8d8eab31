"""Time and chance: asked for, never taken, so that tests and replays decide them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time now, and waiting."""

    def now(self) -> datetime:
        """UTC-aware."""
        ...

    def sleep(self, seconds: float) -> None:
        """Come back when so much time has passed."""
        ...


class Randomness(Protocol):
    """Unpredictable text for ids and nonces."""

    def hex(self, digits: int) -> str:
        """So many random hexadecimal digits, from the operating system's generator in production."""
        ...
