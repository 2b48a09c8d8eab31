"""For whom the onset model is made, told from the features alone: the same in training, on request and on a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.domain.features.patient.folds import RECENT_DAYS

OUTCOME: Final = "heart_disease"
"""The group of diagnoses whose first one is forecast (`shared/domain/features/patient/diagnoses.py`)."""
HORIZON_DAYS: Final = 730
_ADULT_YEARS: Final = 18.0


def lacking(values: Mapping[str, float], *, deceased: bool) -> list[str]:
    """Why there is no forecast, in words; none where there is one. NaN compares with nothing, and so lacks."""
    wants = {
        "a living patient": not deceased,
        "a birth date that makes the patient 18 or older": values["age_years"] >= _ADULT_YEARS,
        "an Encounter in the last three years": values["days_since_encounter"] <= RECENT_DAYS,
        "a record without heart disease": values[f"has_{OUTCOME}"] == 0,
    }
    return [what for what, there in wants.items() if not there]
