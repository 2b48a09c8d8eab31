"""Early warning scores: NEWS2 and qSOFA, their RiskAssessment, and the fold that keeps them for a patient."""

from shared.domain.scores.model import PatientContext, Score, ScoreInput, ScoringRule
from shared.domain.scores.news2 import NEWS2, score_news2
from shared.domain.scores.qsofa import QSOFA, score_qsofa

RULES: tuple[ScoringRule, ...] = (NEWS2, QSOFA)

__all__ = [
    "NEWS2",
    "QSOFA",
    "RULES",
    "PatientContext",
    "Score",
    "ScoreInput",
    "ScoringRule",
    "score_news2",
    "score_qsofa",
]
