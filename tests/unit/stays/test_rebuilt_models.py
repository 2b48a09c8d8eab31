"""What models and ratings raised follows from raw: a rebuild finds the same, and whatever was lost or changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.adapters.memory.faults import Failure
from shared.domain.fhir import json
from shared.domain.models.lake_layout import alias_path, artefact_path
from shared.domain.models.shipped import shipped_model
from shared.domain.records import Item, body_of, stored_body
from shared.domain.stays.assessment import said_by
from shared.errors import Busy, Unavailable
from shared.ports.records import Replace
from shared.services.rebuild import Difference
from shared.services.said_by_models import Said
from shared.services.served_models import LOOKED_FOR, publish_champion
from tests.delivery.world import TENANT, World, caller
from tests.unit.features.patients import observation
from tests.unit.models.test_served_models import changed
from tests.unit.scores.ward import loinc
from tests.unit.stays.icu import CALM, PATIENT, Icu
from tests.unit.stays.test_onset_by_schedule import Surgery
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


DIFFERS = "risk assessment: differs from what follows from raw"


def said_in(world: World) -> list[tuple[dict[str, Any], Item]]:
    """Every version of what models said, the oldest first."""
    items = sorted((*world.kinds("current"), *world.kinds("history")), key=lambda each: str(each["sv"]))
    read = ((json.decode_object(body_of(each)), each) for each in items if each["type"] == "RiskAssessment")
    return [(risk, item) for risk, item in read if said_by(risk)]


def falsify(world: World, said: tuple[dict[str, Any], Item]) -> None:
    """Another probability in a version on record."""
    risk, item = said
    risk["prediction"][0]["probabilityDecimal"] = 0.001
    rewrite(world, item, stored_body(json.encode(risk)))


def rewrite(world: World, item: Item, body: dict[str, str]) -> None:
    """Another body of a version on record."""
    there = world.stores.records.read(item["tenant"], item["home"], item["id"])
    assert there is not None
    kept = {name: value for name, value in there.items() if name not in ("_etag", "body", "z")}
    world.stores.records.commit(item["tenant"], item["home"], [Replace({**kept, **body}, there["_etag"])])


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
    *_, newest = said_in(ill.world)
    falsify(ill.world, newest)
    assert ill.differences() == [DIFFERS]


UNREADABLE_RISKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "no hash of the model": lambda risk: risk["extension"][0].update(extension=[]),
    "no extension of a model": lambda risk: risk["extension"].clear(),
    "no prediction": lambda risk: risk["prediction"].clear(),
    "no basis": lambda risk: risk.pop("basis"),
    "no object": lambda risk: risk.update(subject="Patient/p"),
    "no such day": lambda risk: risk.update(occurrenceDateTime="2026-03-29"),
    "no reference": lambda risk: risk["encounter"].clear(),
}
UNREADABLE_BODIES = {
    "no JSON": stored_body("{"),
    "no file": {"blob": "bodies/gone"},
    "no compressed text": {"z": "bm9uZQ=="},
}


@pytest.mark.parametrize("damage", [*UNREADABLE_RISKS, *UNREADABLE_BODIES])
def test_a_risk_that_cannot_be_read_is_named_beside_every_other_difference(damage: str) -> None:
    icu = Landed(hours=4)
    icu.admit()
    icu.page()
    for hour in (1, 2, 3):
        icu.measure(hour, **CALM)
        icu.page()
    (risk, item), *_, newest = said_in(icu.world)
    falsify(icu.world, newest)
    if damage in UNREADABLE_RISKS:
        UNREADABLE_RISKS[damage](risk)
        rewrite(icu.world, item, stored_body(json.encode(risk)))
    else:
        rewrite(icu.world, item, UNREADABLE_BODIES[damage])
    where = f"{item['tenant']} RiskAssessment/{item['rid']}/_history/{item['version']}"
    found = icu.world.rebuilt().differences
    assert Difference("risk assessment: unreadable", where) in found
    assert DIFFERS in [each.kind for each in found]


def test_an_hour_that_was_scored_by_the_clock_is_found_as_it_was_said_and_told_where_it_was_changed() -> None:
    icu = Landed(hours=5)
    icu.admit()
    icu.page()
    icu.measure(4.1, **SEPTIC)
    icu.page()
    assert icu.world.score_sepsis.by_the_clock() == 1
    result = icu.world.rebuilt()
    assert (result.differences, result.replayed, result.said) == ([], 2, 2)
    icu.world.moving.advance(1)
    icu.measure(4.5, **BLOOD)  # is scored at the instant of the clock
    icu.page()
    by_the_clock = said_in(icu.world)[-1]
    assert icu.world.rebuilt().replayed == 3
    falsify(icu.world, by_the_clock)
    assert icu.differences() == [DIFFERS]


def test_assessments_of_earlier_champions_are_replayed_by_them() -> None:
    icu = Landed(hours=8)
    icu.admit()
    icu.page()
    for hour, champion in ((1, "second"), (3, "third")):
        icu.measure(hour, **CALM)
        icu.page()
        publish_champion(icu.world.lake, *changed(version=champion))
        icu.world.moving.advance(LOOKED_FOR.total_seconds())
        icu.measure(hour + 1, **CALM)
        icu.page()
    versions = [each["method"]["coding"][0]["version"] for each, _ in said_in(icu.world)]
    assert versions == [shipped_model("sepsis").version, "second", "second", "third"]
    result = icu.world.rebuilt()
    assert (result.differences, result.replayed, result.said) == ([], 4, 4)
    falsify(icu.world, said_in(icu.world)[1])
    assert icu.differences() == [DIFFERS]


def _of_a_champion_that_is_gone(values: dict[str, float], **changes: Any) -> Landed:
    """A stay whose values a champion assessed that nobody has any more."""
    icu = Landed(hours=8)
    champion = changed(version="gone", **changes)
    publish_champion(icu.world.lake, *champion)
    icu.world.moving.advance(LOOKED_FOR.total_seconds())
    icu.admit()
    icu.page()
    icu.measure(7, **values)
    icu.page()
    for path in (artefact_path("sepsis", champion[1].sha256), alias_path("sepsis")):
        icu.world.stores.lake.delete(path)
    return icu


def test_assessments_of_a_champion_that_is_gone_are_counted_and_no_difference() -> None:
    result = World(_of_a_champion_that_is_gone(CALM).world.stores).rebuilt()
    assert (result.differences, result.replayed, result.said) == ([], 0, 1)


def test_an_onset_forecast_is_found_as_it_was_said_and_told_where_it_was_changed() -> None:
    surgery = Surgery()
    surgery.swept()
    surgery.world.moving.advance(1)
    surgery.add(observation("o", 31, code="39156-5", unit="kg/m2", at="2026-03-29T01:20:00Z"))
    surgery.swept(days=1)
    surgery.world.land_commits.land(surgery.world.stores.records.changes)
    result = surgery.world.rebuilt()
    assert (result.differences, result.replayed, result.said) == ([], 2, 2)
    falsify(surgery.world, said_in(surgery.world)[0])
    assert [each.kind for each in surgery.world.rebuilt().differences] == [DIFFERS]


def test_alerts_that_are_gone_are_told(ill: Landed) -> None:
    for item in ill.world.kinds("alert"):
        if item["alert"]["model"] in ("news2", "qsofa"):
            continue
        ill.change(item, kind="told")
    assert ill.differences() == ["alert: follows from raw, not on record"] * 2


@pytest.mark.parametrize("model", ["news2", "sepsis", "morse"])
@pytest.mark.parametrize("field", ["", "model", "patient", "status", "began_at", "severity"])
def test_an_alert_without_its_fields_is_named_once_beside_every_other_difference(
    ill: Landed, model: str, field: str
) -> None:
    *_, newest = said_in(ill.world)
    falsify(ill.world, newest)
    item = next(each for each in ill.world.kinds("alert") if each["alert"]["model"] == model)
    rest = {name: value for name, value in item["alert"].items() if name != field}
    ill.change(item, alert=rest if field else "P1")
    found = ill.world.rebuilt()
    unreadable = Difference("alert: unreadable", f"{TENANT} {item['id']}")
    assert [each for each in found.differences if each.kind != DIFFERS] == [unreadable]
    assert DIFFERS in [each.kind for each in found.differences]
    assert found.alerts == len(ill.world.kinds("alert"))


@pytest.mark.parametrize("failure", [Busy(), Unavailable()])
def test_a_lake_that_does_not_answer_makes_no_difference(ill: Landed, failure: Exception) -> None:
    ill.world.script.plan = lambda name, _writes: Failure(failure) if name == "lake.read" else None
    with pytest.raises(type(failure)):
        ill.world.rebuilt()


def test_an_assessment_whose_body_cannot_be_fetched_now_is_not_unreadable(ill: Landed) -> None:
    *_, (_, newest) = said_in(ill.world)
    rewrite(ill.world, newest, {"blob": "bodies/there"})
    assert "risk assessment: unreadable" in ill.differences()

    def plan(name: str, _writes: bool) -> Failure | None:
        return Failure(Unavailable()) if name == "lake.read" else None

    ill.world.script.plan = plan
    with pytest.raises(Unavailable):
        Said.of(ill.world.stores.records, ill.world.bodies)


def test_a_record_without_its_fields_is_told(ill: Landed) -> None:
    item = next(each for each in ill.world.kinds("current") if each["type"] == "Observation")
    there = ill.world.stores.records.read(item["tenant"], item["home"], item["id"])
    assert there is not None
    left = {name: there[name] for name in ("id", "tenant", "home", "kind")}
    ill.world.stores.records.commit(item["tenant"], item["home"], [Replace(left, there["_etag"])])
    assert ill.differences() == ["current: in raw, not on record"]


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


def test_an_alarm_of_another_tenant_stands_for_none_of_a_patient_with_the_same_id() -> None:
    icu = Landed(hours=3)
    icu.admit()
    icu.measure(2, **CALM)
    icu.caller = caller(tenant="clinic")
    icu.put(PATIENT, icu.person)
    icu.admit()
    icu.measure(2, **SEPTIC, **BLOOD)
    icu.page()
    assert icu.differences() == []
    [lost] = [each for each in icu.world.kinds("alert") if each["alert"]["model"] == "sepsis"]
    invented = {name: value for name, value in lost.items() if name != "_etag"} | {"tenant": TENANT}
    icu.change(lost, kind="told")
    icu.world.stores.records.create(invented)
    found = {(each.kind, each.where.split()[0]) for each in icu.world.rebuilt().differences}
    assert found == {
        ("alert: follows from raw, not on record", "clinic"),
        ("alert: no value in raw raises it", TENANT),
    }


def test_a_discharge_without_its_assessment_is_told() -> None:
    ward = Ward(HEART_FAILURE, DIABETES)
    ward.discharge()
    ward.world.land_commits.land(ward.world.stores.records.changes)
    assert [each.kind for each in ward.world.rebuilt().differences] == [
        "risk assessment: follows from raw, not on record"
    ]
    ward.told()
    assert ward.world.rebuilt().differences == []


def drop(world: World, item: Item) -> None:
    there = world.stores.records.read(item["tenant"], item["home"], item["id"])
    assert there is not None
    world.stores.records.delete(item["tenant"], item["home"], item["id"], there["_etag"])


@pytest.mark.parametrize("versions", [1, 2])
def test_a_last_assessment_that_is_gone_is_told_beside_one_of_the_hour_before(versions: int) -> None:
    icu = Landed(hours=8)
    icu.admit()
    icu.page()
    for hour, values in ((6.8, CALM), (7.1, CALM), (7.1, BLOOD))[: versions + 1]:
        icu.measure(hour, **values)
        icu.page()
    assert icu.differences() == []
    *_, (_, newest) = said_in(icu.world)
    drop(icu.world, newest)
    where = f"{TENANT} RiskAssessment/{newest['rid']}"
    gone = Difference("risk assessment: follows from raw, not on record", where)
    assert icu.world.rebuilt().differences == [gone]


@pytest.mark.parametrize(
    ("operating_point", "values", "alarms"), [(1e-6, CALM, 1), (0.999999, SEPTIC | BLOOD, 0)]
)
def test_what_a_champion_that_is_gone_alarmed_of_is_not_judged_by_another(
    operating_point: float, values: dict[str, float], alarms: int
) -> None:
    icu = _of_a_champion_that_is_gone(values, operating_point=operating_point)
    assert [alert["model"] for alert in icu.alerts() if alert["model"] == "sepsis"] == ["sepsis"] * alarms
    result = World(icu.world.stores).rebuilt()
    assert (result.differences, result.replayed, result.said) == ([], 0, 1)


def test_an_alarm_that_outlives_its_champion_stays_one_alarm() -> None:
    icu = Landed(hours=10)
    icu.admit()
    icu.page()
    icu.measure(2, **SEPTIC, **BLOOD)
    icu.page()
    (raised,) = [each for each in icu.alerts() if each["model"] == "sepsis"]
    publish_champion(icu.world.lake, *changed(version="next"))
    icu.world.moving.advance(LOOKED_FOR.total_seconds())
    for hour, values in ((3, SEPTIC), (8, CALM), (9, CALM)):
        icu.measure(hour, **values)
        icu.page()
    assert said_in(icu.world)[-1][0]["method"]["coding"][0]["version"] == "next"
    alarms = [each for each in icu.alerts() if each["model"] == "sepsis"]
    assert [each["began_at"] for each in alarms].count(raised["began_at"]) == 1
    assert alarms[0]["rule_version"] == raised["rule_version"]
    assert icu.differences() == []
