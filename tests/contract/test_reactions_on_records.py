"""What alerts, states and scores on request ask of the records, on memory and on the emulators."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Door, Item, Kind, Provenance, resource_item, source_version
from shared.ports.records import AnyOf, Compare, Create, Has, Query, Records
from shared.services.alert_order import AlertOrder
from shared.services.patient_news import vital_tokens
from tests.delivery.world import Stores, World
from tests.unit.scores.ward import HOME, vital

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


@pytest.fixture(params=["memory_records", "cosmos_records", "dynamo_records"])
def records(request: pytest.FixtureRequest) -> Records:
    found: Records = request.getfixturevalue(request.param)
    return found


def _alert(number: int, at: str) -> Item:
    return {
        "id": f"alert.{number}",
        "tenant": "t",
        "home": f"h{number}",
        "at": at,
        "alert": {"id": str(number)},
    }


def test_alerts_are_numbered_in_the_order_they_are_told(records: Records) -> None:
    order = AlertOrder(records)
    order.tell([_alert(2, "2026-03-29T12:00:02Z"), _alert(1, "2026-03-29T12:00:01Z")])
    order.tell([_alert(3, "2026-03-29T12:00:00Z"), _alert(1, "2026-03-29T12:00:03Z")])
    order.tell([_alert(1, "2026-03-29T12:00:01Z")])
    assert [(int(item["seq"]), item["alert"]["id"]) for item in order.after("t", 0, "", 9)] == [
        (2, "2"),
        (3, "3"),
        (4, "1"),
    ]
    assert [item["alert"]["id"] for item in order.after("t", 2, "", 1)] == ["3"]
    assert [item["alert"]["id"] for item in order.after("t", 0, "2026-03-29T12:00:02Z", 9)] == ["1"]
    assert order.after("other", 0, "", 9) == []


def test_readings_of_a_code_come_newest_first_by_the_end_of_what_they_cover(records: Records) -> None:
    for number in range(5):
        at = NOON - timedelta(hours=number)
        key = ResourceKey("Observation", f"{HOME}-{number:020x}")
        origin = Provenance(Door.STREAM, source_version(instant_text(at), "x", number), instant_text(at))
        reading = vital(at, "9279-1" if number else "8867-4", 16)
        records.commit("t", HOME, [Create(resource_item("t", HOME, reading, key, origin))])
    where = (
        Compare("ix.d.date.hi", ">=", instant_text(NOON - timedelta(hours=3))),
        AnyOf(tuple(Has("ix.t", token) for token in vital_tokens("9279-1"))),
    )
    query = Query(Kind.CURRENT, "t", HOME, where, "ix.d.date.hi", descending=True, limit=2)
    first = list(records.query(query))
    assert [item["rid"][-1] for item in first] == ["1", "2"]
    after = (first[-1]["ix"]["d"]["date"]["hi"], first[-1]["id"])
    rest = Query(Kind.CURRENT, "t", HOME, where, "ix.d.date.hi", descending=True, after=after, limit=2)
    assert [item["rid"][-1] for item in records.query(rest)] == ["3"]


def test_a_patient_who_is_followed_is_one_small_head_and_what_was_replaced_is_gone(records: Records) -> None:
    stores = Stores()
    stores.records = records  # type: ignore[assignment]
    scores = World(stores).score_vitals
    items = []
    for number in range(260):
        at = NOON + timedelta(seconds=number)
        key = ResourceKey("Observation", f"{HOME}-{number:020x}")
        origin = Provenance(Door.STREAM, source_version(instant_text(at), "x", number), instant_text(at))
        items.append(resource_item("t", HOME, vital(at, "9279-1", 16), key, origin))
    for start in range(0, len(items), 20):
        scores.react(items[start : start + 20])
    assert records.count(Query(Kind.STATE, "t", HOME)) == 1
    assert records.count(Query(Kind.READINGS, "t", HOME)) == 1
    World(stores).score_vitals.react(items[:20])  # by another process, which has to open the segment
    news2 = Query(Kind.CURRENT, "t", HOME, (Compare("type", "=", "RiskAssessment"),))
    assert records.count(news2) == 2 * len(items)
