"""Features of a hospital encounter at discharge, for readmission within 30 days.

Source of the columns and their codes: Strack B et al. Impact of HbA1c measurement on hospital readmission rates.
BioMed Research International 2014:781670, table 1, https://doi.org/10.1155/2014/781670 (UCI data set 296). An
encounter is a row of those columns; `earlier` holds the same patient's encounters before it, the oldest first:
nothing that happens after discharge is seen. A missing or unreadable number is NaN, a category that the model does
not know is none of its categories.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from shared.domain.features.icd9 import GROUPS, category, groups_of, number

Encounter: TypeAlias = Mapping[str, str]
# Column → value → mean outcome in the training data, drawn towards the overall mean where the value is rare.
Rates: TypeAlias = Mapping[str, Mapping[str, float]]

DIAGNOSES: Final = ("diag_1", "diag_2", "diag_3")
COUNTS: Final = (
    "time_in_hospital", "num_lab_procedures", "num_procedures", "num_medications", "number_outpatient",
    "number_emergency", "number_inpatient", "number_diagnoses",
)  # fmt: skip
DRUGS: Final = (
    "metformin", "repaglinide", "nateglinide", "glimepiride", "glipizide", "glyburide", "pioglitazone",
    "rosiglitazone", "acarbose", "insulin", "glyburide-metformin",
)  # fmt: skip
# Taken so rarely that only their number counts.
RARE_DRUGS: Final = (
    "chlorpropamide", "acetohexamide", "tolbutamide", "miglitol", "troglitazone", "tolazamide",
    "glipizide-metformin", "glimepiride-pioglitazone", "metformin-rosiglitazone", "metformin-pioglitazone",
)  # fmt: skip
_DOSE: Final = {"No": 0.0, "Down": 1.0, "Steady": 2.0, "Up": 3.0}
_GLUCOSE: Final = {"None": 0.0, "Norm": 1.0, ">200": 2.0, ">300": 3.0}
_A1C: Final = {"None": 0.0, "Norm": 1.0, ">7": 2.0, ">8": 3.0}
_GENDERS: Final = ("Female", "Male", "Unknown/Invalid")
_CHANGES: Final = ("Ch", "No")
_TAKEN: Final = ("Yes", "No")
_NOT_SAID: Final = frozenset({"", "?"})
CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    "race": ("Caucasian", "AfricanAmerican", "?", "Hispanic", "Asian"),
    "discharge_disposition_id": (
        "1", "2", "3", "4", "5", "6", "7", "11", "13", "14", "15", "18", "22", "23", "25", "28",
    ),
    "admission_source_id": ("1", "2", "4", "5", "6", "7", "17", "20"),
    "admission_type_id": ("1", "2", "3", "5", "6", "8"),
    "payer_code": ("?", "MC", "HM", "SP", "BC", "MD", "CP", "UN", "CM", "OG", "PO"),
    "medical_specialty": (
        "?", "InternalMedicine", "Emergency/Trauma", "Family/GeneralPractice", "Cardiology",
        "Surgery-General", "Nephrology", "Orthopedics", "Orthopedics-Reconstructive", "Radiologist",
        "Pulmonology", "Psychiatry", "Urology", "ObstetricsandGynecology",
        "Surgery-Cardiovascular/Thoracic", "Gastroenterology", "Surgery-Vascular", "Oncology",
        "PhysicalMedicineandRehabilitation", "Hematology/Oncology", "Neurology",
    ),
}  # fmt: skip
# Expired or in a hospice: not readmitted.
_DIED_OR_HOSPICE: Final = frozenset(("11", "13", "14", "19", "20", "21"))
_FURTHER_CARE: Final = frozenset(("2", "3", "5", "6", "22"))
RATED: Final = (*DIAGNOSES, "discharge_disposition_id", "medical_specialty", "admission_source_id")
OVERALL: Final = ""  # the key of the mean over all encounters
COLUMNS: Final = (
    "encounter_id", "patient_nbr", "gender", "age", "weight", "max_glu_serum", "A1Cresult", "change",
    "diabetesMed", *CATEGORIES, *COUNTS, *DIAGNOSES, *DRUGS, *RARE_DRUGS,
)  # fmt: skip
BEFORE: Final = "encounters before"
_VISITS: Final = ("number_outpatient", "number_emergency", "number_inpatient")
_COLUMNS_OF: Final[dict[str, tuple[str, ...]]] = {
    "female": ("gender",), "weight is known": ("weight",), "died or hospice": ("discharge_disposition_id",),
    "visits": _VISITS, "acute visits": _VISITS[1:], "share of inpatient visits": _VISITS,
    "medications a day": ("num_medications", "time_in_hospital"),
    "laboratory procedures a day": ("num_lab_procedures", "time_in_hospital"),
    "glucose": ("max_glu_serum",), "A1C": ("A1Cresult",), "medication changed": ("change",),
    "diabetes medication": ("diabetesMed",), "diabetes with complications": DIAGNOSES, "diabetes type 1": DIAGNOSES,
    **dict.fromkeys(("drugs", "drugs up", "drugs down"), (*DRUGS, *RARE_DRUGS)),
    "same first diagnosis as last time": (DIAGNOSES[0], BEFORE),
}  # fmt: skip


WATCHED: Final = ("age", *COUNTS)
"""The numbers whose drift is watched."""


def readmission_features(
    encounter: Encounter, earlier: Sequence[Encounter], rates: Rates
) -> dict[str, float]:
    """Feature → value, in the model's order."""
    return {
        **_person(encounter),
        **_stay(encounter),
        **_treatment(encounter),
        **_diagnoses(encounter),
        **_history(encounter, earlier),
        **{f"rate of {column}": _rate(rates, column, encounter) for column in RATED},
    }


def columns_of(feature: str) -> tuple[str, ...]:
    """The columns that a feature is computed from; `BEFORE` where it looks at the encounters before."""
    if feature in _COLUMNS_OF:
        return _COLUMNS_OF[feature]
    if feature.startswith("rate of "):
        return (feature.removeprefix("rate of "),)
    if feature.startswith("diagnoses: "):
        return DIAGNOSES
    if feature.startswith("first diagnosis: "):
        return DIAGNOSES[:1]
    column = feature.partition(" ")[0]
    since = (BEFORE,) if feature.endswith("since last time") else ()
    return (column, *since) if column in COLUMNS else (BEFORE,)


def unreadable(encounter: Encounter) -> list[str]:
    """The columns of an encounter whose values count as not known because the data set has none like them.

    A category that is none of the model's is not among them: the data set has rare ones.
    """
    counts = [name for name in COUNTS if not encounter.get(name, "").strip().isdecimal()]
    drugs = [name for name in (*DRUGS, *RARE_DRUGS) if encounter.get(name, "No") not in _DOSE]
    coded = {
        "max_glu_serum": _GLUCOSE, "A1Cresult": _A1C, "gender": _GENDERS, "change": _CHANGES, "diabetesMed": _TAKEN,
    }  # fmt: skip
    others = [name for name, known in coded.items() if encounter.get(name) not in known]
    age = ["age"] if math.isnan(_age(encounter)) else []
    found = [*age, *counts, *drugs, *others]
    return [name for name in found if encounter.get(name, "").strip() not in _NOT_SAID]


def rated_value(column: str, encounter: Encounter) -> str:
    """What the rate of a column is looked up by."""
    return encounter.get(column, "?").strip()


def in_order(encounters: Iterable[Encounter]) -> list[Encounter]:
    """Encounters by their number, which grows with time."""
    return sorted(encounters, key=lambda each: (len(each["encounter_id"]), each["encounter_id"]))


def _rate(rates: Rates, column: str, encounter: Encounter) -> float:
    known = rates[column]
    return known.get(rated_value(column, encounter), known[OVERALL])


def _number(encounter: Encounter, column: str) -> float:
    """A count; NaN where it is missing, negative or no number."""
    text = encounter.get(column, "").strip()
    return float(text) if text.isdecimal() else math.nan


def _age(encounter: Encounter) -> float:
    """The middle of a decade of years."""
    decade = encounter.get("age", "").strip("[)").split("-")[0]
    return float(decade) + 5 if decade.isdecimal() else math.nan


def _person(encounter: Encounter) -> dict[str, float]:
    return {
        "age": _age(encounter),
        "female": float(encounter.get("gender") == "Female"),
        "weight is known": float(encounter.get("weight", "?") not in ("?", "")),
    }


def _stay(encounter: Encounter) -> dict[str, float]:
    counts = {column: _number(encounter, column) for column in COUNTS}
    days = max(counts["time_in_hospital"], 1.0)
    acute = counts["number_emergency"] + counts["number_inpatient"]
    visits = acute + counts["number_outpatient"]
    categories = {
        f"{column} {value}": float(encounter.get(column) == value)
        for column, values in CATEGORIES.items()
        for value in values
    }
    return counts | categories | {
        "died or hospice": float(encounter.get("discharge_disposition_id") in _DIED_OR_HOSPICE),
        "visits": visits,
        "acute visits": acute,
        "medications a day": counts["num_medications"] / days,
        "laboratory procedures a day": counts["num_lab_procedures"] / days,
        "share of inpatient visits": counts["number_inpatient"] / (1 + visits),
    }  # fmt: skip


def _treatment(encounter: Encounter) -> dict[str, float]:
    doses = [encounter.get(drug, "No") for drug in (*DRUGS, *RARE_DRUGS)]
    return {
        "glucose": _GLUCOSE.get(encounter.get("max_glu_serum", "None"), 0.0),
        "A1C": _A1C.get(encounter.get("A1Cresult", "None"), 0.0),
        **{drug: _DOSE.get(encounter.get(drug, "No"), 0.0) for drug in DRUGS},
        "drugs": float(sum(dose != "No" for dose in doses)),
        "drugs up": float(doses.count("Up")),
        "drugs down": float(doses.count("Down")),
        "medication changed": float(encounter.get("change") == "Ch"),
        "diabetes medication": float(encounter.get("diabetesMed") == "Yes"),
    }


def _diagnoses(encounter: Encounter) -> dict[str, float]:
    codes = [encounter.get(column, "?").strip() for column in DIAGNOSES]
    groups = [groups_of(code) for code in codes]
    diabetes = [code for code in codes if category(code) == "250"]
    numbers = [number(code) for code in codes]
    return {
        **{f"first diagnosis: {name}": float(name in groups[0]) for name in GROUPS},
        **{f"diagnoses: {name}": float(sum(name in each for each in groups)) for name in GROUPS},
        **{
            f"{column} as a number": math.nan if value is None else value
            for column, value in zip(DIAGNOSES, numbers, strict=True)
        },
        "diabetes with complications": float(sum(code[4:5] in tuple("123456789") for code in diabetes)),
        "diabetes type 1": float(any(code[5:6] in ("1", "3") for code in diabetes)),
    }


def _history(encounter: Encounter, earlier: Sequence[Encounter]) -> dict[str, float]:
    """What the record holds of the patient's encounters before this one."""
    known = {"encounters before": float(len(earlier))}
    last = earlier[-1] if earlier else {}
    stays = [_number(each, "time_in_hospital") for each in earlier]
    return known | {
        "days in hospital last time": _number(last, "time_in_hospital"),
        "mean days in hospital before": sum(stays) / len(stays) if stays else math.nan,
        "inpatient visits last time": _number(last, "number_inpatient"),
        "most inpatient visits before": max(
            (_number(each, "number_inpatient") for each in earlier), default=math.nan
        ),
        **{
            f"{column} since last time": _number(encounter, column) - _number(last, column)
            for column in ("number_inpatient", "number_emergency", "number_outpatient", "num_medications")
        },
        "same first diagnosis as last time": (
            float(category(last["diag_1"]) == category(encounter["diag_1"])) if last else math.nan
        ),
        "discharged home last time": float(last["discharge_disposition_id"] == "1") if last else math.nan,
        "discharges to further care before": (
            float(sum(each["discharge_disposition_id"] in _FURTHER_CARE for each in earlier))
            if last
            else math.nan
        ),
    }
