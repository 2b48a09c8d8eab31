"""Hospital encounters of UCI data set 296 (Diabetes 130-US hospitals): one line an encounter, with a header.

Source: https://archive.ics.uci.edu/dataset/296, diabetic_data.csv.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from shared.domain.features.readmission import COLUMNS, Encounter, in_order

LABEL = "readmitted"
WITHIN_30_DAYS = "<30"


class UnreadableEncounters(ValueError):
    """A file that holds no encounters; the message names it and what is wrong with it."""


def read_encounters(path: Path) -> list[dict[str, str]]:
    """The encounters of a file in its order. Raises UnreadableEncounters."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        table = csv.DictReader(lines, restval="?")
        missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
        if missing:
            raise UnreadableEncounters(f"{path}: the column {missing[0]} is missing from the first line")
        return list(table)


def with_earlier(encounters: list[dict[str, str]]) -> Iterator[tuple[int, list[Encounter]]]:
    """For each encounter its place in the list and the same patient's earlier ones, the oldest first."""
    by_patient: dict[str, list[int]] = defaultdict(list)
    for place, encounter in enumerate(encounters):
        by_patient[encounter["patient_nbr"]].append(place)
    for places in by_patient.values():
        ordered = in_order(encounters[place] for place in places)
        rank = {id(encounter): number for number, encounter in enumerate(ordered)}
        for place in places:
            yield place, ordered[: rank[id(encounters[place])]]
