"""Both scores of a reading in one batch, and what another process has made of it meanwhile."""

from __future__ import annotations

import pytest

from shared.domain.fhir.dates import instant_text
from shared.domain.records import Kind
from shared.services.score_sepsis import ScoreSepsis
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
