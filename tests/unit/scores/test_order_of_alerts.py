"""A reader that follows the cursor misses no alert and meets none twice, whoever writes how slowly."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.adapters.memory.faults import Failure
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Item
from shared.errors import InputError, Unavailable
from shared.services.alert_order import AlertOrder
from shared.services.patient_news import Whose
from shared.services.score_writes import side_by_side
from tests.delivery.world import TENANT, World
from tests.unit.scores.ward import CALLER, Ward, vital


def _alert(number: int, at: str = "2026-03-29T01:30:00.000000Z", tenant: str = TENANT) -> Item:
    identity = f"{number:012x}-{number:020x}"
    shown = {"id": identity, "patient": f"Patient/{number}"}
    return {"id": f"alert.{identity}", "tenant": tenant, "home": f"{number:012x}", "at": at, "alert": shown}


def _read(world: World, cursor: str | None = None, limit: int = 7) -> tuple[list[dict[str, Any]], str]:
    """All pages from a cursor on."""
    found: list[dict[str, Any]] = []
    while True:
        page = world.alerts.since(TENANT, cursor, limit)
        found += page.alerts
        cursor = page.cursor
        assert len(cursor) <= 200
        if not page.alerts:
            return found, cursor


def test_hundreds_of_alerts_of_one_moment_leave_a_cursor_of_a_few_characters(world: World) -> None:
    AlertOrder(world.records).tell(_alert(number) for number in range(600))
    found, cursor = _read(world, limit=200)
    assert len({alert["id"] for alert in found}) == len(found) == 600
    assert len(cursor) < 10
    assert _read(world, cursor) == ([], cursor)


def test_an_alert_whose_commit_took_long_is_not_lost(world: World) -> None:
    order = AlertOrder(world.records)
    order.tell([_alert(2, at="2026-03-29T01:31:00.000000Z")])
    _, cursor = _read(world)
    order.tell([_alert(1, at="2026-03-29T01:30:00.000000Z")])  # a minute of it
    assert [alert["patient"] for alert in _read(world, cursor)[0]] == ["Patient/1"]


def test_an_alert_that_changes_again_is_shown_again_once_and_stands_at_the_end(world: World) -> None:
    order = AlertOrder(world.records)
    order.tell([_alert(1), _alert(2)])
    _, cursor = _read(world)
    later = _alert(1, at="2026-03-29T01:31:00.000000Z")
    for _ in range(3):
        order.tell([later, _alert(1)])
    assert [alert["patient"] for alert in _read(world, cursor)[0]] == ["Patient/1"]
    assert [alert["patient"] for alert in _read(world)[0]] == ["Patient/2", "Patient/1"]


def test_many_writers_and_a_reader_between_them_lose_and_repeat_nothing(world: World) -> None:
    alerts = [_alert(number) for number in range(80)]
    seen: Counter[str] = Counter()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        mine = [alert for alert in alerts if chance.random() < 0.7 or int(alert["home"], 16) % 4 == seed]
        chance.shuffle(mine)
        order = AlertOrder(world.records)
        while mine:
            number = chance.randint(1, 5)
            order.tell(mine[:number])
            mine = mine[number:]

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for writer in writers:
        writer.start()
    cursor = None
    while sum(seen.values()) < len(alerts):
        found, cursor = _read(world, cursor, limit=3)
        seen.update(alert["id"] for alert in found)
    for writer in writers:
        writer.join()
    seen.update(alert["id"] for alert in _read(world, cursor)[0])
    assert len(seen) == 80
    assert set(seen.values()) == {1}


def test_tenants_are_apart(world: World) -> None:
    AlertOrder(world.records).tell([_alert(1, tenant="other"), _alert(2)])
    assert [alert["patient"] for alert in _read(world)[0]] == ["Patient/2"]


def test_since_may_be_an_instant(world: World) -> None:
    AlertOrder(world.records).tell([_alert(1), _alert(2, at="2026-03-29T01:40:00.000000Z")])
    page = world.alerts.since(TENANT, "2026-03-29T01:35:00Z", 5)
    assert [alert["patient"] for alert in page.alerts] == ["Patient/2"]
    assert world.alerts.since(TENANT, "2026-03-29T02:00:00Z", 5).cursor == "2026-03-29T02:00:00Z"


@pytest.mark.parametrize("cursor", ["eyJhdCI6IjIifQ", "-1", "1" * 21, "٣", "2026-03-29"])
def test_refuses_a_cursor_that_is_none(world: World, cursor: str) -> None:
    with pytest.raises(InputError):
        world.alerts.since(TENANT, cursor, 5)


def test_an_alert_is_readable_as_soon_as_its_reading_is_scored() -> None:
    ward = Ward()
    ward.post(vital(ward.now, "9279-1", 30))
    ward.react()
    found, cursor = _read(ward.world)
    assert [alert["status"] for alert in found] == ["active"]
    ward.react()  # the feed brings the alert itself: it has its place already
    assert _read(ward.world, cursor) == ([], cursor)


def test_an_alert_that_could_not_be_told_of_comes_by_the_change_feed() -> None:
    ward = Ward()
    ward.post(vital(ward.now, "9279-1", 30))
    written: list[str] = []

    def plan(name: str, writes: bool) -> Failure | None:
        written.extend([name] * writes)
        return Failure(Unavailable()) if writes and len(written) > 1 else None

    ward.world.script.plan = plan
    ward.react()
    ward.world.script.plan = lambda _name, _writes: None
    assert len(ward.world.kinds("alert")) == 1
    assert _read(ward.world)[0] == []
    ward.react()
    assert [alert["status"] for alert in _read(ward.world)[0]] == ["active"]


def test_an_acknowledgement_is_told_of_even_by_a_process_whose_clock_is_behind() -> None:
    ward = Ward()
    ward.post(vital(ward.now, "9279-1", 30))
    ward.react()
    found, cursor = _read(ward.world)
    ward.world.moving.advance(-30)
    ward.world.alerts.acknowledge(CALLER, found[0]["id"])
    assert [alert["acknowledged_by"] for alert in _read(ward.world, cursor)[0]] == [CALLER.client]


def test_alerts_that_have_come_together_are_told_in_one_batch(world: World) -> None:
    AlertOrder(world.records).tell([_alert(number) for number in range(50)])
    counters = [item for item in world.stores.records.changes if item["id"] == "told"]
    assert len(_read(world, limit=50)[0]) == 50
    assert len(counters) == 1


def test_every_alert_of_a_page_of_many_patients_is_told_once() -> None:
    ward = Ward()
    for number in range(50):
        key = ResourceKey("Patient", f"p{number}")
        ward.put({"resourceType": "Patient", "birthDate": "1950-01-01"}, key)
        ward.post(vital(ward.now, "9279-1", 30, key.id))
    ward.react()
    counters = [item["last"] for item in ward.world.stores.records.changes if item["id"] == "told"]
    assert len(_read(ward.world)[0]) == 50
    assert counters == sorted(set(counters))
    assert counters[-1] == 50


def test_an_alert_can_be_read_while_other_patients_of_its_page_are_still_scored(world: World) -> None:
    read = threading.Event()

    def score(whose: Whose, number: int) -> list[Item]:
        assert number or read.wait(30)
        return [_alert(number)]

    def follow() -> None:
        while not _read(world)[0]:
            pass
        read.set()

    reader = threading.Thread(target=follow)
    reader.start()
    news = {(TENANT, f"{number:012x}", f"Patient/{number}"): number for number in range(2)}
    with ThreadPoolExecutor(2) as pool:
        made, failure = side_by_side(pool, AlertOrder(world.records), score, news)
    reader.join()
    assert failure is None
    assert len(made) == 2
    assert [alert["patient"] for alert in _read(world)[0]] == ["Patient/1", "Patient/0"]


@pytest.mark.parametrize("patients", [1, 20])
def test_an_order_that_cannot_go_on_is_told_when_every_patient_of_the_page_was_scored(
    world: World, patients: int
) -> None:
    world.records.create(
        {"id": "told", "tenant": TENANT, "home": "alerts", "kind": "told"}
    )  # without its number
    scored: list[int] = []

    def score(_: Whose, number: int) -> list[Item]:
        scored.append(number)
        return [_alert(number)]

    news = {(TENANT, f"{number:012x}", f"Patient/{number}"): number for number in range(patients)}
    with ThreadPoolExecutor(4) as pool, pytest.raises(KeyError):
        side_by_side(pool, AlertOrder(world.records), score, news)
    assert sorted(scored) == list(range(patients))


def test_patients_whose_thread_was_ended_are_not_taken_for_scored(world: World) -> None:
    def score(_: Whose, number: int) -> list[Item]:
        if number == 1:
            raise SystemExit
        return [_alert(number)]

    news = {(TENANT, f"{number:012x}", f"Patient/{number}"): number for number in range(4)}
    with ThreadPoolExecutor(4) as pool, pytest.raises(SystemExit):
        side_by_side(pool, AlertOrder(world.records), score, news)
    assert {alert["patient"] for alert in _read(world)[0]} >= {"Patient/0", "Patient/2"}
