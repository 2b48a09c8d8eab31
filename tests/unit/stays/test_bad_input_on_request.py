"""What cannot count is named in the answer to a request, by each model's rules, and never changes a score unsaid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.fhir.identity import ResourceKey
from shared.errors import InputError
from tests.unit.features.patients import encounter, observation
from tests.unit.scores.ward import CALLER
from tests.unit.stays.icu import CALM, PATIENT, Icu, observed
from tests.unit.stays.test_onset_on_request import Practice


def not_counted(risk: dict[str, Any]) -> dict[str, int]:
    parts = [part["extension"] for part in risk["extension"][0]["extension"] if part["url"] == "notCounted"]
    return {reason["valueCode"]: values["valueInteger"] for reason, values in parts}


def forecast(risk: dict[str, Any]) -> Any:
    return risk["prediction"][0]["probabilityDecimal"]


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


@pytest.mark.parametrize("model", ["sepsis", "readmission", "onset", "news2"])
def test_a_patient_without_data_is_refused_with_what_is_missing(model: str) -> None:
    icu = Icu()
    empty = ResourceKey("Patient", "empty")
    icu.put(empty, {"resourceType": "Patient"})
    with pytest.raises(InputError) as refused:
        icu.world.risk.assess(CALLER, empty.id, model)
    assert refused.value.status == 422
    assert "on record" in str(refused.value)
