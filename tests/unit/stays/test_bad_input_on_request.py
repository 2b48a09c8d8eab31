"""What cannot count is named in the answer to a request, by each model's rules, and never changes a score unsaid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.features.patient.measures import MEASURES
from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey
from shared.domain.stays.variables import variables
from shared.domain.vitals.parameters import MEASURES as VITALS
from shared.errors import InputError, consequence_of
from tests.unit.features.patients import encounter, observation
from tests.unit.scores.ward import CALLER, loinc
from tests.unit.stays.icu import CALM, PATIENT, Icu, observed
from tests.unit.stays.test_onset_on_request import Practice
from tests.unit.stays.test_readmission_at_discharge import DIABETES, Ward


def not_counted(risk: dict[str, Any]) -> dict[str, int]:
    parts = [part["extension"] for part in risk["extension"][0]["extension"] if part["url"] == "notCounted"]
    return {reason["valueCode"]: values["valueInteger"] for reason, values, *_ in parts}


def forecast(risk: dict[str, Any]) -> Any:
    return risk["prediction"][0].get("probabilityDecimal")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (lambda icu: observed("HR", 900.0, icu.at(9)), "impossible-value"),
        (lambda icu: observed("Temp", 98.0, icu.at(9), "[in_i]"), "unknown-unit"),
        (lambda icu: observed("HR", CALM["HR"], icu.at(50)), "duplicate"),
        (lambda icu: {**observed("HR", 180.0, icu.at(9)), "effectiveDateTime": "2026-03-28"}, "no-instant"),
    ],
)
def test_sepsis_names_what_does_not_count(bad: Callable[[Icu], dict[str, Any]], reason: str) -> None:
    icu = Icu(hours=51)
    icu.admit()
    icu.measure(50, **CALM)
    before = icu.world.risk.assess(CALLER, PATIENT.id, "sepsis")
    assert not_counted(before) == {}
    icu.post(bad(icu))
    after = icu.world.risk.assess(CALLER, PATIENT.id, "sepsis")
    assert not_counted(after) == {reason: 1}
    assert forecast(after) == forecast(before)


def test_values_of_sepsis_that_come_out_of_order_are_those_in_order() -> None:
    found = []
    for hours in ((3, 5, 7), (7, 3, 5)):
        icu = Icu()
        icu.admit()
        for hour in hours:
            icu.measure(hour, **{**CALM, "HR": 80.0 + 5 * hour})
        found.append(forecast(icu.world.risk.assess(CALLER, PATIENT.id, "sepsis")))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (observation("x", 900.0, code="8480-6", unit="mm[Hg]", at="2026-01-11"), "impossible-value"),
        (observation("x", 120.0, code="8480-6", unit="mg", at="2026-01-11"), "unknown-unit"),
        (observation("x", 165, code="8480-6", unit="mm[Hg]", at="2026-01-10T09:30:00Z"), "duplicate"),
        (encounter("x", "IMP", "2026-01-10T09:00:00Z", "2026-01-09T09:00:00Z"), "end-before-start"),
    ],
)
def test_onset_names_what_does_not_count(bad: dict[str, Any], reason: str) -> None:
    practice = Practice()
    before = practice.risk()
    practice.add(bad)
    after = practice.risk()
    assert not_counted(after) == {reason: 1}
    assert forecast(after) == forecast(before)


ABSURD = ("1E-999999", "-1E-999999", "1.7E+308", "-1.7E+308", "5E-324", "0E-999999", "9" * 300)
MODELS = ("news2", "qsofa", "sepsis", "readmission", "onset")


def _units() -> set[tuple[str, str]]:
    """Every code that a score or a feature reads, with each unit that it is read in."""
    found = {(code, unit) for code, measure in VITALS.items() for unit in measure.units}
    found |= {(code, unit) for each in variables() for code in each.codes for unit in each.units}
    return found | {(code, unit) for each in MEASURES for code in each.codes for unit in each.units}


def test_no_number_that_json_may_carry_in_whatever_unit_keeps_an_answer_away() -> None:
    icu = Ward(DIABETES)
    icu.put(PATIENT, {**icu.person, "gender": "female"})
    icu.admit()
    icu.discharge()
    icu.measure(118, **CALM)
    before = {model: icu.world.risk.assess(CALLER, PATIENT.id, model) for model in MODELS}
    units = _units()
    assert len(units) > 150
    for code, unit in sorted(units):
        for text in ABSURD:
            plain = observed("HR", 1, icu.at(119.9))
            body = json.encode({**plain, "code": loinc(code), "category": []}).replace("/min", unit)
            icu.post(json.decode_object(body.replace('"value":1', f'"value":{text}')))
    changes = icu.world.stores.records.changes
    for reaction in (icu.world.score_vitals, icu.world.score_sepsis, icu.world.score_readmission):
        reaction.redo(changes)
    for model in MODELS:
        after = icu.world.risk.assess(CALLER, PATIENT.id, model)
        assert "notCounted" in str(after["extension"])
        if model in ("qsofa", "readmission"):  # nothing is a possible value of theirs, such as no troponin
            assert after["basis"] == before[model]["basis"]
            assert forecast(after) == forecast(before[model])


@pytest.mark.parametrize("text", ["9E+999999", "-9E+999999", "1E+309", "9" * 400, "9E+999999999999"])
def test_a_number_beyond_any_fhir_type_is_refused_before_it_is_recorded(text: str) -> None:
    with pytest.raises(InputError) as refused:
        json.decode_object(f'{{"valueQuantity":{{"value":{text}}}}}')
    assert consequence_of(refused.value).status == 400


@pytest.mark.parametrize("model", ["sepsis", "readmission", "onset", "news2"])
def test_a_patient_without_data_is_refused_with_what_is_missing(model: str) -> None:
    icu = Icu()
    empty = ResourceKey("Patient", "empty")
    icu.put(empty, {"resourceType": "Patient"})
    with pytest.raises(InputError) as refused:
        icu.world.risk.assess(CALLER, empty.id, model)
    assert refused.value.status == 422
    assert "on record" in str(refused.value)
