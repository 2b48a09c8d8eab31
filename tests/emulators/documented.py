"""The tables of `docs/emulators.md`: what each emulator does, as a reader is told."""

from __future__ import annotations

import re
from typing import NamedTuple

from local.layout import CHECKOUT

_ROW = re.compile(r"\| \[([^\]]+)\]\((https://learn\.microsoft\.com/[^)]+)\)[^|]* \| (\w+) \|")


class Documented(NamedTuple):
    """One row: the emulator, the operation and whether it is full, partial or absent."""

    emulator: str
    operation: str
    state: str


def documented_operations() -> list[Documented]:
    """Returns every row; raises ValueError for one that has no link or another form."""
    text = (CHECKOUT / "docs" / "emulators.md").read_text("utf-8")
    text = text.partition("\n## Operations\n")[2].partition("\n## ")[0]
    rows: list[Documented] = []
    for section in text.split("\n### ")[1:]:
        lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
        for line in lines:
            found = _ROW.match(line)
            if found is None:
                raise ValueError(
                    f"a row of docs/emulators.md names no operation with its documentation: {line}"
                )
            rows.append(Documented(section.splitlines()[0], found[1], found[3]))
    return rows
