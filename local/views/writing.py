"""Rows as NDJSON, CSV or a table on standard output."""

from __future__ import annotations

import csv
import io
import sys
from typing import Any, Final, Protocol

from shared.domain.fhir.json import encode
from shared.domain.fhir.views import Row

_HELD_CHARACTERS: Final = 1_000_000
_TABLE_ROWS: Final = 1_000
_UNSEEN: Final = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)), "\ufffd")
"""Control characters: on a terminal a text may not clear the screen or pass for what it is not."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Writer(Protocol):
    """Takes rows one by one; `close` writes what is left."""

    def row(self, row: Row) -> None: ...

    def close(self) -> None: ...


class Held:
    """Standard output that holds back the first million characters.

    A mistake of the view that the first resources show leaves the output empty.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0

    def write(self, text: str) -> int:
        """As a file's own."""
        self._parts.append(text)
        self._length += len(text)
        if self._length > _HELD_CHARACTERS:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Writes what was held back."""
        sys.stdout.buffer.write("".join(self._parts).encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
        self._parts.clear()
        self._length = 0


class NdjsonWriter:
    """One JSON object a line, every column in each, numbers as the resource has them."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def row(self, row: Row) -> None:
        """Writes one line."""
        self._held.write(encode(row) + "\n")

    def line(self, text: str) -> None:
        """Writes a line that is such an object already."""
        self._held.write(text)

    def close(self) -> None:
        """Writes what was held back."""
        self._held.flush()


class _Lines:
    """What `csv` writes, a record at a time, with the line end of the other formats."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def write(self, record: str) -> int:
        """As a file's own."""
        return self._held.write(record.removesuffix("\r\n") + "\n")


class CsvWriter:
    """RFC 4180 with a header; null is the empty cell, collections and objects are JSON.

    A spreadsheet takes a text that begins like a formula for one: such a text gets an apostrophe
    (https://owasp.org/www-community/attacks/CSV_Injection).
    """

    def __init__(self, held: Held, names: tuple[str, ...]) -> None:
        self._held = held
        # A line end of both characters, so that a cell with either of them is quoted.
        self._csv = csv.writer(_Lines(held), lineterminator="\r\n")
        self._csv.writerow([_harmless(name) for name in names])

    def row(self, row: Row) -> None:
        """Writes one record."""
        self._csv.writerow(
            [_harmless(value) if isinstance(value, str) else _cell(value) for value in row.values()]
        )

    def close(self) -> None:
        """Writes what was held back."""
        self._held.flush()


class TableWriter:
    """A table for people, of the first thousand rows."""

    def __init__(self, held: Held, names: tuple[str, ...]) -> None:
        self._held = held
        self._names = names
        self._rows: list[list[str]] = []
        self._count = 0

    def row(self, row: Row) -> None:
        """Keeps one row."""
        self._count += 1
        if self._count <= _TABLE_ROWS:
            self._rows.append([_cell(value).translate(_UNSEEN) for value in row.values()])

    def close(self) -> None:
        """Draws the table."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in self._names:
            table.add_column(name, overflow="fold")
        for row in self._rows:
            table.add_row(*(Text(cell) for cell in row))
        terminal = Console()
        drawn = io.StringIO()
        is_terminal = sys.stdout.isatty()
        Console(
            file=drawn, width=terminal.width if is_terminal else 10_000, force_terminal=is_terminal
        ).print(table)
        self._held.write("".join(f"{line.rstrip()}\n" for line in drawn.getvalue().splitlines()))
        more = self._count - len(self._rows)
        said = f"{self._count:,} rows" + (
            f", {more:,} of them not shown: use --format csv or ndjson" if more else ""
        )
        self._held.write(f"{said}\n")
        self._held.flush()


def writer_for(form: str, names: tuple[str, ...]) -> NdjsonWriter | CsvWriter | TableWriter:
    """The writer of `ndjson`, `csv` or `table`."""
    held = Held()
    if form == "ndjson":
        return NdjsonWriter(held)
    return CsvWriter(held, names) if form == "csv" else TableWriter(held, names)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else encode(value)
