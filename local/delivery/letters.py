"""Dead letters as a person reads them: two lines each on a terminal, one line each in a pipe."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from local.delivery.account import reasons_of
from shared.domain.records import Door
from shared.services.dead_letters import OPEN, DeadLetter

SHORTEST_ID: Final = 8
_HEADS: Final = ("id", "when (UTC)", "door", "stage", "tenant")
_NARROWEST: Final = 40
_INDENT: Final = "    "


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """The shortest beginning of each id, of eight characters or more, that no other id has."""
    ordered = sorted(set(ids))
    short = {}
    for number, id_ in enumerate(ordered):
        beside = ordered[max(0, number - 1) : number] + ordered[number + 1 : number + 2]
        short[id_] = id_[: max([SHORTEST_ID, *(_shared(id_, other) + 1 for other in beside)])]
    return short


def _shared(one: str, other: str) -> int:
    return next((number for number, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def lines(
    letters: Sequence[DeadLetter], short: Mapping[str, str], files: Mapping[str, str], *, terminal: bool
) -> list[str]:
    """The list as lines of text. `files`: the paths of dropped files by their identity in the raw zone."""
    rows = [
        (short[letter.id], letter.at[:19].replace("T", " "), letter.door, letter.stage, letter.tenant)
        for letter in letters
    ]  # fmt: skip
    whys = [f"{_origin(letter, files)}: {_first_reason(letter)}" for letter in letters]
    if not terminal:
        return ["  ".join((*row, why)) for row, why in zip(rows, whys, strict=True)]
    widths = [max(map(len, column)) for column in zip(_HEADS, *rows, strict=True)]
    room = max(_NARROWEST, shutil.get_terminal_size().columns)
    told = [_row(_HEADS, widths)]
    for row, why in zip(rows, whys, strict=True):
        told.append(_row(row, widths))
        told += textwrap.wrap(
            why, room, initial_indent=_INDENT, subsequent_indent=_INDENT,
            break_on_hyphens=False, break_long_words=False,
        )  # fmt: skip
    return told


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _first_reason(letter: DeadLetter) -> str:
    reasons = reasons_of(letter.outcome)
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    state = "" if letter.status == OPEN else f"[{letter.status}] "
    return f"{state}{reasons[0]}{more}"


def _origin(letter: DeadLetter, files: Mapping[str, str]) -> str:
    """The dropped file, or the hub; where the file is gone by now, its identity."""
    parts = letter.raw.path.split("/")
    if parts[0] == "landing":
        return files.get(parts[1], parts[1])
    if letter.door == Door.FILE and len(parts) > 2:
        return files.get(parts[-2], parts[-2])
    return parts[2] if len(parts) > 2 else letter.raw.path
