"""Builds the Observations of the vital signs profiles: https://hl7.org/fhir/R4/observation-vitalsigns.html"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shared.domain.devices.metrics import (
    ACVPU,
    BLOOD_PRESSURE_LOINC,
    CONSCIOUSNESS_LOINC,
    DIASTOLIC,
    METRICS,
    SYSTOLIC,
)
from shared.domain.vitals.parameters import LOINC, UCUM

_CATEGORY = {
    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "vital-signs",
    "display": "Vital Signs",
}

Number = Decimal | int | str


def quantity(metric: str, value: Number, unit: str) -> dict[str, Any]:
    """An Observation of one number, in the unit and with the digits that were sent."""
    row = METRICS[metric]
    return _observation((row.loinc, row.display), *row.also) | {
        "valueQuantity": _quantity(metric, value, unit)
    }


def blood_pressure(systolic: tuple[Number, str], diastolic: tuple[Number, str]) -> dict[str, Any]:
    """The blood pressure panel of a (value, unit) each."""
    pressures = ((SYSTOLIC, *systolic), (DIASTOLIC, *diastolic))
    return _observation(BLOOD_PRESSURE_LOINC) | {
        "component": [
            {
                "code": _concept((METRICS[metric].loinc, METRICS[metric].display)),
                "valueQuantity": _quantity(metric, value, unit),
            }
            for metric, value, unit in pressures
        ]
    }


def consciousness(letter: str) -> dict[str, Any]:
    """The level of consciousness as its LOINC answer."""
    answer = ACVPU[letter]
    return _observation(CONSCIOUSNESS_LOINC) | {
        "valueCodeableConcept": _concept((answer.code, answer.display))
    }


def _observation(*codings: tuple[str, str]) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [dict(_CATEGORY)]}],
        "code": _concept(*codings),
    }


def _concept(*codings: tuple[str, str]) -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": code, "display": display} for code, display in codings]}


def _quantity(metric: str, value: Number, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": METRICS[metric].units[unit], "system": UCUM, "code": unit}
