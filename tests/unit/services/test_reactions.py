"""Scores and alerts follow the readings that are on record now, whatever the order of arrival."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.errors import InputError
from tests.delivery.world import START, World, caller, observation, patient


def reading(number: int, value: float, subject: str = "p") -> dict[str, Any]:
    at = (START + timedelta(minutes=number - 30)).isoformat()
    return observation(f"Patient/{subject}", f"o{number}", value=value, effectiveDateTime=at)


def scored(seed: int | None) -> tuple[list[str], list[Any]]:
    world = World()
    sent = [patient("p", birthDate="1950-01-01")] + [reading(n, 60 + 9 * (n % 12)) for n in range(24)]
    if seed is not None:
        random.Random(seed).shuffle(sent)
    position = 0
    for start in range(0, len(sent), 5):
        world.send(*sent[start : start + 5], first=start)
        position = world.react(position)
    return results(world)


def results(world: World) -> tuple[list[str], list[Any]]:
    scores = sorted(item["hash"] for item in world.current("RiskAssessment"))
    alerts = sorted(
        (item["alert"]["id"], item["alert"]["severity"], item["alert"]["status"])
        for item in world.kinds("alert")
    )
    return scores, alerts


def test_the_order_of_arrival_changes_no_alert() -> None:
    expected = scored(None)[1]
    assert expected
    for seed in range(4):
        current = [alert for alert in scored(seed)[1] if alert[2] != "superseded"]
        assert current == [alert for alert in expected if alert[2] != "superseded"]


def test_the_same_changes_twice_make_nothing_new() -> None:
    world = World()
    world.send(*(reading(n, 140) for n in range(5)))
    world.react()
    first = results(world)
    World(world.stores).react()
    assert results(world) == first
    assert len(world.kinds("alert")) == 1


def test_an_acknowledgement_stays_through_later_readings() -> None:
    world = World()
    world.send(reading(0, 140))
    position = world.react()
    [alert] = world.alerts.since("ward", None, 10).alerts
    world.alerts.acknowledge(caller(client="nurse"), alert["id"])
    world.send(reading(1, 145), first=1)
    world.react(position)
    [kept] = world.kinds("alert")
    assert kept["alert"]["acknowledged_by"] == "nurse"


def test_a_reading_that_went_to_another_patient_counts_there_alone() -> None:
    world = World()
    key = ResourceKey("Observation", "o0")
    world.interactions.update(caller(), key, reading(0, 140, "a"))
    position = world.react()
    world.interactions.update(caller(), key, reading(0, 140, "b"))
    world.react(position)
    shown = {item["alert"]["patient"]: item["alert"]["status"] for item in world.kinds("alert")}
    assert shown == {"Patient/a": "superseded", "Patient/b": shown["Patient/b"]}
    assert shown["Patient/b"] != "superseded"


def test_a_cursor_that_nobody_gave_is_refused_by_the_names_it_may_have_come_under() -> None:
    with pytest.raises(InputError, match="since, or Last-Event-ID"):
        World().alerts.since("ward", "the last one", 5)


def test_alerts_are_listed_once_and_none_is_missed_when_commits_cross() -> None:
    world = World()
    seen: list[str] = []
    cursor = None
    position = 0
    for number in range(12):
        world.send(reading(0, 140, f"p{number}"), first=number)
        position = world.react(position)
        item = world.kinds("alert")[-1]
        late = instant_text(world.clock.now() - timedelta(seconds=3 * (number % 2)))
        world.stores.records.replace({**item, "at": late}, item["_etag"])
        page = world.alerts.since("ward", cursor, 5)
        seen += [alert["id"] for alert in page.alerts]
        cursor = page.cursor
        world.moving.advance(1)
    assert len(seen) == len(set(seen)) == 12


def test_everything_scored_is_rebuilt_from_raw() -> None:
    world = World()
    world.send(patient("p", birthDate="1950-01-01"), *(reading(n, 60 + 20 * n) for n in range(5)))
    world.react()
    found = world.rebuilt()
    assert found.differences == []
    assert found.assessments
    assert found.alerts
