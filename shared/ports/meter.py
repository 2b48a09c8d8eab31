"""Counters and distributions, by name and a few bounded labels; never an identifier."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Where the platform counts what it does."""

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Add one duration to a distribution."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a value that goes up and down."""
        ...
