"""Features of an encounter: diagnoses by group, what came before by its number, and nothing of what came after."""

from __future__ import annotations

import math
from typing import Any

import pytest

from shared.domain.features.icd9 import GROUPS, groups_of, number
from shared.domain.features.readmission import (
    BEFORE,
    COLUMNS,
    COUNTS,
    DRUGS,
    OVERALL,
    RARE_DRUGS,
    RATED,
    columns_of,
    in_order,
    readmission_features,
)

RATES: dict[str, dict[str, float]] = {column: {OVERALL: 0.11} for column in RATED}


def encounter(**columns: str) -> dict[str, str]:
    plain = {
        "encounter_id": "100", "patient_nbr": "1", "gender": "Female", "age": "[70-80)", "weight": "?",
        "max_glu_serum": "None", "A1Cresult": ">8", "change": "Ch", "diabetesMed": "Yes",
        "time_in_hospital": "4", "num_medications": "12", "number_inpatient": "2", "number_emergency": "1",
        "number_outpatient": "0", "num_lab_procedures": "40", "num_procedures": "0", "number_diagnoses": "9",
        "diag_1": "428", "diag_2": "250.43", "diag_3": "V45", "discharge_disposition_id": "1",
        "insulin": "Up",
    }  # fmt: skip
    return dict.fromkeys(COLUMNS, "No") | plain | {name.replace("__", "-"): v for name, v in columns.items()}


def features(row: dict[str, str], *earlier: dict[str, str], rates: Any = None) -> dict[str, float]:
    return readmission_features(row, earlier, rates or RATES)


@pytest.mark.parametrize(
    ("code", "groups"),
    [
        ("428", {"heart failure"}),
        ("410.71", {"ischaemic heart", "myocardial infarction"}),
        ("038.9", {"infections", "septicaemia"}),
        ("250.83", {"diabetes"}),
        ("276", {"other endocrine", "fluid disorders"}),
        ("V57", {"supplementary (V)"}),
        ("E909", {"external causes (E)"}),
        ("?", {"none"}),
        ("", {"none"}),
        ("nonsense", set()),
        ("390", set()),
        ("4280", set()),
    ],
)
def test_groups_of_diagnoses(code: str, groups: set[str]) -> None:
    assert groups_of(code) == groups
    assert groups <= set(GROUPS)


def test_more_digits_than_any_code_has_are_no_code() -> None:
    endless = "4" * 5_000
    assert groups_of(endless) == set()
    assert number(endless) is None
    assert number("428." + endless) == pytest.approx(428 + 4 / 9)
    found = features(encounter(diag_1=endless))
    assert math.isnan(found["diag_1 as a number"])
    assert found["diagnoses: diabetes"] == 1


def test_an_encounter_in_numbers() -> None:
    found = features(encounter())
    assert (found["age"], found["A1C"], found["insulin"], found["drugs up"]) == (75, 3, 3, 1)
    assert (found["visits"], found["acute visits"], found["medications a day"]) == (3, 3, 3.0)
    assert found["first diagnosis: heart failure"] == 1
    assert found["diagnoses: diabetes"] == 1
    assert (found["diabetes with complications"], found["diabetes type 1"]) == (1, 1)
    assert found["rate of diag_1"] == 0.11


OTHERS = {
    "gender": "Male", "age": "[30-40)", "weight": "[75-100)", "max_glu_serum": ">300", "A1Cresult": "Norm", "change": "No",
    "diabetesMed": "No", "race": "Asian", "discharge_disposition_id": "11", "admission_source_id": "7",
    "admission_type_id": "1", "payer_code": "MC", "medical_specialty": "Cardiology", "diag_1": "250.13",
    "diag_2": "414", "diag_3": "E880", **dict.fromkeys(COUNTS, "7"), **dict.fromkeys((*DRUGS, *RARE_DRUGS), "Down"),
}  # fmt: skip


@pytest.mark.parametrize("column", [*OTHERS, BEFORE])
def test_a_column_moves_no_feature_that_is_not_said_to_be_computed_from_it(column: str) -> None:
    rates = {each: {OVERALL: 0.1, OTHERS[each]: 0.2} for each in RATED}
    moved: set[str] = set()
    for diagnosis in ("428", "250.43"):
        row, earlier = encounter(diag_1=diagnosis), [encounter(time_in_hospital="3", diag_1="428")]
        before = features(row, *earlier, rates=rates)
        if column == BEFORE:
            after = features(row, rates=rates)
        else:
            after = features(row | {column: OTHERS[column]}, *earlier, rates=rates)
        moved |= {name for name in before if str(before[name]) != str(after[name])}
    assert moved <= {name for name in before if column in columns_of(name)}
    assert moved


def test_what_came_before_is_in_the_order_of_the_encounter_numbers() -> None:
    first, second = encounter(encounter_id="99", time_in_hospital="9"), encounter(encounter_id="1000")
    assert [each["encounter_id"] for each in in_order([second, first])] == ["99", "1000"]
    found = features(encounter(encounter_id="2000", number_inpatient="5"), first, second)
    assert (found["encounters before"], found["days in hospital last time"]) == (2, 4)
    assert found["mean days in hospital before"] == 6.5
    assert found["number_inpatient since last time"] == 3
    assert math.isnan(features(encounter())["days in hospital last time"])


def test_the_same_features_whatever_is_missing_or_unknown() -> None:
    blank = dict.fromkeys(COLUMNS, "?") | {"encounter_id": "1", "patient_nbr": "1"}
    odd = encounter(
        age="old", time_in_hospital="-3", race="Martian", metformin="Sometimes", diag_1="nonsense"
    )
    assert list(features(blank)) == list(features(odd)) == list(features(encounter(), encounter()))
    assert math.isnan(features(odd)["age"])
    assert math.isnan(features(odd)["time_in_hospital"])


def test_a_value_that_training_never_saw_has_the_overall_rate() -> None:
    rates = {column: {OVERALL: 0.1, "428": 0.2} for column in RATED}
    assert features(encounter(), rates=rates)["rate of diag_1"] == 0.2
    assert features(encounter(diag_1="999.9"), rates=rates)["rate of diag_1"] == 0.1


def test_the_outcome_is_not_read() -> None:
    assert features(encounter() | {"readmitted": "<30"}) == pytest.approx(features(encounter()), nan_ok=True)
    assert "readmitted" not in COLUMNS
