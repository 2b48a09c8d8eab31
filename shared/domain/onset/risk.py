"""What the published onset model says of a patient as known at an instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from shared.domain.features.patient.dates import rests_on, versioned
from shared.domain.features.patient.features import FEATURES, vector
from shared.domain.features.patient.known import Known
from shared.domain.models.artefact import Contribution, PublishedModel, RefusedModel
from shared.domain.onset.cohort import lacking
from shared.domain.stays.model_risk import ModelRisk, Reason

MOST_SHOWN: Final = 5


def checked(asked: PublishedModel) -> PublishedModel:
    """The model, where this code has all its features. Raises RefusedModel."""
    known = {each.name for each in FEATURES}
    if not known.issuperset(asked.features):
        raise RefusedModel("the onset model was trained on other features: train it anew")
    return asked


def inputs(values: Mapping[str, float], asked: PublishedModel) -> list[float]:
    """The features of a checked model out of a patient's."""
    return [values[name] for name in asked.features]


def evaluate(asked: PublishedModel, known: Known, versions: Mapping[str, str]) -> ModelRisk | list[str]:
    """The risk, or what is missing. `versions` has the version of each reference, for what the risk rests on."""
    values = vector(known)
    lacks = lacking(values, deceased=known.died is not None)
    if lacks:
        return lacks
    row = inputs(values, asked)
    return ModelRisk(
        known.at, asked.version, asked.sha256, asked.predict(row),
        tuple(_reason(each, known, versions) for each in asked.contributions(row, MOST_SHOWN)),
        tuple(_basis(known, versions)), tuple(name for name in asked.features if values[name] != values[name]),
        known.not_counted, not_counted_of=known.not_counted_of,
    )  # fmt: skip


def _reason(moved: Contribution, known: Known, versions: Mapping[str, str]) -> Reason:
    """Dated by the newest event that the feature looks at; who the patient is by the instant that is asked for."""
    found = None if moved.value is None else rests_on(moved.feature, known, versions)
    return Reason(moved.feature, moved.value, moved.log_odds, *(found or ()))


def _basis(known: Known, versions: Mapping[str, str]) -> Iterable[str]:
    return dict.fromkeys(versioned(event.type, event.id, versions) for event in known.events)
