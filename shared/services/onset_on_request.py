"""The onset model on request: what was on record at an instant, through the functions that fill the feature store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.domain.features.patient.known import known
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.outcome import error
from shared.domain.models.artefact import PublishedModel
from shared.domain.onset.risk import evaluate
from shared.domain.stays.assessment import model_assessment
from shared.domain.stays.model_risk import ONSET, ModelRisk
from shared.errors import InputError
from shared.services.fact_reader import FactReader


def onset_on_request(
    model: PublishedModel,
    reader: FactReader,
    tenant: str,
    patient: ResourceKey,
    now: datetime,
    as_of: datetime | None,
) -> dict[str, Any]:
    """A RiskAssessment without an id, of what is known now or was at `as_of`. Raises InputError 422 with what is missing."""
    risk = onset_risk(model, reader, tenant, patient, now, as_of)
    if isinstance(risk, list):
        text = f"{ONSET.title} needs what is not on record: {', '.join(risk)}."
        raise InputError(text, issues=[error("incomplete", text, rule="risk-inputs")], status=422)
    return model_assessment(risk, ONSET, id=None, patient=str(patient))


def onset_risk(
    model: PublishedModel,
    reader: FactReader,
    tenant: str,
    patient: ResourceKey,
    now: datetime,
    as_of: datetime | None = None,
) -> ModelRisk | list[str]:
    """The risk by what is known now or was at `as_of`, or what is missing."""
    seen = reader.read(tenant, patient, as_of)
    # What was committed at this very instant may carry the next microsecond.
    newest = max((datetime.fromisoformat(fact.known_at) for fact in seen.facts), default=now)
    found = known(seen.facts, as_of or max(now, newest))
    return ["a Patient that was on record then"] if found is None else evaluate(model, found, seen.versions)
