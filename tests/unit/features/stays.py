"""Made-up stays: what is measured changes from hour to hour, and nothing is anybody's."""

from __future__ import annotations

import math
import random

from shared.domain.features.sepsis import COLUMNS, MEASURED, PLAUSIBLE, VITALS, Hour


def made_up_stay(seed: int, hours: int = 40) -> list[Hour]:
    """A stay of so many hours; the same seed gives the same stay."""
    chance = random.Random(seed)
    return [_hour(chance, number + 1) for number in range(hours)]


def hour_of(**values: float) -> Hour:
    """An hour in which only these were measured."""
    known = {"Age": 60.0, "Gender": 1.0, "HospAdmTime": -2.0, "ICULOS": 1.0} | values
    return tuple(known.get(name, math.nan) for name in COLUMNS)


def as_psv(hours: list[Hour], labels: list[int] | None = None) -> str:
    """The text of a challenge file, with the label column where labels are given."""
    head = "|".join(COLUMNS) + ("|SepsisLabel" if labels else "")
    lines = [head]
    for number, hour in enumerate(hours):
        cells = ["NaN" if math.isnan(value) else repr(value) for value in hour]
        lines.append("|".join(cells + ([str(labels[number])] if labels else [])))
    return "\n".join(lines) + "\n"


def _hour(chance: random.Random, number: int) -> Hour:
    values = {"Age": 71.0, "Gender": 0.0, "Unit1": 1.0, "Unit2": 0.0, "HospAdmTime": -7.5}
    for name in MEASURED:
        if chance.random() < (0.8 if name in VITALS else 0.15):
            lowest, highest = PLAUSIBLE[name]
            values[name] = round(chance.uniform(lowest, highest), 2)
    return tuple({**values, "ICULOS": float(number)}.get(name, math.nan) for name in COLUMNS)
