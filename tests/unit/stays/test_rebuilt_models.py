"""What models and ratings raised follows from raw: a rebuild finds the same, and whatever was lost or changed."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir import json
from shared.domain.records import Item, body_of, stored_body
from shared.domain.stays.assessment import said_by
from shared.ports.records import Replace
from tests.unit.scores.ward import loinc
from tests.unit.stays.icu import CALM, PATIENT, Icu
from tests.unit.stays.test_readmission_at_discharge import DIABETES, HEART_FAILURE, Ward

SEPTIC = {"HR": 135.0, "Temp": 39.6, "SBP": 78.0, "MAP": 52.0, "Resp": 34.0, "O2Sat": 87.0}
BLOOD = {"WBC": 24.0, "Lactate": 6.0, "Creatinine": 3.0, "Platelets": 60.0, "BUN": 60.0}


class Landed(Icu):
    """A stay that is reacted to as values come, several at a time, and whose commits are landed."""

    def page(self) -> None:
        changes = self.world.stores.records.changes
        start, self.seen = self.seen, len(changes)
        self.world.score_vitals.react(changes[start : self.seen])
        for reaction in (self.world.score_sepsis, self.world.score_readmission, self.world.watch_falls):
            reaction.react(changes[start : self.seen])
        self.world.land_commits.land(changes[start : self.seen])
        self.world.moving.advance(1)

    def differences(self) -> list[str]:
        return [each.kind for each in self.world.rebuilt().differences]

    def change(self, item: Item, **change: Any) -> None:
        there = self.world.stores.records.read(item["tenant"], item["home"], item["id"])
        assert there is not None
        etag = there.pop("_etag")
        self.world.stores.records.commit(item["tenant"], item["home"], [Replace({**there, **change}, etag)])


@pytest.fixture
def ill() -> Landed:
    icu = Landed(hours=8)
    icu.admit()
    icu.page()
    for hour in range(1, 7):
        icu.measure(hour, **(CALM if hour < 3 else SEPTIC | BLOOD))
        icu.page()
    rated = {"status": "final", "subject": {"reference": str(PATIENT)}, "code": loinc("59460-6")}
    quantity = {"value": 60, "system": "http://unitsofmeasure.org", "code": "{score}"}
    icu.post(
        {
            "resourceType": "Observation",
            **rated,
            "effectiveDateTime": icu.at(6).isoformat(),
            "valueQuantity": quantity,
        }
    )
    icu.page()
    assert {alert["model"] for alert in icu.alerts()} >= {"sepsis", "morse"}
    return icu


def test_a_stay_is_found_as_it_was_said(ill: Landed) -> None:
    result = ill.world.rebuilt()
    assert result.differences == []
    assert result.replayed >= 4


def test_a_risk_that_was_changed_is_told(ill: Landed) -> None:
    current = ill.world.current("RiskAssessment")
    risk, item = max(
        (
            (json.decode_object(body_of(each)), each)
            for each in current
            if said_by(json.decode_object(body_of(each)))
        ),
        key=lambda each: str(each[1]["sv"]),
    )
    risk["prediction"][0]["probabilityDecimal"] = 0.001
    ill.change(item, **stored_body(json.encode(risk)))
    assert ill.differences() == ["risk assessment: differs from what follows from raw"]


def test_alerts_that_are_gone_are_told(ill: Landed) -> None:
    for item in ill.world.kinds("alert"):
        if item["alert"]["model"] in ("news2", "qsofa"):
            continue
        ill.change(item, kind="told")
    assert ill.differences() == ["alert: follows from raw, not on record"] * 2


def test_an_alarm_that_no_value_raises_is_told() -> None:
    icu = Landed(hours=3)
    icu.admit()
    icu.page()
    icu.measure(2, **CALM)
    icu.page()
    assert icu.differences() == []
    septic = Landed(hours=3)
    septic.admit()
    septic.page()
    septic.measure(2, **SEPTIC, **BLOOD)
    septic.page()
    [alert] = [each for each in septic.world.kinds("alert") if each["alert"]["model"] == "sepsis"]
    icu.world.stores.records.create({name: value for name, value in alert.items() if name != "_etag"})
    assert icu.differences() == ["alert: no value in raw raises it"]


def test_a_discharge_without_its_assessment_is_told() -> None:
    ward = Ward(HEART_FAILURE, DIABETES)
    ward.discharge()
    ward.world.land_commits.land(ward.world.stores.records.changes)
    assert [each.kind for each in ward.world.rebuilt().differences] == [
        "risk assessment: follows from raw, not on record"
    ]
    ward.told()
    assert ward.world.rebuilt().differences == []
