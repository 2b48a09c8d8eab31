"""The answer where a rule is not meant for a patient: a RiskAssessment without a score that says why.

https://hl7.org/fhir/R4/riskassessment.html
"""

from __future__ import annotations

from typing import Any, Final

from shared.domain.fhir.dates import instant_text
from shared.domain.scores.model import PREGNANCY, UNDER_AGE, Score, ScoringRule
from shared.domain.scores.risk_assessment import FINAL, SYSTEM_RULES

_REASONS: Final = {
    UNDER_AGE: "It is not meant for patients younger than {youngest} years.",
    PREGNANCY: "It is not meant for pregnant patients.",
}


def not_applicable_assessment(score: Score, rule: ScoringRule, patient: str) -> dict[str, Any]:
    """The RiskAssessment of a score without a total because of the patient; `patient` is `Patient/<id>`."""
    reason = _REASONS[score.not_applicable or ""].format(youngest=rule.youngest)
    method = {"system": SYSTEM_RULES, "code": rule.model, "version": rule.version, "display": rule.title}
    return {
        "resourceType": "RiskAssessment",
        "status": FINAL,
        "method": {"coding": [method], "text": rule.source},
        "subject": {"reference": patient},
        "occurrenceDateTime": instant_text(score.at),
        "prediction": [{"outcome": {"text": "Not applicable"}, "rationale": f"{rule.title}: {reason}"}],
    }
