"""The risk of a readmission within 30 days at the discharge from a hospital stay, by the published model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from shared.domain.features.readmission import WATCHED, columns_of, readmission_features
from shared.domain.models.artefact import Contribution, PublishedModel, RefusedModel
from shared.domain.models.shipped import shipped_model
from shared.domain.stays.discharge import Chart, Resource, conditions_of, discharges, has_diabetes, row_of
from shared.domain.stays.evidence import Dated, evidence
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
    dated = evidence(chart, encounter)
    reasons = tuple(_reason(each, dated, unknown, chart) for each in model.contributions(values, MOST_SHOWN))
    at = instant_of(encounter["period"]["end"])
    assert at is not None
    known = tuple((name, features[name]) for name in WATCHED if features[name] == features[name])
    return ModelRisk(
        at, model.version, model.sha256, model.predict(values), reasons,
        _basis(chart, [encounter, *conditions_of(chart, encounter), *before]), tuple(unknown), chart.not_counted, known,
        chart.not_counted_of,
    )  # fmt: skip


def _reason(moved: Contribution, dated: Mapping[str, Dated], unknown: Sequence[str], chart: Chart) -> Reason:
    """Dated by the newest of what its columns were read from; without a date where they say nothing."""
    columns = [name for name in columns_of(moved.feature) if name in dated and name not in unknown]
    if moved.value is None or not columns:
        return Reason(moved.feature, moved.value, moved.log_odds)
    at, resource = max((dated[name] for name in columns), key=itemgetter(0))
    return Reason(moved.feature, moved.value, moved.log_odds, at, *_basis(chart, [resource]))


def _basis(chart: Chart, resources: list[Any]) -> tuple[str, ...]:
    names = (f"{each.get('resourceType')}/{each.get('id')}" for each in resources)
    return tuple(f"{name}/_history/{chart.versions.get(name, '')}" for name in names)
