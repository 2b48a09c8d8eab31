"""What a model says of one patient at one instant, with what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.models.artefact import Prediction


@dataclass(frozen=True, slots=True)
class Meaning:
    """The model, its title, and the outcome that its probability is of."""

    model: str
    title: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A feature that moved the score, and its value; when the newest of what it is computed from was measured or began, and
    the version of the resource that says so, where there is such.
    """

    feature: str
    value: float | None
    log_odds: float
    at: datetime | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class ModelRisk:
    """One evaluation: the prediction, why, from which resource versions, and what was missing.

    `inputs` are the numbers whose drift is watched, where they are known. `not_counted_of`: by reason a few of the
    variables of which values did not count.
    """

    at: datetime
    version: str
    sha256: str
    prediction: Prediction
    reasons: tuple[Reason, ...]
    basis: tuple[str, ...]
    missing: tuple[str, ...]
    not_counted: tuple[tuple[str, int], ...]
    inputs: tuple[tuple[str, float], ...] = ()
    not_counted_of: Mapping[str, Sequence[str]] = field(default_factory=dict)


SEPSIS = Meaning("sepsis", "Sepsis risk", "Sepsis (Sepsis-3) now or within six hours")
READMISSION = Meaning("readmission", "Readmission risk", "Readmission within 30 days of discharge")
ONSET = Meaning("onset", "Onset of heart disease", "First diagnosis of heart disease within two years")
