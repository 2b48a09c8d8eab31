"""The features of a patient: name, unit, meaning, source and the function that computes each, in the order of the store."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from shared.domain.features.patient import folds
from shared.domain.features.patient.diagnoses import GROUPS
from shared.domain.features.patient.folds import Fold
from shared.domain.features.patient.known import Known
from shared.domain.features.patient.measures import MEASURES

DEFINITION: Final = 1
"""Counted up where a feature, a code or a rule changes: rows of another definition are not compared."""
_YEAR: Final = 365
_TWO_YEARS: Final = 730
_NONE: Final = "0 where none is on record"


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature. `of` gives its value for a patient as known at an instant; NaN is missing, and `missing` says when."""

    name: str
    unit: str
    meaning: str
    source: str
    missing: str
    of: Fold


def _encounters(name: str, what: str, classes: frozenset[str] | None = None) -> Feature:
    meaning = f"{what} that began in the last year"
    return Feature(name, "1", meaning, "Encounter", _NONE, folds.encounters(_YEAR, classes))


def _takes(name: str, what: str, *words: str) -> Feature:
    return Feature(
        f"{name}_365d", "0 or 1", f"{what} requested in the last year",
        f"MedicationRequest, by name: {', '.join(words)}", _NONE, folds.takes(words, _YEAR),
    )  # fmt: skip


_PERSON: Final = (
    Feature("age_years", "a", "Age", "Patient.birthDate", "null without a date of birth", folds.age_years),
    Feature(
        "female", "0 or 1", "Administrative gender: 1 female, 0 male", "Patient.gender", "null where it says neither",
        folds.female,
    ),
    Feature("years_on_record", "a", "Years since the first event", "all", "null without an event", folds.years_on_record),
)  # fmt: skip
_ENCOUNTERS: Final = (
    _encounters("encounters_365d", "Encounters"),
    _encounters("emergency_encounters_365d", "Emergency encounters (EMER)", frozenset({"EMER"})),
    _encounters(
        "inpatient_encounters_365d", "Stays (IMP, ACUTE, NONAC)", frozenset({"IMP", "ACUTE", "NONAC"})
    ),
    Feature(
        "inpatient_days_365d", "d", "Days in hospital within the last year", "Encounter (IMP, ACUTE, NONAC)", _NONE,
        folds.inpatient_days(_YEAR),
    ),
    Feature(
        "days_since_encounter", "d", "Days since the last encounter began", "Encounter", "null without an encounter",
        folds.days_since_encounter,
    ),
)  # fmt: skip
_CONDITIONS: Final = (
    Feature("conditions", "1", "Different conditions ever recorded", "Condition", _NONE, folds.conditions()),
    Feature(
        "conditions_active", "1", "Different conditions that have not ended", "Condition", _NONE,
        folds.conditions(active=True),
    ),
    Feature(
        "conditions_365d", "1", "Different conditions that began in the last year", "Condition", _NONE,
        folds.conditions(days=_YEAR),
    ),
    *(
        Feature(f"has_{each.name}", "0 or 1", f"Ever diagnosed: {each.words}", "Condition", _NONE, folds.has(each.name))
        for each in GROUPS
    ),
    Feature(
        "days_since_prediabetes", "d", "Days since prediabetes began", "Condition", "null without prediabetes",
        folds.days_since_diagnosis("prediabetes"),
    ),
)  # fmt: skip
_RECENTLY: Final = "null without a value in three years"
_OBSERVATIONS: Final = (
    *(
        Feature(
            f"{each.name}_latest", each.unit, f"Last {each.words}",
            f"Observation, LOINC {', '.join(each.codes)}", _RECENTLY, folds.latest(each.name),
        )
        for each in MEASURES
    ),
    *(
        Feature(
            f"days_since_{name}", "d", f"Days since the last {words}", "Observation", "null without a value",
            folds.age_of_latest(name),
        )
        for name, words in (("bmi", "body mass index"), ("glucose", "glucose"), ("hba1c", "haemoglobin A1c"))
    ),
    Feature(
        "bmi_change_730d", "kg/m2", "Body mass index: the last less the first of two years", "Observation",
        "null with fewer than two values", folds.change("bmi", _TWO_YEARS),
    ),
    Feature(
        "systolic_mean_730d", "mm[Hg]", "Mean systolic blood pressure of two years", "Observation", "null without a value",
        folds.mean("systolic", _TWO_YEARS),
    ),
    Feature(
        "diastolic_mean_730d", "mm[Hg]", "Mean diastolic blood pressure of two years", "Observation", "null without a value",
        folds.mean("diastolic", _TWO_YEARS),
    ),
    Feature(
        "glucose_highest_730d", "mg/dL", "Highest glucose of two years", "Observation", "null without a value",
        folds.highest("glucose", _TWO_YEARS),
    ),
    Feature(
        "hba1c_highest_730d", "%", "Highest haemoglobin A1c of two years", "Observation", "null without a value",
        folds.highest("hba1c", _TWO_YEARS),
    ),
    Feature(
        "smokes", "0 or 1", "Last smoking status: current smoker", "Observation, LOINC 72166-2", "null without a status",
        folds.smokes,
    ),
)  # fmt: skip
_MEDICATIONS: Final = (
    Feature(
        "medication_requests_365d", "1", "Medication requests of the last year", "MedicationRequest", _NONE,
        folds.requests(_YEAR),
    ),
    Feature(
        "medications_365d", "1", "Different medications among them", "MedicationRequest", _NONE,
        folds.requests(_YEAR, different=True),
    ),
    _takes(
        "antihypertensive", "A drug that lowers blood pressure",
        "lisinopril", "enalapril", "losartan", "valsartan", "amlodipine", "hydrochlorothiazide", "atenolol", "metoprolol",
    ),
    _takes("statin", "A statin", "simvastatin", "atorvastatin", "pravastatin", "rosuvastatin", "lovastatin"),
    _takes(
        "glucose_lowering", "A drug that lowers glucose",
        "metformin", "insulin", "glipizide", "glimepiride", "glyburide", "sitagliptin", "liraglutide", "canagliflozin",
    ),
)  # fmt: skip

FEATURES: Final = (*_PERSON, *_ENCOUNTERS, *_CONDITIONS, *_OBSERVATIONS, *_MEDICATIONS)
BY_NAME: Final = {feature.name: feature for feature in FEATURES}


def vector(known: Known) -> dict[str, float]:
    """Feature → value, in the order of the store; NaN is missing."""
    return {feature.name: feature.of(known) for feature in FEATURES}


def missing(values: dict[str, float]) -> list[str]:
    """The features without a value."""
    return [name for name, value in values.items() if math.isnan(value)]
