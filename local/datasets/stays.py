"""Stays of the PhysioNet/CinC Challenge 2019: one `.psv` file a stay, one line an hour.

Source: https://physionet.org/content/challenge-2019/1.0.0/ (files, columns, units).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from shared.domain.features.sepsis import COLUMNS, Hour

LABEL = "SepsisLabel"


class UnreadableStay(ValueError):
    """A file that is no stay; the message names the file and what is wrong with it."""


def stay_files(folder: Path) -> list[Path]:
    """All stays below a folder, at any depth, in order of their names."""
    return sorted(path for path in folder.rglob("*.psv") if path.is_file() and not path.name.startswith("."))


def read_stay(path: Path) -> tuple[list[Hour], list[int] | None]:
    """The hours of a stay in order, and their labels where the file has them. Raises UnreadableStay."""
    lines = path.read_text("utf-8").splitlines()
    names = lines[0].strip().split("|") if lines else []
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise UnreadableStay(f"{path}: the column {missing[0]} is missing from the first line")
    places = [names.index(name) for name in COLUMNS]
    label = names.index(LABEL) if LABEL in names else None
    hours: list[Hour] = []
    labels: list[int] = []
    for number, cells in _rows(path, lines, len(names)):
        try:
            hours.append(tuple(float(cells[place]) if cells[place] else math.nan for place in places))
            if label is not None:
                labels.append(int(float(cells[label])))
        except ValueError as broken:
            raise UnreadableStay(f"{path}, line {number}: a cell is no number") from broken
    return hours, labels if label is not None else None


def _rows(path: Path, lines: list[str], width: int) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = line.strip("\r\n").split("|")
        if len(cells) != width:
            raise UnreadableStay(f"{path}, line {number}: {len(cells)} cells instead of {width}")
        yield number, cells
