"""The sepsis risk of a patient at an instant, from the record: the same evaluation as that of the stream."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.domain.alerts.episodes import to_us
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.outcome import error
from shared.domain.models.artefact import PublishedModel
from shared.domain.stays.assessment import model_assessment
from shared.domain.stays.model_risk import SEPSIS
from shared.domain.stays.sepsis_risk import evaluate, lacking
from shared.errors import InputError
from shared.services.stay_reader import StayReader


def sepsis_on_request(
    model: PublishedModel, reader: StayReader, tenant: str, patient: ResourceKey, at: datetime
) -> dict[str, Any]:
    """A RiskAssessment without an id. Raises InputError 422 that names what is missing."""
    stay = reader.stay(tenant, patient.address, patient, at)
    if stay is None:
        raise _incomplete(["an inpatient Encounter in progress"])
    state = reader.state(tenant, patient.address, patient, stay, at)
    lacks = lacking(state, to_us(at))
    if lacks:
        raise _incomplete(lacks)
    risk, _ = evaluate(model, state, to_us(at))
    return model_assessment(risk, SEPSIS, id=None, patient=str(patient), encounter=stay.encounter)


def _incomplete(lacks: list[str]) -> InputError:
    text = f"{SEPSIS.title} needs what is not on record of the last twelve hours: {', '.join(lacks)}."
    return InputError(text, issues=[error("incomplete", text, rule="risk-inputs")], status=422)
