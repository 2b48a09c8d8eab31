"""Stays of the PhysioNet/CinC Challenge 2019: one `.psv` file a stay, one line an hour.

Source: https://physionet.org/content/challenge-2019/1.0.0/ (files, columns, units).
"""

from __future__ import annotations

import math
from pathlib import Path

from shared.domain.features.sepsis import COLUMNS, MEASURED, Hour

LABEL = "SepsisLabel"
_NOWHERE = -1
_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "?"})


class UnreadableStay(ValueError):
    """A file that is no stay; the message names the file and what is wrong with it."""


def stay_files(folder: Path) -> list[Path]:
    """All stays below a folder, at any depth, in order of their names."""
    return sorted(path for path in folder.rglob("*.psv") if path.is_file() and not path.name.startswith("."))


def read_stay(path: Path, told: list[str] | None = None) -> tuple[list[Hour], list[int] | None]:
    """The hours of a stay in order, and their labels where the file has them. Raises UnreadableStay.

    With `told` a broken line is still an hour, and a stay may lack columns, but for all that are measured; labels are not
    read: what cannot be read is missing, and `told` gets a sentence.
    """
    lines = _lines(path)
    names = [name.strip() for name in lines[0].split("|")] if lines else []
    missing = [name for name in COLUMNS if name not in names]
    if missing and (told is None or not set(MEASURED).difference(missing)):
        raise UnreadableStay(f"{path}: the column {missing[0]} is missing from the first line")
    if missing and told is not None:
        told.append(f"{path}: not in the first line, and counted as not measured: {', '.join(missing)}")
    places = [names.index(name) if name in names else _NOWHERE for name in COLUMNS]
    rows = [(number, line.split("|")) for number, line in enumerate(lines[1:], start=2) if line.strip()]
    for number, cells in rows:
        problem = _problem(cells, len(names), places)
        if problem and told is None:
            raise UnreadableStay(f"{path}, line {number}: {problem}")
        if problem and told is not None:
            told.append(f"{path}, line {number}: {problem}; what cannot be read counts as missing")
            cells[:] = cells if len(cells) == len(names) else [""] * len(names)
    hours: list[Hour] = [
        tuple(math.nan if place == _NOWHERE else _value(cells[place]) for place in places)
        for _, cells in rows
    ]
    if LABEL not in names or told is not None:
        return hours, None
    return hours, [_label(path, number, cells[names.index(LABEL)]) for number, cells in rows]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as unreadable:
        raise UnreadableStay(f"{path} is no text in UTF-8") from unreadable


def _problem(cells: list[str], width: int, places: list[int]) -> str:
    if len(cells) != width:
        return f"{len(cells)} cells instead of {width}"
    read = (cells[place].strip().lower() for place in places if place != _NOWHERE)
    broken = any(text not in _MISSING and math.isnan(_value(text)) for text in read)
    return "a cell is no number" if broken else ""


def _value(text: str) -> float:
    """The number in a cell; NaN where there is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _label(path: Path, number: int, text: str) -> int:
    try:
        return int(float(text))
    except ValueError as broken:
        raise UnreadableStay(f"{path}, line {number}: the label is no number") from broken
