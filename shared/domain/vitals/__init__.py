"""Vital signs: what a FHIR Observation of any sender says about the parameters that the scores read."""

from shared.domain.vitals.observation import (
    ObservedVitals,
    VitalReading,
    readings_of,
    removed,
    vitals_of,
)
from shared.domain.vitals.parameters import Parameter

__all__ = [
    "ObservedVitals",
    "Parameter",
    "VitalReading",
    "readings_of",
    "removed",
    "vitals_of",
]
