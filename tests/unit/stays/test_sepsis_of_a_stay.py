"""Sepsis scores follow the readings of a stay: what counts, what does not, and what it says about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from shared.domain.features.sepsis import MEASURED, rests_on
from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import body_of, stored_body
from shared.domain.stays.variables import by_code
from shared.errors import InputError, NotFound
from shared.ports.records import Replace
from tests.delivery.world import World
from tests.unit.features.stays import made_up_stay
from tests.unit.scores.ward import CALLER
from tests.unit.stays.icu import CALM, PATIENT, Icu, encounter, index_of, observed


def _not_counted(risk: dict[str, Any]) -> dict[str, int]:
    parts = [part["extension"] for part in risk["extension"][0]["extension"] if part["url"] == "notCounted"]
    return {reason["valueCode"]: values["valueInteger"] for reason, values, *_ in parts}


def test_a_stay_is_scored_once_its_vital_signs_are_known() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(9, HR=80.0, Temp=36.8)
    icu.react()
    assert icu.risks() == []
    icu.measure(9, SBP=120.0, Resp=14.0)
    assert icu.react() == 1
    [risk] = icu.risks()
    assert 0 < risk["prediction"][0]["probabilityDecimal"] < 0.2
    assert risk["method"]["coding"][0]["version"]
    assert len(risk["basis"]) == 5
    assert risk["basis"][0]["reference"].startswith("Encounter/")
    assert (
        "raises it" in risk["prediction"][0]["rationale"] or "lowers it" in risk["prediction"][0]["rationale"]
    )


def test_a_patient_without_a_stay_is_not_scored() -> None:
    icu = Icu()
    icu.measure(9, **CALM)
    assert icu.react() == 0
    assert icu.risks() == []


def test_what_was_measured_before_the_encounter_was_told_counts() -> None:
    icu = Icu()
    icu.measure(9, **CALM)
    icu.react()
    icu.admit()
    assert icu.react() == 1
    assert len(icu.risks()) == 1


def test_with_the_end_of_the_stay_its_alarm_ends_and_nothing_is_scored() -> None:
    icu = Icu(hours=30)
    key = icu.admit()
    for hour in range(2, 30):
        icu.measure(
            hour, HR=135.0, Temp=39.6, SBP=78.0, MAP=52.0, Resp=34.0, O2Sat=87.0, WBC=24.0, Lactate=6.0
        )
    icu.react()
    [alert] = icu.alerts()
    assert alert["status"] == "active"
    period = {"start": icu.begun.isoformat(), "end": icu.at(29.5).isoformat()}
    icu.put(key, encounter(icu.begun, status="finished", period=period))
    icu.react()
    [alert] = icu.alerts()
    assert (alert["status"], alert["ending"]) == ("ended", "lapsed")
    before = len(icu.risks())
    icu.measure(29.9, **CALM)
    assert icu.react() == 0
    assert len(icu.risks()) == before


def test_an_outpatient_visit_opens_no_stay() -> None:
    icu = Icu()
    icu.admit(**{"class": {"code": "AMB"}})
    icu.measure(9, **CALM)
    assert icu.react() == 0
    assert icu.world.kinds("stay") == []


def test_intensive_care_within_a_hospital_stay_knows_when_the_patient_was_admitted() -> None:
    icu = Icu()
    earlier = {"start": icu.at(-30).isoformat()}
    whole = icu.post(encounter(icu.begun, period=earlier, **{"class": {"code": "IMP"}}))
    icu.admit(partOf={"reference": str(whole)})
    icu.measure(9, **CALM)
    icu.react()
    [item] = icu.world.kinds("stay")
    begun, admitted = json.decode_object(body_of(item))["stay"][2:4]
    assert begun - admitted == 30 * 3_600_000_000


def test_an_hour_has_one_assessment_and_a_new_version_with_each_value() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(8.2, **CALM)
    icu.react()
    icu.measure(8.4, Lactate=4.1)
    icu.react()
    icu.measure(9.1, HR=82.0)
    icu.react()
    first, second = icu.risks()
    assert first["meta"]["versionId"] != second["meta"]["versionId"]
    assert "Lactate" not in [part.get("valueCode") for part in first["extension"][0]["extension"]]
    history = [item for item in icu.world.kinds("history") if item["type"] == "RiskAssessment"]
    assert len(history) == 1


def test_the_same_news_again_changes_nothing() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(9, **CALM)
    icu.react()
    before = icu.world.stores.records.changes[:]
    icu.seen = 0
    assert icu.react() == 0
    assert icu.world.stores.records.changes == before


def test_a_withdrawn_value_counts_no_longer() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(8, **CALM)
    [key] = icu.measure(8.5, Lactate=9.0)
    icu.react()
    [with_lactate] = icu.risks()
    icu.put(key, {**observed("Lactate", 9.0, icu.at(8.5)), "status": "entered-in-error"})
    icu.react()
    icu.measure(9, HR=80.0)
    icu.react()
    shown = [str(each) for each in icu.risks()[-1]["basis"]]
    assert any(key.id in str(each) for each in with_lactate["basis"])
    assert not any(key.id in each for each in shown)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (lambda icu: observed("HR", 900.0, icu.at(9)), "impossible-value"),
        (lambda icu: observed("Temp", 98.0, icu.at(9), "[in_i]"), "unknown-unit"),
        (lambda icu: observed("HR", 90.0, icu.at(-3)), "before-the-stay"),
        (lambda icu: observed("HR", 90.0, icu.at(12)), "ahead-of-its-recording"),
    ],
)
def test_a_value_that_cannot_be_is_named_in_the_answer(resource: Any, reason: str) -> None:
    icu = Icu()
    icu.admit()
    icu.measure(9, **CALM)
    icu.react()
    plain = index_of(icu.risks()[-1])
    icu.post(resource(icu))
    icu.react()
    assert _not_counted(icu.risks()[-1]) == {reason: 1}
    variable = resource(icu)["code"]["coding"][0]["code"]
    named = [] if reason == "before-the-stay" else [by_code()[variable].name]
    assert _variables(icu.risks()[-1]) == {reason: named}
    assert index_of(icu.risks()[-1]) == plain


def test_an_hour_is_assessed_anew_when_another_reason_is_named_and_not_for_one_more_value_of_it() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(9, **CALM)
    icu.react()
    for minute, value in enumerate((900.0, 901.0, 902.0)):
        icu.measure(9 + minute / 60, HR=value)
        icu.react()
    other = World(icu.world.stores)  # a process that remembers nothing of it
    icu.measure(9.1, HR=903.0)
    other.score_sepsis.react(icu.world.stores.records.changes[icu.seen :])
    icu.seen = len(icu.world.stores.records.changes)
    assert _not_counted(icu.risks()[-1]) == {"impossible-value": 1}
    icu.post(observed("HR", 80.0, icu.at(9.2), "/d"))
    icu.react()
    assert _not_counted(icu.risks()[-1]) == {"impossible-value": 4, "unknown-unit": 1}
    icu.measure(9.3, HR=904.0, Lactate=2.0)
    icu.react()
    assert _not_counted(icu.risks()[-1]) == {"impossible-value": 5, "unknown-unit": 1}
    history = [item for item in icu.world.kinds("history") if item["type"] == "RiskAssessment"]
    assert len(history) == 3


def test_an_hour_is_assessed_anew_when_another_variable_is_named_and_not_beyond_five_of_a_reason() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(9, **CALM)
    icu.react()
    odd = {"HR": 900.0, "SBP": 900.0, "Resp": 900.0, "Lactate": 900.0, "Glucose": 90_000.0, "MAP": 900.0}
    for value in (0.0, 1.0):
        for minute, (name, number) in enumerate(odd.items()):
            icu.measure(9 + minute / 60, **{name: number + value})
            icu.react()
    named = _variables(icu.risks()[-1])
    assert named == {"impossible-value": [*odd][:5]}
    assert _not_counted(icu.risks()[-1]) == {"impossible-value": 5}
    assert len([item for item in icu.world.kinds("history") if item["type"] == "RiskAssessment"]) == 5


def test_a_stay_of_an_earlier_release_names_variables_from_the_next_value_on() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(9, **CALM)
    icu.measure(9.05, HR=900.0)
    icu.react()
    [item] = icu.world.kinds("stay")
    there = icu.world.stores.records.read(item["tenant"], item["home"], item["id"])
    assert there is not None
    state = json.decode_object(body_of(there))
    assert state.pop("named") == {"impossible-value": ["HR"]}
    etag = there.pop("_etag")
    kept = {name: value for name, value in there.items() if name not in ("body", "z")}
    replaced = {**kept, **stored_body(json.encode(state))}
    icu.world.stores.records.commit(item["tenant"], item["home"], [Replace(replaced, etag)])
    other, changes = World(icu.world.stores), icu.world.stores.records.changes
    icu.seen = len(changes)
    icu.measure(9.1, SBP=901.0)
    other.score_sepsis.react(changes[icu.seen :])
    assert _not_counted(icu.risks()[-1]) == {"impossible-value": 2}
    assert _variables(icu.risks()[-1]) == {"impossible-value": ["SBP"]}


def _variables(risk: dict[str, Any]) -> dict[str, list[str]]:
    parts = [part["extension"] for part in risk["extension"][0]["extension"] if part["url"] == "notCounted"]
    return {reason["valueCode"]: [each["valueCode"] for each in named] for reason, _, *named in parts}


def _with_no_parts(body: dict[str, Any]) -> None:
    body["extension"][0]["extension"] = [{"url": "notCounted"}]


ALTERED: dict[str, Callable[[dict[str, Any]], object]] = {
    "no extension": lambda body: body.pop("extension"),
    "two extensions": lambda body: body["extension"].append({"url": "urn:other", "valueBoolean": True}),
    "an extension without parts": lambda body: body["extension"][0].pop("extension"),
    "a part without its own": _with_no_parts,
    "a part without an address": lambda body: body["extension"][0]["extension"].append({"extension": [{}]}),
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
def test_an_assessment_that_somebody_altered_is_written_anew_and_holds_up_no_alarm(
    alter: Callable[[dict[str, Any]], object],
) -> None:
    icu = _with_an_assessment()
    [item] = icu.world.current("RiskAssessment")
    body = json.decode_object(body_of(item))
    alter(body)
    icu.put(ResourceKey("RiskAssessment", body["id"]), body)
    _assert_written_anew(icu)


@pytest.mark.parametrize("kept", [{"blob": "bodies/there"}, stored_body("{"), {"z": "bm9uZQ=="}])
def test_an_assessment_whose_body_is_elsewhere_or_spoilt_is_written_anew(kept: dict[str, str]) -> None:
    icu = _with_an_assessment()
    [item] = icu.world.current("RiskAssessment")
    there = icu.world.stores.records.read(item["tenant"], item["home"], item["id"])
    assert there is not None
    etag = there.pop("_etag")
    rest = {name: value for name, value in there.items() if name not in ("body", "z")}
    changed = {**rest, **kept, "hash": "other"}
    icu.world.stores.records.commit(item["tenant"], item["home"], [Replace(changed, etag)])
    _assert_written_anew(icu)


def _with_an_assessment() -> Icu:
    icu = Icu()
    icu.admit()
    icu.measure(9, **CALM)
    icu.measure(9.05, HR=900.0)
    icu.react()
    return icu


def _assert_written_anew(icu: Icu) -> None:
    """By a process that remembers nothing: after one more value that does not count, and with the alarm of those that do."""
    world, changes = World(icu.world.stores), icu.world.stores.records.changes
    for values in ({"HR": 901.0}, {"HR": 135.0, "Temp": 39.6, "SBP": 78.0, "Resp": 34.0, "Lactate": 6.0}):
        icu.measure(9.2, **values)
        start, icu.seen = icu.seen, len(changes)
        world.score_sepsis.redo(changes[start : icu.seen])
        [extension] = icu.risks()[-1]["extension"]
        assert {"url", "extension"} == set(extension)
    assert [alert["severity"] for alert in icu.alerts()] == ["P1"]


def test_a_temperature_in_fahrenheit_is_the_same_temperature() -> None:
    found = []
    for value, unit in ((38.5, "Cel"), (101.3, "[degF]"), (311.65, "K")):
        icu = Icu()
        icu.admit()
        icu.measure(9, **{name: value for name, value in CALM.items() if name != "Temp"})
        icu.post(observed("Temp", value, icu.at(9), unit))
        icu.react()
        found.append(index_of(icu.risks()[0]))
    assert found == [pytest.approx(found[0], abs=1e-6)] * 3


def test_on_request_it_is_what_the_stream_said() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(8, **CALM)
    icu.measure(8.5, WBC=15.0, Lactate=3.0)
    icu.react()
    [stored] = icu.risks()
    asked = json.decode_object(json.encode(icu.world.risk.assess(CALLER, PATIENT.id, "sepsis", icu.at(8.5))))
    assert asked["prediction"] == stored["prediction"]
    assert asked["extension"] == stored["extension"]
    assert "id" not in asked


def test_what_moved_it_is_dated_by_the_newest_reading_that_it_rests_on() -> None:
    icu = Icu(hours=30)
    icu.admit()
    readings: list[tuple[datetime, str, str]] = []
    dated: set[str] = set()
    for number, hour in enumerate(made_up_stay(4, 20)):
        for name, value in zip(MEASURED, hour, strict=False):
            if value == value:
                at = icu.at(number + 0.3 + 0.01 * MEASURED.index(name))
                readings.append((at, icu.post(observed(name, value, at)).id, name))
    begun = instant_text(icu.begun)
    for number in range(8, 20):
        now = icu.at(number + 0.45)
        risk = json.decode_object(json.encode(icu.world.risk.assess(CALLER, PATIENT.id, "sepsis", now)))
        for part in risk["extension"][0]["extension"]:
            if part["url"] != "contribution":
                continue
            found = {each["url"]: each for each in part["extension"]}
            feature = found["feature"]["valueString"]
            rests = [(at, id_) for at, id_, name in readings if name in rests_on(feature) and at <= now]
            if rests:
                at, id_ = max(rests)
                assert found["measured"]["valueDateTime"] == instant_text(at)
                reference = found["observation"]["valueReference"]["reference"]
                assert reference.startswith(f"Observation/{id_}/_history/")
                dated.add(feature)
            elif not rests_on(feature) and "value" in found:
                assert found["measured"]["valueDateTime"] == begun
                assert found["resource"]["valueReference"]["reference"].startswith("Encounter/")
                dated.add(feature)
            else:
                assert "measured" not in found
    assert {feature for feature in dated if feature.partition(" ")[0] not in MEASURED}


def test_on_request_an_earlier_instant_knows_nothing_of_what_came_after() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(5, **CALM)
    before = icu.world.risk.assess(CALLER, PATIENT.id, "sepsis", icu.at(6))
    icu.measure(7, HR=170.0, Lactate=12.0, SBP=60.0)
    assert icu.world.risk.assess(CALLER, PATIENT.id, "sepsis", icu.at(6)) == before


def test_a_request_names_what_is_missing() -> None:
    icu = Icu()
    with pytest.raises(InputError, match="Encounter") as refused:
        icu.world.risk.assess(CALLER, PATIENT.id, "sepsis")
    assert refused.value.status == 422
    icu.admit()
    icu.measure(9, HR=80.0, SBP=120.0)
    with pytest.raises(InputError, match=r"Resp, Temp or O2Sat\.$"):
        icu.world.risk.assess(CALLER, PATIENT.id, "sepsis")
    with pytest.raises(NotFound):
        icu.world.risk.assess(CALLER, "nobody", "sepsis")


def test_a_child_is_not_scored() -> None:
    icu = Icu(birthDate="2020-01-01")
    icu.admit()
    icu.measure(9, **CALM)
    assert icu.react() == 0
    with pytest.raises(InputError, match="age of 14 or more"):
        icu.world.risk.assess(CALLER, PATIENT.id, "sepsis")


def test_an_hour_without_a_value_is_scored_by_the_clock_once() -> None:
    icu = Icu(hours=5)
    icu.admit()
    icu.measure(4.9, **CALM)
    icu.react()
    assert icu.world.score_sepsis.by_the_clock() == 1
    assert icu.world.score_sepsis.by_the_clock() == 0
    icu.world.moving.advance(3_600)
    assert icu.world.sweep.run().stays == 1
    mine = [each for each in icu.risks() if each["method"]["coding"][0]["code"] == "sepsis"]
    told, by_the_clock, an_hour_later = mine
    assert told["basis"] == by_the_clock["basis"] == an_hour_later["basis"]
    icu.world.moving.advance(13 * 3_600)
    assert icu.world.score_sepsis.by_the_clock() == 0


def test_a_late_value_is_scored_at_the_instant_that_was_scored_last() -> None:
    icu = Icu(hours=5)
    icu.admit()
    icu.measure(4.0, **CALM)
    icu.react()
    icu.world.score_sepsis.by_the_clock()
    icu.measure(4.5, Lactate=3.0)
    icu.react()
    assert len(icu.risks()) == 2
    assert len(icu.risks()[-1]["basis"]) == len(CALM) + 2


def test_another_process_goes_on_with_the_stay_as_it_was_kept() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(8.1, **CALM)
    icu.react()
    other = World(icu.world.stores)
    icu.measure(9.2, HR=81.3, WBC=12.7)
    assert other.score_sepsis.react(icu.world.stores.records.changes[icu.seen :]) == 1
    asked = icu.world.risk.assess(CALLER, PATIENT.id, "sepsis", icu.at(9.2))
    assert json.decode_object(json.encode(asked))["extension"] == icu.risks()[-1]["extension"]


def test_a_value_that_another_process_scored_can_be_withdrawn_here() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(8, **CALM)
    icu.react()
    changes = icu.world.stores.records.changes
    [key] = icu.measure(8.5, Lactate=9.0)
    assert World(icu.world.stores).score_sepsis.react(changes[icu.seen :]) == 1
    assert any(key.id in str(each) for each in icu.risks()[-1]["basis"])
    icu.seen = len(changes)
    icu.put(key, {**observed("Lactate", 9.0, icu.at(8.5)), "status": "entered-in-error"})
    assert icu.react() == 1
    assert not any(key.id in str(each) for each in icu.risks()[-1]["basis"])
