"""The risk of a readmission within 30 days at the discharge from a hospital stay, by the published model."""

from __future__ import annotations

from typing import Any, Final

from shared.domain.features.readmission import WATCHED, readmission_features
from shared.domain.models.artefact import PublishedModel, RefusedModel
from shared.domain.models.shipped import shipped_model
from shared.domain.stays.discharge import Chart, Resource, conditions_of, discharges, has_diabetes, row_of
from shared.domain.stays.model_risk import READMISSION, ModelRisk, Reason
from shared.domain.vitals.observation import instant_of

MOST_SHOWN: Final = 5


def lacking(chart: Chart) -> list[str]:
    """What must be on record before there is a score: the model is meant for inpatients with diabetes."""
    lacks = [] if discharges(chart) else ["a finished inpatient Encounter with a period"]
    lacks += [] if chart.patient.get("birthDate") else ["birth date"]
    return lacks + (
        [] if has_diabetes(chart) else ["a Condition that is diabetes, for which the model is made"]
    )


def checked(model: PublishedModel) -> PublishedModel:
    """The model, where it asks for the features of the shipped one; raises RefusedModel otherwise."""
    if model.features != shipped_model(READMISSION.model).features or "rates" not in model.tables:
        raise RefusedModel("the readmission model was trained on other features: train it anew")
    return model


def evaluate(model: PublishedModel, chart: Chart, encounter: Resource) -> ModelRisk:
    """The risk at the end of a hospital stay, from it and the ones before; nothing `lacking`."""
    stays = discharges(chart)
    ids = [each.get("id") for each in stays]
    before = stays[: ids.index(encounter.get("id"))]
    row, unknown = row_of(chart, encounter)
    features = readmission_features(row, [row_of(chart, each)[0] for each in before], model.tables["rates"])
    if tuple(features) != model.features:
        raise RefusedModel("the readmission model was trained on other features: train it anew")
    values = [*features.values()]
    reasons = tuple(
        Reason(each.feature, each.value, each.log_odds, None, None)
        for each in model.contributions(values, MOST_SHOWN)
    )
    at = instant_of(encounter["period"]["end"])
    assert at is not None
    known = tuple((name, features[name]) for name in WATCHED if features[name] == features[name])
    return ModelRisk(
        at, model.version, model.sha256, model.predict(values), reasons,
        _basis(chart, [encounter, *conditions_of(chart, encounter), *before]), tuple(unknown), chart.not_counted, known,
    )  # fmt: skip


def _basis(chart: Chart, resources: list[Any]) -> tuple[str, ...]:
    names = (f"{each.get('resourceType')}/{each.get('id')}" for each in resources)
    return tuple(f"{name}/_history/{chart.versions.get(name, '')}" for name in names)
