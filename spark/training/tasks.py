"""The two models of the feature store: what each is to learn."""

from __future__ import annotations

from shared.domain.features.patient.features import FEATURES
from shared.domain.onset.cohort import HORIZON_DAYS, OUTCOME
from spark.training.landmark_models import Task

YEARS = range(1980, 2100)
"""At the first of which the onset model looks at a patient, as far as the horizon is over."""
ONSET = Task(
    "onset", "2026.11.1", [each.name for each in FEATURES if each.name != f"has_{OUTCOME}"],
    horizon_years=HORIZON_DAYS // 365, later_share=0.4, least=20, held_out=2,
)  # fmt: skip
READMISSION = Task(
    "readmission-store", "2026.11.1", [each.name for each in FEATURES],
    horizon_years=0, later_share=None, least=2, held_out=1,
)  # fmt: skip
