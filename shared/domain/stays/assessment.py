"""A model's risk as a FHIR R4 RiskAssessment: https://hl7.org/fhir/R4/riskassessment.html

What R4 has elements for stands there: the probability, the versions it rests on, the words. Interval, risk index,
model version and hash, the features that moved it and what did not count are parts of an extension.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.domain.fhir.dates import instant_text, parse_instant
from shared.domain.scores.risk_assessment import FINAL, RISK_PROBABILITY
from shared.domain.stays.model_risk import Meaning, ModelRisk, Reason
from shared.domain.stays.sepsis_risk import ALARM_ABOVE

SYSTEM_MODELS: Final = "urn:galen:fhir:CodeSystem:model"
EXTENSION_MODEL: Final = "urn:galen:fhir:StructureDefinition:model-risk"
_DIGITS: Final = 6
# Risk index from which a band begins, the highest first, with the nearest code of FHIR's scale.
BANDS: Final = ((ALARM_ABOVE, "high"), (0.5, "moderate"), (0.0, "low"))


def band_of(index: float) -> str:
    """The band of a risk index; the operating point itself is not above it."""
    return next((band for above, band in BANDS if index > above), BANDS[-1][1])


def model_assessment(
    risk: ModelRisk,
    meaning: Meaning,
    *,
    id: str | None,  # noqa: A002 - FHIR's word
    patient: str,
    encounter: str | None = None,
) -> dict[str, Any]:
    """The RiskAssessment of a risk, for `patient` (`Patient/<id>`), in `encounter` where it is of one.

    Without an id where it is not stored.
    """
    method = {
        "system": SYSTEM_MODELS,
        "code": meaning.model,
        "version": risk.version,
        "display": meaning.title,
    }
    resource = {
        "resourceType": "RiskAssessment",
        "id": id,
        "extension": [_extension(risk)],
        "status": FINAL,
        "method": {"coding": [method]},
        "subject": {"reference": patient},
        "encounter": None if encounter is None else {"reference": encounter},
        "occurrenceDateTime": instant_text(risk.at),
        "basis": [{"reference": reference} for reference in risk.basis],
        "prediction": [_prediction(risk, meaning)],
    }
    return {name: value for name, value in resource.items() if value is not None}


def said_by(resource: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a RiskAssessment of a model says, by name; None for one of another kind. The way back from `model_assessment`.

    Dates of reasons are texts, as written.
    """
    (method, *_) = (resource.get("method") or {}).get("coding") or [{}]
    if method.get("system") != SYSTEM_MODELS:
        return None
    (extension,) = (each for each in resource["extension"] if each["url"] == EXTENSION_MODEL)
    parts = {part["url"]: part for part in extension["extension"]}
    prediction = resource["prediction"][0]
    reasons = (part["extension"] for part in extension["extension"] if part["url"] == "contribution")
    inputs = (part["extension"] for part in extension["extension"] if part["url"] == "input")
    return {
        "patient_id": resource["subject"]["reference"].removeprefix("Patient/"),
        "model": method["code"],
        "model_version": method["version"],
        "model_sha256": parts["modelSha256"]["valueString"],
        "as_of": parse_instant(resource["occurrenceDateTime"]),
        "probability": float(prediction["probabilityDecimal"]),
        "low": float(parts["probabilityLow"]["valueDecimal"]),
        "high": float(parts["probabilityHigh"]["valueDecimal"]),
        "risk_index": float(parts["riskIndex"]["valueDecimal"]),
        "band": prediction["qualitativeRisk"]["coding"][0]["code"],
        "reasons": [_reason_in(each) for each in reasons],
        "inputs": [_input_in(each) for each in inputs],
    }


def _input_in(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found = {part["url"]: part for part in parts}
    return {"name": found["name"]["valueCode"], "value": float(found["value"]["valueDecimal"])}


def _reason_in(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found = {part["url"]: part for part in parts}
    value = found.get("value", {}).get("valueDecimal")
    source = found.get("observation") or found.get("resource")
    return {
        "feature": found["feature"]["valueString"],
        "value": None if value is None else float(value),
        "log_odds": float(found["logOdds"]["valueDecimal"]),
        "measured": found["measured"]["valueDateTime"] if "measured" in found else None,
        "resource": source["valueReference"]["reference"] if source else None,
    }


def _prediction(risk: ModelRisk, meaning: Meaning) -> dict[str, Any]:
    band = band_of(risk.prediction.risk_index)
    return {
        "outcome": {"text": meaning.outcome},
        "probabilityDecimal": round(risk.prediction.probability, _DIGITS),
        "qualitativeRisk": {
            "coding": [{"system": RISK_PROBABILITY, "code": band}],
            "text": band.capitalize(),
        },
        "rationale": _rationale(risk, meaning),
    }


def _rationale(risk: ModelRisk, meaning: Meaning) -> str:
    found = risk.prediction
    share = f"{meaning.title}: {found.probability:.1%} ({found.low:.1%} to {found.high:.1%})"
    moved = "; ".join(
        f"{_value(each)} {'raises' if each.log_odds > 0 else 'lowers'} it" for each in risk.reasons
    )
    return f"{share}, risk index {found.risk_index:.2f}. {moved}."


def _value(reason: Reason) -> str:
    return f"{reason.feature} {'not measured' if reason.value is None else format(reason.value, '.4g')}"


def _extension(risk: ModelRisk) -> dict[str, Any]:
    found = risk.prediction
    parts: list[dict[str, Any]] = [
        {"url": "riskIndex", "valueDecimal": round(found.risk_index, _DIGITS)},
        {"url": "probabilityLow", "valueDecimal": round(found.low, _DIGITS)},
        {"url": "probabilityHigh", "valueDecimal": round(found.high, _DIGITS)},
        {"url": "modelSha256", "valueString": risk.sha256},
    ]
    parts += [{"url": "contribution", "extension": _contribution(each)} for each in risk.reasons]
    parts += [{"url": "input", "extension": _input(name, value)} for name, value in risk.inputs]
    parts += [{"url": "missing", "valueCode": name} for name in risk.missing]
    parts += [
        {
            "url": "notCounted",
            "extension": [
                {"url": "reason", "valueCode": reason},
                {"url": "values", "valueInteger": count},
                *({"url": "variable", "valueCode": name} for name in risk.not_counted_of.get(reason, ())),
            ],
        }
        for reason, count in risk.not_counted
    ]
    return {"url": EXTENSION_MODEL, "extension": parts}


def _input(name: str, value: float) -> list[dict[str, Any]]:
    return [{"url": "name", "valueCode": name}, {"url": "value", "valueDecimal": round(value, _DIGITS)}]


def _contribution(reason: Reason) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {"url": "feature", "valueString": reason.feature},
        {"url": "logOdds", "valueDecimal": round(reason.log_odds, _DIGITS)},
    ]
    if reason.value is not None:
        parts.append({"url": "value", "valueDecimal": round(reason.value, _DIGITS)})
    if reason.at is not None:
        parts.append({"url": "measured", "valueDateTime": instant_text(reason.at)})
    if reason.source is not None:
        url = "observation" if reason.source.startswith("Observation/") else "resource"
        parts.append({"url": url, "valueReference": {"reference": reason.source}})
    return parts
