"""Hospital encounters of UCI data set 296 (Diabetes 130-US hospitals): one line an encounter, with a header.

Source: https://archive.ics.uci.edu/dataset/296, diabetic_data.csv.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.domain.features.readmission import COLUMNS, DRUGS, RARE_DRUGS, Encounter, in_order

LABEL = "readmitted"
WITHIN_30_DAYS = "<30"
NUMBER = "encounter_id"
_DRUGS = frozenset({*DRUGS, *RARE_DRUGS})
_UNKNOWN = frozenset({"", "?"})
_REST = "\0"
"""Under this name a row has the cells beyond its columns: no column has it."""


class UnreadableEncounters(ValueError):
    """A file that holds no encounters; the message names it and what is wrong with it."""


def read_encounters(path: Path, told: list[str] | None = None) -> list[dict[str, str]]:
    """The encounters of a file in its order. Raises UnreadableEncounters.

    A line that is too short is an encounter of which the rest is not known; `told` gets a sentence, as for one too long.
    With `told` columns may be missing as well, but for the number of the encounter.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines, restkey=_REST)
            names = list(table.fieldnames or ())
            missing = [name for name in COLUMNS if name not in names]
            if missing and (told is None or NUMBER in missing or len(missing) == len(COLUMNS) - 1):
                raise UnreadableEncounters(f"{path}: the column {missing[0]} is missing from the first line")
            if missing and told is not None:
                told.append(f"{path}: not in the first line, and counted as not known: {', '.join(missing)}")
            unknown = {name: _not_known(name) for name in missing}
            return [unknown | _whole(row, f"{path}, line {table.line_num}", told) for row in table]
    except (UnicodeDecodeError, csv.Error) as unreadable:
        raise UnreadableEncounters(f"{path} is no table of text in UTF-8") from unreadable


def _whole(row: dict[str, Any], where: str, told: list[str] | None) -> dict[str, str]:
    beyond = row.pop(_REST, None)
    absent = [name for name, value in row.items() if value is None]
    if told is not None and (beyond or absent):
        told.append(
            f"{where}: {'more' if beyond else 'fewer'} cells than columns; what is not there counts as unknown"
        )
    return row | {name: _not_known(name) for name in absent}


def _not_known(column: str) -> str:
    """What the data set has where a column is not known: of a drug that it was not given."""
    return "No" if column in _DRUGS else "?"


def told_apart(encounters: list[dict[str, str]], column: str) -> list[str]:
    """What tells the lines apart by a column: its value, or the place of a line in which that is not known."""
    values = (encounter[column].strip() for encounter in encounters)
    return [f"{_REST}{place}" if value in _UNKNOWN else value for place, value in enumerate(values)]


def with_earlier(encounters: list[dict[str, str]]) -> Iterator[tuple[int, list[Encounter]]]:
    """For each encounter its place in the list and the same patient's earlier ones, the oldest first.

    Of several lines of one encounter the first one is history, and none of them its own; who is not known has no history.
    A line without a number is an encounter of its own; they come before the others, in the order of the file.
    """
    numbers = told_apart(encounters, NUMBER)
    by_patient: dict[str, list[int]] = defaultdict(list)
    for place, patient in enumerate(told_apart(encounters, "patient_nbr")):
        by_patient[patient].append(place)
    for places in by_patient.values():
        once: dict[str, Encounter] = {}
        for place in places:
            once.setdefault(numbers[place], encounters[place])
        unnumbered = [each for number, each in once.items() if number.startswith(_REST)]
        ordered = unnumbered + in_order(each for number, each in once.items() if not number.startswith(_REST))
        rank = {id(each): earlier for earlier, each in enumerate(ordered)}
        for place in places:
            yield place, ordered[: rank[id(once[numbers[place]])]]
