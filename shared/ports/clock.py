"""Time and chance: asked for, never taken, so that tests and replays decide them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time now."""

    def now(self) -> datetime:
        """UTC-aware."""
        ...


class Randomness(Protocol):
    """Unpredictable text for ids and nonces."""

    def hex(self, digits: int) -> str:
        """So many random hexadecimal digits, from the operating system's generator in production."""
        ...
