"""However long a patient is followed, a reading writes little; and what lies behind is found when it is needed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Door, Item, Provenance, resource_item, source_version
from shared.domain.scores.segments import MOST_IN_HEAD
from tests.delivery.world import TENANT, World
from tests.unit.scores.ward import HOME, Ward, vital

EVERY = timedelta(seconds=40)
READINGS = 1_210


def _item(number: int, at: datetime, rate: int = 16) -> Item:
    """A reading as the feed shows it, recorded as it was taken."""
    key = ResourceKey("Observation", f"{HOME}-{number:020x}")
    recorded = instant_text(at)
    origin = Provenance(Door.STREAM, source_version(recorded, "vital-signs", number), recorded)
    return resource_item(TENANT, HOME, vital(at, "9279-1", rate), key, origin)


def _follow(ward: Ward, number: int, batch: int = 60) -> list[Item]:
    items = [_item(each, ward.now + each * EVERY, 16 + each % 4) for each in range(number)]
    for start in range(0, number, batch):
        ward.world.score_vitals.react(items[start : start + batch])
    return items


@pytest.fixture(scope="module")
def half_a_day() -> Ward:
    """Followed for half a day; the tests work on copies."""
    ward = Ward()
    _follow(ward, READINGS)
    return ward


@pytest.fixture
def ward(half_a_day: Ward) -> Ward:
    copy = Ward()
    for item in half_a_day.world.stores.records.every():
        if item["id"] != "Patient.p":
            copy.world.stores.records.create({name: item[name] for name in item if name != "_etag"})
    copy.world.score_vitals.react([_next(copy)])
    copy.seen = len(copy.world.stores.records.changes)
    return copy


def _next(ward: Ward, further: int = 0) -> Item:
    number = READINGS + further
    return _item(number, ward.now + number * EVERY)


def _size(item: Item) -> int:
    return len(json.encode(item))


def _states(ward: Ward) -> list[Item]:
    return [item for item in ward.world.stores.records.changes if item["kind"] in ("state", "readings")]


def test_an_append_writes_one_small_item_after_half_a_day(ward: Ward) -> None:
    before = len(ward.world.stores.records.changes)
    ward.world.script.calls.clear()
    ward.world.score_vitals.react([_next(ward, 1)])
    written = ward.world.stores.records.changes[before:]
    assert [item["kind"] for item in written] == ["state", "current", "current"]  # NEWS2 and qSOFA
    assert _size(written[0]) < 15_000
    assert ward.world.script.calls == ["records.commit"]


def test_no_item_grows_with_the_window_and_what_is_replaced_is_removed(
    half_a_day: Ward,
) -> None:
    ward = half_a_day
    assert max(map(_size, _states(ward))) < 100_000
    heads, parts = ward.states(), ward.world.kinds("readings")
    assert len(heads) == 1
    assert len(parts) == 2  # those of before were removed in the batch that put others in their place


def test_another_process_goes_on_from_the_head_alone(ward: Ward) -> None:
    other = World(ward.world.stores)
    other.script.calls.clear()
    other.score_vitals.react([_next(ward, 1)])
    assert other.script.calls == ["records.read", "records.commit"]
    # The first process has an old head in memory: it is refused, reads, and goes on.
    ward.world.score_vitals.react([_next(ward, 2)])
    assert len(ward.standing()) == READINGS + 3


def test_a_late_reading_is_scored_in_its_place_and_the_rest_stays(ward: Ward) -> None:
    before = {item["id"]: item["_etag"] for item in ward.world.kinds("readings")}
    late = _item(READINGS + 9, ward.now + 500 * EVERY + timedelta(seconds=1), 30)
    ward.world.score_vitals.react([late])
    assert len(ward.standing()) == READINGS + 2
    assert sum("respiratory rate 3" in text for text in ward.standing()) == 1
    after = {item["id"]: item["_etag"] for item in ward.world.kinds("readings")}
    assert len(before.items() & after.items()) == len(before) - 1


def test_a_change_of_context_scores_everything_again(ward: Ward) -> None:
    assert len(ward.standing()) == READINGS + 1
    ward.world.moving.advance(60)
    ward.put({"resourceType": "Patient", "birthDate": "2020-01-01"}, ResourceKey("Patient", "p"))
    ward.react()
    assert ward.standing() == []


def test_a_redelivered_feed_changes_nothing() -> None:
    ward = Ward()
    items = _follow(ward, 600)
    before = ward.world.stores.records.every()
    for process in (ward.world, World(ward.world.stores)):
        for start in range(0, len(items), 50):
            process.score_vitals.react(items[start : start + 50])
    assert ward.world.stores.records.every() == before


def test_one_great_batch_is_cut_as_many_small_ones_are() -> None:
    great, small = Ward(), Ward()
    _follow(great, 600, batch=600)
    _follow(small, 600)
    assert great.standing() == small.standing()
    assert max(map(_size, _states(great))) < 100_000


def test_a_head_that_is_not_full_stands_alone() -> None:
    ward = Ward()
    _follow(ward, MOST_IN_HEAD)
    assert ward.world.kinds("readings") == []


def test_what_comes_late_and_does_not_count_leaves_the_scores_that_stand_and_a_rebuild_agrees() -> None:
    ward = Ward()
    for minute in (50, 40, 20, 10):
        ward.post(vital(ward.ago(minutes=minute), "8867-4", 650))
        ward.post(vital(ward.ago(minutes=minute - 1), "9279-1", 16))
        ward.world.react()
    before = {item["id"]: item["version"] for item in ward.world.current("RiskAssessment")}
    ward.post(vital(ward.ago(minutes=30), "8867-4", 650))
    ward.world.react()
    assert {item["id"]: item["version"] for item in ward.world.current("RiskAssessment")} == before
    ward.post(vital(ward.now, "9279-1", 16))
    ward.world.react()
    assert any("heart rate (impossible value, 5)" in each for each in ward.standing())
    assert ward.world.rebuilt().differences == []
