"""Questions whose answers are kept for the values that come again and again: a bounded dictionary that asks on a miss.

A hit of `known[value]` runs in C, and takes a sixth of the time of the regular expression behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

MAX_VALUES: Final = 4096
"""Emptied when full: the values in use come back at once, and a sender of ever new ones cannot make it grow."""
_LONGEST: Final = 128


class Known(dict[str, Any]):
    """Text → the answer of `ask`. Only answers about short texts are kept, and never a refusal (False)."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[str], Any]) -> None:
        super().__init__()
        self._ask = ask

    def __missing__(self, text: str) -> Any:
        answer = self._ask(text)
        if answer is not False and len(text) <= _LONGEST:
            if len(self) >= MAX_VALUES:
                self.clear()
            self[text] = answer
        return answer
