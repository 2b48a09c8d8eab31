"""Counters, distributions and spans, by name and a few bounded labels; never an identifier."""

from __future__ import annotations

from contextlib import AbstractContextManager
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

    def span(self, name: str, parent: str = "", **attributes: str) -> AbstractContextManager[None]:
        """A span around some work; `parent` is a W3C traceparent, empty where a new trace begins."""
        ...
