"""A score as a FHIR R4 RiskAssessment: https://hl7.org/fhir/R4/riskassessment.html

The prediction carries what R4 has elements for (outcome, qualitative risk, rationale); total, points per
parameter, missing inputs, scale and assumptions are numbers and codes of an extension, so that nobody has to
parse text. No probability is given: neither source publishes one for a total.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.domain.alerts.responses import Severity, response_to
from shared.domain.scores import RULES
from shared.domain.scores.model import Score, ScoringRule
from shared.domain.vitals import Parameter

SYSTEM_RULES = "urn:galen:fhir:CodeSystem:score-rule"
EXTENSION_SCORE = "urn:galen:fhir:StructureDefinition:early-warning-score"
RISK_PROBABILITY = "http://terminology.hl7.org/CodeSystem/risk-probability"

FINAL, SUPERSEDED_STATUS = "final", "entered-in-error"
_NOT_COUNTED = "not counted: "
_COUNT = re.compile(r", [0-9]+\)$")

# The RCP's words for clinical risk (chart 2) beside the nearest code of FHIR's scale; qSOFA knows two
# classes.
_RISK = {
    "P1": ("high", "High"),
    "P2": ("moderate", "Medium"),
    "single": ("low", "Low-medium"),
    "none": ("low", "Low"),
}


def risk_assessment(
    score: Score,
    *,
    id: str,  # noqa: A002 - FHIR's word
    patient: str,
    superseded: bool = False,
) -> dict[str, Any]:
    """The RiskAssessment of a score that has a total, for `patient` (`Patient/<id>`).

    A superseded one keeps its content and has the status `entered-in-error`: it no longer follows from the
    record.
    """
    if score.total is None:
        raise ValueError("a score without a total makes no RiskAssessment")
    rule = next(rule for rule in RULES if rule.version == score.rule_version)
    method = {"system": SYSTEM_RULES, "code": rule.model, "version": rule.version, "display": rule.title}
    return {
        "resourceType": "RiskAssessment",
        "id": id,
        "extension": [_extension(score)],
        "status": SUPERSEDED_STATUS if superseded else FINAL,
        "method": {"coding": [method], "text": rule.source},
        "subject": {"reference": patient},
        "occurrenceDateTime": _instant(score),
        "basis": [{"reference": reference} for reference in _basis(score)],
        "prediction": [_prediction(score, rule)],
    }


def _basis(score: Score) -> list[str]:
    """Each Observation version once, in the order of the rule's parameters."""
    return list(dict.fromkeys(f"{item.observation}/_history/{item.version}" for item in score.used))


def _prediction(score: Score, rule: ScoringRule) -> dict[str, Any]:
    code, text = _RISK[_risk_class(score)]
    return {
        "outcome": {"text": "Clinical deterioration"},
        "qualitativeRisk": {"coding": [{"system": RISK_PROBABILITY, "code": code}], "text": text},
        "rationale": _rationale(score, rule),
    }


def _risk_class(score: Score) -> str:
    response = response_to(score.model, score.total or 0, score.highest)
    if response is None:
        return "none"
    if response.from_single is not None:
        return "single"
    return "P1" if response.severity is Severity.P1 else "P2"


def without_counts(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A RiskAssessment of a score or of a stay's risk without how many values of each reason did not count.

    Raises ValueError, LookupError, TypeError or AttributeError where it is not of the form of `risk_assessment`.
    """
    [extension], [prediction] = resource["extension"], resource["prediction"]
    parts = [
        {
            **part,
            "extension": [
                each for each in part["extension"] if each["url"] != "values" or "valueInteger" not in each
            ],
        }
        if part["url"] == "notCounted"
        else part
        for part in extension["extension"]
    ]
    words = [
        _COUNT.sub(")", each) if each.startswith(_NOT_COUNTED) else each
        for each in prediction["rationale"].split("; ")
    ]
    return {
        **resource,
        "extension": [{**extension, "extension": parts}],
        "prediction": [{**prediction, "rationale": "; ".join(words)}],
    }


def not_counted_words(score: Score) -> list[str]:
    """One phrase for each parameter and reason."""
    return [
        f"{_NOT_COUNTED}{_words(name)} ({reason.replace('-', ' ')}, {count})"
        for (name, reason), count in score.not_counted
    ]


def _rationale(score: Score, rule: ScoringRule) -> str:
    at_least = "at least " if score.partial else ""
    scored = ", ".join(f"{_words(name)} {points}" for name, points in score.points.items() if points)
    parts = [f"{rule.title}: {at_least}{score.total}" + (f" ({scored})" if scored else "")]
    if score.missing:
        parts.append("missing: " + ", ".join(_words(name) for name in score.missing))
    parts += not_counted_words(score)
    if score.scale == 2:
        parts.append("SpO2 scale 2 (hypercapnic respiratory failure on record)")
    parts += [f"assumed: {item.replace('-', ' ')}" for item in score.assumptions]
    return "; ".join(parts)


def _words(name: Parameter) -> str:
    return name.value.replace("_", " ")


def _extension(score: Score) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"url": "total", "valueInteger": score.total},
        {"url": "partial", "valueBoolean": score.partial},
    ]
    if score.scale is not None:
        parts.append({"url": "scale", "valueInteger": score.scale})
    parts += [
        {
            "url": "parameter",
            "extension": [
                {"url": "name", "valueCode": item.parameter.value},
                {"url": "points", "valueInteger": item.points},
                {
                    "url": "observation",
                    "valueReference": {"reference": f"{item.observation}/_history/{item.version}"},
                },
            ],
        }
        for item in score.used
    ]
    parts += [{"url": "missing", "valueCode": name.value} for name in score.missing]
    parts += [
        {
            "url": "notCounted",
            "extension": [
                {"url": "name", "valueCode": name.value},
                {"url": "reason", "valueCode": reason},
                {"url": "values", "valueInteger": count},
            ],
        }
        for (name, reason), count in score.not_counted
    ]
    parts += [{"url": "assumption", "valueCode": item} for item in score.assumptions]
    return {"url": EXTENSION_SCORE, "extension": parts}


def _instant(score: Score) -> str:
    text = score.at.isoformat(timespec="microseconds" if score.at.microsecond else "seconds")
    return text.replace("+00:00", "Z")
