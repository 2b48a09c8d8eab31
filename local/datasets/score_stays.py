"""Scores stays with the shipped sepsis model: file by file, in as many processes as there are processors."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from local.datasets.evaluate import model_scores, probabilities
from local.datasets.stays import UnreadableStay, read_stay
from shared.domain.features.sepsis import COLUMNS, Hour, chosen, implausible, sepsis_features
from shared.domain.models.artefact import PublishedModel

_STAYS_AT_ONCE = 200
_HEAD = "PredictedProbability|PredictedLabel"
_HOUR_OF_STAY = COLUMNS.index("ICULOS")
OUT_OF_ORDER = "ICULOS"


@dataclass(frozen=True, slots=True)
class Scored:
    """How much was scored, and what could not be read.

    `not_counted`: by variable how many values count as not measured because no patient has them, and under OUT_OF_ORDER how
    many hours do not follow the one before.
    """

    stays: int
    hours: int
    problems: tuple[str, ...]
    not_counted: Counter[str] = field(default_factory=Counter)


def score_stays(files: Sequence[Path], source: Path, target: Path, model: PublishedModel) -> Scored:
    """Writes a file of scores for each stay: of the same name, or in the same subfolder where a name comes twice."""
    names = Counter(file.name for file in files)
    pairs = [
        (file, target / (file.name if names[file.name] == 1 else file.relative_to(source))) for file in files
    ]
    batches = [pairs[start : start + _STAYS_AT_ONCE] for start in range(0, len(pairs), _STAYS_AT_ONCE)]
    workers = min(len(batches), os.cpu_count() or 1)
    if workers == 1:
        results = [score_batch(model, batch) for batch in batches]
    else:
        with ProcessPoolExecutor(max_workers=workers) as pool:
            results = list(pool.map(partial(score_batch, model), batches))
    return Scored(
        sum(each.stays for each in results),
        sum(each.hours for each in results),
        tuple(problem for each in results for problem in each.problems),
        sum((each.not_counted for each in results), Counter()),
    )


def score_batch(model: PublishedModel, pairs: Sequence[tuple[Path, Path]]) -> Scored:
    """Scores some stays together: `pairs` of the file to read and the file to write."""
    rows: list[list[float]] = []
    parts: list[tuple[Path, int]] = []
    problems: list[str] = []
    not_counted: Counter[str] = Counter()
    for file, out in pairs:
        try:
            hours, _ = read_stay(file, problems)
        except UnreadableStay as unreadable:
            problems.append(str(unreadable))
            continue
        not_counted += _not_counted(hours)
        rows.extend(chosen(row, model.features) for row in sepsis_features(hours))
        parts.append((out, len(hours)))
    matrix = np.array(rows, np.float64).reshape(len(rows), len(model.features))
    scores = probabilities(model.calibration, model_scores(model, matrix)).tolist()
    first = 0
    for out, count in parts:
        _write(out, scores[first : first + count], model.operating_point)
        first += count
    return Scored(len(parts), len(rows), tuple(problems), not_counted)


def _not_counted(hours: Sequence[Hour]) -> Counter[str]:
    found = Counter(name for hour in hours for name in implausible(hour))
    numbers = [hour[_HOUR_OF_STAY] for hour in hours]
    found[OUT_OF_ORDER] += sum(after <= before for before, after in pairwise(numbers))
    return +found


def _write(path: Path, scores: Sequence[float], operating_point: float) -> None:
    lines = [_HEAD, *(f"{score:.9f}|{int(score >= operating_point)}" for score in scores)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
