"""The fold step by step equals the fold at once, whatever the order of arrival."""

from __future__ import annotations

import dataclasses
import json
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.alerts import Alert
from shared.domain.scores import NEWS2, PatientContext, Score
from shared.domain.scores.advance import (
    MOST_AHEAD,
    MOST_GONE,
    MOST_UNCOUNTED,
    acknowledge,
    advance,
    score_at,
)
from shared.domain.scores.changes import Changes, alerts_of
from shared.domain.scores.fold import FoldResult, fold
from shared.domain.scores.state import VitalsState, decode_acknowledgements
from shared.domain.vitals import ObservedVitals, Parameter
from shared.domain.vitals.observation import AHEAD, AHEAD_OF_RECORDING
from tests.unit.scores.readings import NOON, WELL, observed

ADULT = PatientContext(date(1960, 1, 1), pregnant=False)
SICK = {"rr": "25", "o2": "oxygen"}  # 5 points: P2
WORSE = {"rr": "25", "o2": "oxygen", "sbp": "95"}  # 7 points: P1


class Store:
    """What a caller keeps: outputs by key, and the state as JSON text in between."""

    def __init__(self) -> None:
        self.text = "null"
        self.scores: dict[str, Score] = {}
        self.alerts: dict[str, Alert] = {}

    @property
    def state(self) -> VitalsState:
        loaded: VitalsState = json.loads(self.text)
        return loaded

    def take(self, *batch: ObservedVitals, context: PatientContext = ADULT) -> Changes:
        state, changes = advance(self.state, batch, context)
        self.keep(state, changes)
        return changes

    def keep(self, state: VitalsState, changes: Changes) -> None:
        self.text = json.dumps(state)
        for scored in changes.scores:
            _apply(self.scores, scored.kind, scored.score.key, scored.score)
        for alerted in changes.alerts:
            _apply(self.alerts, alerted.kind, alerted.alert.key, alerted.alert)

    def result(self) -> FoldResult:
        return _canonical(FoldResult(tuple(self.scores.values()), tuple(self.alerts.values())))


def _apply(kept: dict[str, Any], kind: str, key: str, item: object) -> None:
    assert (key in kept) == (kind != "created"), kind
    if kind == "superseded":
        del kept[key]
    else:
        assert kept.get(key) != item
        kept[key] = item


def _canonical(result: FoldResult) -> FoldResult:
    """In order, and without how many values did not count: a score has the number that was known when it was made."""
    scores = sorted(map(_uncounted, result.scores), key=lambda score: score.key)
    return FoldResult(tuple(scores), tuple(sorted(result.alerts, key=lambda alert: alert.key)))


def _uncounted(score: Score) -> Score:
    return dataclasses.replace(score, not_counted=tuple((name, 0) for name, _ in score.not_counted))


CHARTED = st.sampled_from(
    [SICK, WORSE, WELL, {"rr": "16", "o2": "air"}, {"sbp": "120"}, {"hr": "131"}, {"hr": "70"}, {"acvpu": "V"},
     {"acvpu": "A"}, {"spo2": "92"}, {"dbp": "80"}, {"temp": "39.5", "rr": "22"}, {"hr": "!impossible-value"},
     {"hr": "!no-value", "rr": "21"}, {"rr": "!withdrawn", "sbp": "!withdrawn"},
     {"o2": "oxygen!impossible-flow"}, {}]
)  # fmt: skip
READINGS = st.lists(
    st.builds(
        lambda name, version, minute, charted: observed(name, minute, version, **charted),
        st.sampled_from("abcdefghijkl"),
        st.integers(1, 3),
        st.sampled_from([0, 0, 5, 30, 61, 70, 130, 200, 790, 800, 1600]),
        CHARTED,
    ),
    max_size=25,
    unique_by=lambda item: (item.id, item.version),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(READINGS, st.data())
def test_any_order_of_arrival_with_repetitions_equals_the_sorted_fold(
    readings: list[ObservedVitals], data: st.DataObject
) -> None:
    arrivals = data.draw(st.permutations(readings + readings[:5]))
    store = Store()
    while arrivals:
        size = data.draw(st.integers(1, 4))
        store.take(*arrivals[:size])
        arrivals = arrivals[size:]
    assert store.result() == _canonical(fold(readings, ADULT))
    newest = observed("z", 1601, dbp="80", temp="37.0", rr="16")
    made = [each.score for each in store.take(newest).scores]
    assert made == [each for each in fold([*readings, newest], ADULT).scores if each.trigger == "z"]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(READINGS, st.data())
def test_a_context_learned_on_the_way_scores_everything_by_it(
    readings: list[ObservedVitals], data: st.DataObject
) -> None:
    contexts = [PatientContext(), ADULT, PatientContext(hypercapnic=True), PatientContext(pregnant=True)]
    store, last = Store(), PatientContext()
    for reading in readings:
        last = data.draw(st.sampled_from(contexts))
        store.take(reading, context=last)
    assert store.result() == _canonical(fold(readings, last))


def test_a_value_kept_under_wider_limits_counts_no_more_and_its_score_can_be_taken_back() -> None:
    store = Store()
    store.take(observed("a", 0, hr="131", rr="16"))
    store.text = store.text.replace('"131"', '"650"')
    store.take(observed("b", 5, **SICK))
    [score] = [each for each in store.scores.values() if (each.trigger, each.model) == ("b", NEWS2.model)]
    assert (score.total, Parameter.HEART_RATE in score.missing) == (5, True)
    changes = store.take(observed("a", 0, 2))
    assert [(each.kind, each.score.trigger) for each in changes.scores] == [("superseded", "a")] * 2


def test_a_score_made_of_a_value_kept_under_wider_limits_is_renewed_when_that_is_taken_back() -> None:
    store = Store()
    store.take(observed("a", 0, hr="131"), observed("b", 5, sbp="95"), observed("c", 9, hr="140"))
    store.text = store.text.replace('"131"', '"650"')  # an earlier release gave it the same three points
    changes = store.take(observed("a", 0, 2))
    assert [(each.kind, each.score.trigger, each.score.total) for each in changes.scores] == [
        ("changed", "b", 2),
        ("superseded", "a", 3),
    ]


def test_scores_behind_a_value_that_does_not_count_name_it_until_the_next_one_that_does() -> None:
    store = Store()
    store.take(observed("a", 0, **WELL))
    for minute in (10, 11, 12):
        store.take(observed(f"hr{minute}", minute, hr="!impossible-value"))
    assert len(store.scores) == 2
    store.take(observed("i", 12, rr="16"), observed("late", 11.5, hr="!no-value"))
    store.take(observed("c", 13, hr="80"), observed("d", 14, rr="18"))
    pulse = Parameter.HEART_RATE
    assert [
        (each.trigger, [(reason, count) for (name, reason), count in each.not_counted if name is pulse])
        for each in sorted(store.scores.values(), key=lambda each: each.at)
        if each.model == NEWS2.model
    ] == [("a", []), ("i", [("impossible-value", 3), ("no-value", 1)]), ("c", []), ("d", [])]
    assert all(not each.not_counted for each in store.scores.values() if each.model == "qsofa")


def test_a_flow_that_no_device_has_is_named_beside_the_oxygen_that_counts_until_the_next_one() -> None:
    store = Store()
    store.take(observed("a", 0, **WELL), observed("b", 1, o2="oxygen!impossible-flow"))
    store.take(observed("c", 2, rr="16"), observed("d", 3, o2="oxygen"))
    store.take(observed("late", 1.5, o2="oxygen!impossible-flow"), observed("later", 0.5, hr="70"))
    oxygen = (Parameter.SUPPLEMENTAL_OXYGEN, "impossible-flow")
    assert [
        (each.trigger, each.total, each.not_counted)
        for each in sorted(store.scores.values(), key=lambda each: each.at)
        if each.model == NEWS2.model
    ] == [
        ("a", 0, ()),
        ("later", 0, ()),
        ("b", 2, ((oxygen, 1),)),
        ("late", 2, ((oxygen, 1),)),
        ("c", 2, ((oxygen, 1),)),
        ("d", 2, ()),
    ]


def test_a_value_that_does_not_count_is_named_no_longer_when_it_is_taken_back_or_twelve_hours_old() -> None:
    store = Store()
    store.take(observed("a", 0, hr="!impossible-value"), observed("b", 1, rr="16"))
    store.take(observed("c", 12 * 60, rr="16"), observed("d", 12 * 60 + 1, rr="16"))
    named = {each.trigger for each in store.scores.values() if each.not_counted}
    assert named == {"b", "c"}
    changes = store.take(observed("a", 0, 2))
    assert {(each.kind, each.score.trigger) for each in changes.scores} == {
        ("changed", "b"),
        ("changed", "c"),
    }
    assert not any(each.not_counted for each in store.scores.values())


def test_one_late_value_that_does_not_count_changes_no_score_that_names_its_reason_already() -> None:
    store = Store()
    store.take(observed("a", 0, **WELL))
    for minute in range(1, 600):
        bad = {"temp": "!unknown-unit"} if minute % 5 == 0 else {}
        store.take(observed(f"m{minute}", minute, hr=str(60 + minute % 9), **bad))
    late = store.take(
        observed("late", 62.5, temp="!unknown-unit"), observed("later", 63.5, temp="!unknown-unit")
    )
    assert (late.scores, late.alerts) == ((), ())
    [other] = {each.kind for each in store.take(observed("other", 62.5, temp="!no-value")).scores}
    assert other == "changed"
    [score] = [
        each.score for each in store.take(observed("z", 600, rr="16")).scores if each.score.model == "news2"
    ]
    assert [(reason, count) for (_, reason), count in score.not_counted] == [
        ("no-value", 1),
        ("unknown-unit", 121),
    ]
    assert (
        not store.take(observed("other", 62.5, 2), observed("temp", 601, temp="37"))
        .scores[-1]
        .score.not_counted
    )


def test_a_state_that_names_what_does_not_count_says_it_where_an_earlier_release_does_not_look() -> None:
    store = Store()
    store.take(
        observed("a", 0, **WELL),
        observed("b", 1, temp="!unknown-unit"),
        observed("c", 2, rr="18", hr="!no-value"),
    )
    known = {name.value for name in Parameter}
    state = store.state
    assert [set(row[3]) <= known for row in state["rows"].values()] == [True] * 3
    assert state["slots"].keys() <= known
    assert [len(slot) for slot in state["slots"].values()] == [4] * len(WELL)
    assert state["unused"].keys() == {"body_temperature!unknown-unit", "heart_rate!no-value"}


def test_a_state_of_an_earlier_release_is_read_and_so_is_one_that_it_went_on_with() -> None:
    store = Store()
    store.take(observed("a", 0, **WELL), observed("b", 1, temp="!unknown-unit"))
    before = store.state
    del before["unused"], before["base"]["unused"]
    assert advance(before, [observed("c", 2, rr="18")], ADULT)[1].scores
    state = store.state  # the earlier release keeps what it does not know, and counts a temperature
    state["rows"]["d"] = [*state["rows"]["a"][:1], "v1", "0001", {"body_temperature": "37"}, [0, None]]
    state["slots"]["body_temperature"] = [state["rows"]["b"][0] + 1, "d", "v1", "37"]
    _, changes = advance(state, [observed("e", 3, rr="18")], ADULT)
    assert [each.score.not_counted for each in changes.scores if each.score.model == NEWS2.model] == [()]


STREAM = st.lists(st.tuples(st.integers(0, 900), CHARTED), min_size=5, max_size=60)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(STREAM, st.data())
def test_a_stream_longer_than_the_window_equals_the_fold_of_all_of_it(
    steps: list[tuple[int, dict[str, str]]], data: st.DataObject
) -> None:
    minute, readings = 0, []
    for number, (pause, charted) in enumerate(steps):
        minute += pause
        readings.append(observed(f"o{number:03d}", minute, **charted or {"hr": "95"}))
    store = Store()
    backlog: list[ObservedVitals] = []
    for reading in readings:
        if data.draw(st.booleans()) and not backlog:
            backlog.append(reading)
            continue
        store.take(reading)
        if backlog and reading.at and backlog[0].at and reading.at - backlog[0].at < timedelta(hours=36):
            store.take(backlog.pop())
        elif backlog:
            readings = [item for item in readings if item is not backlog[0]]
            backlog.clear()
    store.take(*backlog)
    assert len(store.state["rows"]) <= len(readings)
    assert store.result() == _canonical(fold(readings, ADULT))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(READINGS, st.data())
def test_an_acknowledgement_survives_whatever_arrives_later(
    readings: list[ObservedVitals], data: st.DataObject
) -> None:
    store = Store()
    store.take(observed("first", 40, **WORSE))
    key = alerts_of(store.state)[0].key
    store.keep(*acknowledge(store.state, key, by="Practitioner/n", at=NOON + timedelta(minutes=45)))
    assert store.alerts[key].acknowledged_by == "Practitioner/n"
    for reading in readings:
        store.take(reading)
    known = decode_acknowledgements(store.state["acks"])
    assert len(known) == 1
    assert store.result() == _canonical(fold([observed("first", 40, **WORSE), *readings], ADULT, known))


def test_redelivery_changes_nothing() -> None:
    store = Store()
    store.take(observed("a", 0, **SICK), observed("b", 1, **WORSE))
    text = store.text
    changes = store.take(observed("b", 1, **WORSE), observed("a", 0, **SICK))
    assert (changes.scores, changes.alerts, changes.unchanged, store.text) == ((), (), 2, text)


def test_leaves_the_given_state_as_it_was() -> None:
    state, _ = advance(None, [observed("b", 60, **SICK)], ADULT)
    text = json.dumps(state)
    for change in (observed("c", 4000, **WORSE), observed("a", 0, **WELL), observed("b", 60, 2)):
        advance(state, [change], ADULT)
        assert json.dumps(state) == text


def test_a_late_reading_within_the_window_rescores_what_it_reaches() -> None:
    store = Store()
    store.take(observed("a", 0, **WELL))
    store.take(*(observed(f"hr{n}", n, hr="70") for n in range(10, 20)))
    store.take(observed("rr", 15.5, rr="16"))
    changes = store.take(observed("late", 12.5, rr="22"))
    kinds = [
        (change.kind, change.score.trigger) for change in changes.scores if change.score.model == "news2"
    ]
    assert kinds == [("created", "late"), ("changed", "hr13"), ("changed", "hr14"), ("changed", "hr15")]


def test_a_reading_older_than_the_window_is_counted_not_scored() -> None:
    store = Store()
    store.take(observed("now", 48 * 60, **WELL))
    assert store.take(observed("edge", 0, **WORSE)).late == 0
    changes = store.take(observed("old", -0.1, **WORSE))
    assert (changes.late, changes.scores, changes.alerts) == (1, (), ())


def test_a_corrected_value_replaces_the_old_one_and_supersedes_its_alert() -> None:
    store = Store()
    store.take(observed("a", 0, **SICK))
    changes = store.take(observed("a", 0, 2, rr="16", o2="air"))
    assert [(change.kind, change.score.total) for change in changes.scores] == [
        ("changed", 0),
        ("changed", 0),
    ]
    assert [change.kind for change in changes.alerts] == ["superseded"]
    assert store.take(observed("a", 0, 1, **SICK)).unchanged == 1


def test_a_withdrawn_reading_takes_its_score_along_and_stays_away() -> None:
    store = Store()
    store.take(observed("a", 0, **SICK), observed("b", 5, hr="80"))
    changes = store.take(observed("a", 0, 2))
    assert [change.kind for change in changes.scores if change.score.trigger == "a"] == [
        "superseded",
        "superseded",
    ]
    assert not store.alerts
    assert store.take(observed("a", 0, 1, **SICK)).unchanged == 1


def test_a_withdrawal_that_comes_first_keeps_the_reading_out() -> None:
    store = Store()
    store.take(ObservedVitals("a", "v2", "0002", None, {}, "withdrawn"))
    store.take(observed("other", 0, **WELL))
    assert store.take(observed("a", 1, 1, **WORSE)).unchanged == 1


def _ahead(number: int) -> ObservedVitals:
    unused = {Parameter.HEART_RATE: AHEAD_OF_RECORDING}
    return ObservedVitals(str(uuid.UUID(int=number)), "v1", f"{number:08d}", None, {}, AHEAD, unused)


@pytest.mark.parametrize("others", [(), (observed("other", 0, **WELL),)], ids=["alone", "beside another"])
def test_a_monitor_whose_clock_is_ahead_fills_no_state_and_hides_no_other_monitor(
    others: tuple[ObservedVitals, ...],
) -> None:
    store = Store()
    store.take(*others)
    for first in range(0, 20_000, 1_000):
        assert store.take(*map(_ahead, range(first, first + 1_000))).ahead == 1_000
    assert (len(store.state["ahead"]), store.state["gone"]) == (MOST_AHEAD, {})
    assert len(store.text) < 60_000
    assert [change.kind for change in store.take(observed("b", 5, **WORSE)).alerts] == ["created", "created"]
    last = _ahead(19_999)
    older = dataclasses.replace(observed(last.id, 6, **WELL), order="00000001")
    assert store.take(older).unchanged == 1
    assert store.take(observed(last.id, 7, 100_000, **WELL)).scores
    assert len(store.state["ahead"]) == MOST_AHEAD - 1
    store.take(observed("z", 3 * 24 * 60, **WELL))
    assert store.state["ahead"] == {}


def test_a_monitor_whose_clock_is_ahead_pushes_no_withdrawal_out() -> None:
    store = Store()
    store.take(observed("a", 0, **WORSE), observed("b", 1, **WORSE), observed("c", 2, **WELL))
    store.take(observed("a", 0, 2), observed("b", 1, 2))
    fast = ObservedVitals("b", "v3", "0003", None, {}, AHEAD)  # entered in error, then sent by a fast clock
    store.take(fast, *map(_ahead, range(2 * MOST_GONE)))
    assert store.state["gone"].keys() == {"a", "b"}
    again = store.take(observed("a", 0, 1, **WORSE), observed("b", 1, 1, **WORSE))
    assert (again.unchanged, again.scores, again.alerts) == (2, (), ())


def test_a_reading_withdrawn_after_it_was_ahead_is_remembered_as_withdrawn() -> None:
    store = Store()
    store.take(observed("c", 2, **WELL), ObservedVitals("a", "v2", "0002", None, {}, AHEAD))
    store.take(observed("a", 0, 3), *map(_ahead, range(2 * MOST_GONE)))
    assert store.take(observed("a", 0, 1, **WORSE)).unchanged == 1
    assert store.state["uncounted"].keys() == {"a"}
    store.take(ObservedVitals("a", "v4", "0004", None, {}, AHEAD))
    store.take(*map(_ahead, range(2 * MOST_GONE, 3 * MOST_GONE)))
    assert store.take(observed("a", 0, 1, **WORSE)).unchanged == 1


def test_a_state_full_of_a_fast_clock_by_an_earlier_release_remembers_what_is_withdrawn_now() -> None:
    store = Store()
    store.take(observed("a", 0, **WORSE), observed("b", 1, **WORSE), observed("now", 60, **WELL))
    before = store.state
    del before["ahead"], before["uncounted"]
    at = before["rows"]["now"][0]
    before["gone"] = {_ahead(n).id: [at, "v1", f"0001{n:08d}"] for n in range(MOST_GONE)}
    store.text = json.dumps(before)
    store.take(observed("a", 0, 2))
    assert len(store.state["gone"]) == MOST_GONE
    store.take(observed("b", 1, 2), _deleted(1))
    again = store.take(observed("a", 0, 1, **WORSE), observed("b", 1, 1, **WORSE))
    assert (again.unchanged, again.scores, again.alerts) == (2, (), ())


def test_a_reading_that_is_withdrawn_stays_away_though_those_remembered_were_recorded_later() -> None:
    store = Store()
    many = [observed(f"m{n:04d}", n / 60, **WELL) for n in range(MOST_GONE)]
    store.take(observed("a", 0, **WORSE), observed("c", 60, **WELL), *many)
    store.take(*(observed(each.id, 0, 3) for each in many))
    store.take(observed("a", 0, 2))  # recorded before those, told of after them
    assert len(store.state["gone"]) == MOST_GONE
    assert store.take(observed("a", 0, 1, **WORSE)).alerts == ()


def test_of_a_batch_that_withdraws_more_than_are_remembered_the_last_recorded_are() -> None:
    store = Store()
    store.take(observed("c", 60, **WELL), _deleted(0))
    store.take(*map(_deleted, range(1, 3 * MOST_UNCOUNTED)))
    assert len(store.state["uncounted"]) == MOST_UNCOUNTED
    assert _deleted(3 * MOST_UNCOUNTED - 1).id in store.state["uncounted"]
    assert _deleted(0).id not in store.state["uncounted"]


def test_a_reading_that_counted_and_is_next_told_as_ahead_is_remembered_as_taken_back() -> None:
    store = Store()
    store.take(observed("a", 0, **WORSE), observed("c", 2, **WELL))
    # Withdrawn, then sent again by a fast clock: of one page of changes only the latest is seen.
    store.take(ObservedVitals("a", "v3", "0003", None, {}, AHEAD))
    store.take(*map(_ahead, range(MOST_AHEAD + 100)))
    again = store.take(observed("a", 0, 1, **WORSE))
    assert (again.unchanged, again.scores, again.alerts) == (1, (), ())


def _deleted(number: int) -> ObservedVitals:
    return ObservedVitals(f"d{number}", "v2", f"9{number:08d}", None, {}, "withdrawn")


def test_what_is_withdrawn_and_never_counted_pushes_out_nothing_that_did() -> None:
    store = Store()
    store.take(observed("a", 0, **WORSE), observed("c", 2, **WELL))
    store.take(observed("a", 0, 2))
    for first in range(0, 2 * MOST_GONE, MOST_UNCOUNTED):
        store.take(*map(_deleted, range(first, first + MOST_UNCOUNTED)))
    assert (store.state["gone"].keys(), len(store.state["uncounted"])) == ({"a"}, MOST_UNCOUNTED)
    again = store.take(observed("a", 0, 1, **WORSE))
    assert (again.unchanged, again.scores, again.alerts) == (1, (), ())
    store.take(observed("z", 3 * 24 * 60, **WELL))
    assert (store.state["gone"], store.state["uncounted"]) == ({}, {})


def test_a_state_that_keeps_those_ahead_among_the_withdrawn_is_read() -> None:
    store = Store()
    store.take(observed("c", 2, **WELL))
    before = store.state
    del before["ahead"], before["uncounted"]
    at = before["rows"]["c"][0]
    before["gone"] = {"a": [at, "v2", "0002"], _ahead(1).id: [at, "v1", "00000001"]}
    after, changes = advance(before, [observed("a", 0, **WORSE), _ahead(1)], ADULT)
    assert (changes.unchanged, changes.scores) == (2, ())
    assert advance(after, [_ahead(2)], ADULT)[0]["ahead"].keys() == {_ahead(2).id}


def test_a_half_read_set_of_one_instant_raises_no_alert() -> None:
    store = Store()
    store.take(observed("a", 0, **WELL | {"rr": "21", "hr": "95"}))
    changes = store.take(
        observed("b-hr", 30, hr="111"), observed("c-spo2", 30, spo2="93"), observed("d-rr", 30, rr="16")
    )
    totals = [change.score.total for change in changes.scores if change.score.model == "news2"]
    assert totals == [4, 6, 4]
    assert changes.alerts == ()


def test_readings_of_one_instant_that_arrive_apart_make_one_alert() -> None:
    store = Store()
    first = store.take(observed("m", 0, **SICK))
    second = store.take(observed("n", 0, sbp="95"))
    third = store.take(observed("c", 0, temp="37"))
    assert [change.kind for change in (*first.alerts, *second.alerts)] == ["created", "changed", "created"]
    assert not [change for change in third.alerts if change.kind != "changed"]
    assert {alert.model for alert in store.alerts.values()} == {"news2", "qsofa"}


def test_score_on_request_uses_what_was_known_at_that_instant() -> None:
    store = Store()
    store.take(observed("a", 0, **WELL), observed("b", 30, **SICK))
    totals = [
        score_at(store.state, NEWS2, ADULT, NOON + timedelta(minutes=m)).total
        for m in (-1, 0, 29, 30, 749, 751)
    ]
    assert totals == [None, 0, 0, 5, 5, None]


def test_emits_nothing_for_a_child_and_withdraws_what_was_scored_before_the_age_was_known() -> None:
    store = Store()
    store.take(observed("a", 0, **WORSE), context=PatientContext())
    assert store.alerts
    changes = store.take(context=PatientContext(date(2015, 1, 1)))
    assert {change.kind for change in changes.scores} == {"superseded"}
    assert not store.alerts
    assert not store.scores
