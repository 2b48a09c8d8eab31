"""A lake that is too small or too young is refused by a sentence before anything is fitted, and what suffices is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from shared.domain.features.patient.features import FEATURES
from shared.domain.models.calibration import DoesNotRise
from spark.training.landmarks import Landmark, UnreadablePatients
from tests.lazily import lazily, require

require("sklearn", "too few landmarks were not tested: scikit-learn is in the group ml")
calibrate = lazily("spark.training.calibrate")
models = lazily("spark.training.landmark_models")
tasks = lazily("spark.training.tasks")


def landmarks(patients: int, years: int, followed: Callable[[int, int], bool]) -> list[Landmark]:
    """Each patient at the first of each year; who is followed by the outcome has higher values."""
    return [
        Landmark(f"{number:03}", datetime(2000 + year, 1, 1, tzinfo=UTC), values(number, outcome), followed=outcome)
        for number in range(patients)
        for year in range(years)
        for outcome in [followed(number, year)]
    ]  # fmt: skip


def values(number: int, outcome: bool) -> dict[str, float]:
    return {each.name: float(number % 7 + 5 * outcome) for each in FEATURES} | {"age_years": 20.0 + number}


@pytest.mark.parametrize(
    ("task", "rows", "words"),
    [
        ("ONSET", (60, 1, lambda number, _: number % 2), "learning for fold 1 of 5 takes 2 or more"),
        ("ONSET", (60, 2, lambda number, _: number % 2), "learning for fold 1 of 5 takes 2 or more"),
        ("ONSET", (60, 3, lambda number, _: number % 2), "learning for fold 1 of 5 takes 2 or more"),
        ("ONSET", (60, 12, lambda number, year: number % 2 and year < 3), "with and without the outcome"),
        ("ONSET", (60, 12, lambda number, year: number % 2 and year > 9), "the outcome follows 0"),
        ("ONSET", (2, 14, lambda _, year: year > 1), "28 landmarks of 2 patients are too few"),
        ("READMISSION", (2, 1, lambda *_: True), "2 landmarks of 2 patients are too few"),
        ("READMISSION", (4, 1, lambda number, _: number < 2), "4 landmarks of 4 patients are too few"),
        ("READMISSION", (4, 3, lambda number, _: number < 2), "12 landmarks of 4 patients are too few"),
        ("READMISSION", (5, 1, lambda number, _: number < 2), "calibrating fold 1 of 5 takes 5 or more"),
        ("READMISSION", (7, 1, lambda number, _: number < 2), "judging the whole takes 10 or more"),
    ],
)
def test_too_few_landmarks_or_years_are_told_in_one_sentence(
    task: str, rows: tuple[int, int, Callable[[int, int], bool]], words: str
) -> None:
    chosen, marks = getattr(tasks, task), landmarks(*rows)
    assert sum(mark.followed for mark in marks) >= chosen.least
    data = models.Landmarks.of(chosen, marks, "0" * 64, "nobody's")
    with pytest.raises(UnreadablePatients, match=words) as refused:
        models.train(chosen, data, lambda _: None)
    assert "\n" not in str(refused.value)


def test_scores_without_an_error_have_no_calibration() -> None:
    import numpy as np

    labels = np.array([0] * 20 + [1] * 80, np.int8)
    with pytest.raises(DoesNotRise, match="without an error"):
        calibrate.fit(
            labels * 2.0 - 1 + np.linspace(0, 0.1, 100) * (labels * 2 - 1), labels, bins=5, prior=5.0
        )


@pytest.mark.parametrize(("task", "years"), [("ONSET", 12), ("READMISSION", 3)])
def test_as_many_as_it_takes_are_learned_from(task: str, years: int) -> None:
    chosen = getattr(tasks, task)
    marks = landmarks(60, years, lambda number, year: (number + year) % 3 == 0)
    trained, evaluation, _ = models.train(
        chosen, models.Landmarks.of(chosen, marks, "0" * 64, "nobody's"), lambda _: None
    )
    assert trained.metrics["auroc"] > 0.9
    assert len(evaluation.compared) == 3
