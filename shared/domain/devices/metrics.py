"""The metrics a device may send, as data: LOINC code and accepted UCUM units.

Codes and units: FHIR R4 vital signs profiles, https://hl7.org/fhir/R4/observation-vitalsigns.html, its tables
of
LOINC codes and UCUM units; consciousness and inhaled oxygen by LOINC, https://loinc.org (80288-4, 9269-2,
3151-8, 3150-6); units by UCUM, https://ucum.org/ucum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shared.domain.vitals.parameters import CONCENTRATION_CODE, FLOW_CODE


@dataclass(frozen=True, slots=True)
class Metric:
    """A number: its LOINC code and display, and the LOINC code to use instead for some unit."""

    loinc: str
    display: str
    units: Mapping[str, str]  # UCUM code -> human unit
    also: tuple[tuple[str, str], ...] = ()  # further LOINC codings


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a coded metric."""

    code: str
    display: str


_PRESSURE_UNITS = {"mm[Hg]": "mmHg"}

METRICS: Mapping[str, Metric] = MappingProxyType({
    "heart_rate": Metric("8867-4", "Heart rate", {"/min": "beats/minute"}),
    "respiratory_rate": Metric("9279-1", "Respiratory rate", {"/min": "breaths/minute"}),
    "oxygen_saturation": Metric(
        "2708-6", "Oxygen saturation in Arterial blood", {"%": "%"},
        also=(("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),),
    ),
    "systolic_blood_pressure": Metric("8480-6", "Systolic blood pressure", _PRESSURE_UNITS),
    "diastolic_blood_pressure": Metric("8462-4", "Diastolic blood pressure", _PRESSURE_UNITS),
    "body_temperature": Metric("8310-5", "Body temperature", {"Cel": "Cel", "[degF]": "degF"}),
    "glasgow_coma_score": Metric("9269-2", "Glasgow coma score total", {"{score}": "score"}),
    "inhaled_oxygen_flow_rate": Metric(FLOW_CODE, "Inhaled oxygen flow rate", {"L/min": "L/min"}),
    "inhaled_oxygen_concentration": Metric(CONCENTRATION_CODE, "Inhaled oxygen concentration", {"%": "%"}),
})  # fmt: skip

# `supplemental_oxygen` is either of the two, told apart by its unit; the word "air" is a flow of nothing.
SUPPLEMENTAL_OXYGEN = "supplemental_oxygen"
OXYGEN_BY_UNIT = MappingProxyType({"L/min": "inhaled_oxygen_flow_rate", "%": "inhaled_oxygen_concentration"})
ON_AIR = "air"

CONSCIOUSNESS = "consciousness"
CONSCIOUSNESS_LOINC = ("80288-4", "Level of consciousness")
ACVPU = MappingProxyType({
    "A": Answer("LA9340-6", "Alert"),
    "C": Answer("LA6560-2", "Confused"),
    "V": Answer("LA17108-4", "Verbal"),
    "P": Answer("LA17107-6", "Painful"),
    "U": Answer("LA9343-0", "Unresponsive"),
})  # fmt: skip

BLOOD_PRESSURE = "blood_pressure"
BLOOD_PRESSURE_LOINC = ("85354-9", "Blood pressure panel with all children optional")
SYSTOLIC, DIASTOLIC = "systolic_blood_pressure", "diastolic_blood_pressure"

KNOWN = (*METRICS, SUPPLEMENTAL_OXYGEN, CONSCIOUSNESS)
