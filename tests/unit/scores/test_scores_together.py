"""Both scores of a reading in one batch, and what another process has made of it meanwhile."""

from __future__ import annotations

import pytest

from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Kind
from shared.errors import Busy, Unavailable
from shared.services.patient_news import PatientNews, Whose
from shared.services.score import ScoreVitals
from shared.services.score_sepsis import ScoreSepsis
from shared.services.score_writes import Planned
from tests.delivery.world import World
from tests.unit.scores.ward import HYPERCAPNIC, PATIENT, Ward, vital
from tests.unit.stays.icu import CALM, Icu


def _react(icu: Icu, world: World | None = None) -> None:
    changes = icu.world.stores.records.changes
    start, icu.seen = icu.seen, len(changes)
    (world or icu.world).reactions.react(changes[start:])


def _scored(icu: Icu) -> set[str]:
    return {each["method"]["coding"][0]["code"] for each in icu.risks() if each["status"] == "final"}


def test_the_scores_of_a_reading_and_their_states_are_one_batch() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(8, **CALM)
    _react(icu)
    icu.measure(9, HR=110)
    icu.world.script.calls.clear()
    _react(icu)
    assert icu.world.script.calls.count("records.commit") == 1
    assert _scored(icu) >= {"news2", "sepsis"}


def test_what_is_scored_together_is_what_each_scores_alone() -> None:
    found = []
    for together in (True, False):
        icu = Icu()
        icu.admit()
        for hour in range(6, 9):
            icu.measure(hour, **CALM)
            if together:
                _react(icu)
            else:
                changes = icu.world.stores.records.changes[icu.seen :]
                icu.world.score_vitals.react(changes)
                icu.react()
        found.append(sorted((each["occurrenceDateTime"], len(each["basis"])) for each in icu.risks()))
    assert found[0] == found[1]


def test_what_cannot_be_scored_by_one_rule_is_scored_by_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    icu = Icu()
    icu.admit()

    def defect(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(ScoreSepsis, "planned", defect)
    icu.measure(9, **CALM)
    _react(icu)
    assert "news2" in _scored(icu)
    assert {letter.stage for letter in icu.world.dead_letters.list()} == {"score-sepsis"}


def test_what_one_rule_cannot_reach_is_no_reason_for_the_other_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    icu = Icu()
    icu.admit()

    def unreachable(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(ScoreSepsis, "planned", unreachable)
    icu.measure(9, **CALM | {"HR": 140.0, "Resp": 30.0})
    with pytest.raises(Unavailable):
        _react(icu)
    assert "news2" in _scored(icu)
    assert icu.world.kinds(Kind.TOLD)


def test_a_patient_who_has_to_wait_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    ward = Ward()
    names = [f"p{number}" for number in range(8)]
    for name in names:
        ward.put({"resourceType": "Patient", "birthDate": "1950-01-01"}, ResourceKey("Patient", name))
        ward.post(vital(ward.ago(hours=1), "9279-1", 30, name))
    planned = ScoreVitals.planned

    def busy(scores: ScoreVitals, whose: Whose, news: PatientNews, *, again: bool) -> Planned | None:
        if whose[2] == "Patient/p0":
            raise Busy
        return planned(scores, whose, news, again=again)

    monkeypatch.setattr(ScoreVitals, "planned", busy)
    with pytest.raises(Busy):
        ward.world.reactions.react(ward.world.stores.records.changes)
    told = {item["alert"]["patient"] for item in ward.world.kinds(Kind.ALERT)}
    assert told == {f"Patient/{name}" for name in names[1:]}


def test_a_stay_that_another_process_went_on_with_is_planned_anew() -> None:
    icu = Icu()
    icu.admit()
    icu.measure(8, **CALM)
    _react(icu)
    icu.measure(8.5, HR=100)
    _react(icu, World(icu.world.stores))
    icu.measure(9, HR=120, Resp=30)
    _react(icu)
    assert len(icu.world.kinds(Kind.STAY)) == 1
    instant = instant_text(icu.at(9))[:16]
    newest = [each for each in icu.risks() if each["occurrenceDateTime"].startswith(instant)]
    assert {each["method"]["coding"][0]["code"] for each in newest} == {"news2", "qsofa", "sepsis"}
    counters = icu.world.meter.export()["counters"]
    assert sum(value for name, _, value in counters if name == "galen_alerts_total") == len(icu.alerts()) > 0


def test_a_context_that_another_process_followed_can_change_back_here() -> None:
    ward = Ward()
    ward.post(vital(ward.ago(hours=2), "2708-6", 90))
    ward.react()
    before = ward.standing()
    condition = {"resourceType": "Condition", "code": HYPERCAPNIC, "subject": {"reference": str(PATIENT)}}
    key = ward.post(condition)
    other = Ward.__new__(Ward)
    other.world, other.seen = World(ward.world.stores), ward.seen
    other.react()
    assert ward.standing() != before
    ward.seen = len(ward.world.stores.records.changes)
    ward.delete(key)
    ward.react()
    assert ward.standing() == before
