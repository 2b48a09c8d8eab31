"""D4 and D5: whatever is wrong with an event, the others pass, and it is set aside exactly once."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from shared.adapters.memory.faults import Failure
from shared.domain.fhir.outcome import UNKNOWN_ELEMENT, Issue
from shared.domain.ingest.chain import unpack
from shared.domain.ingest.raw_line import RawLine
from shared.domain.records import Item
from shared.errors import Busy, Fault
from shared.names import HUB_VITAL_SIGNS
from shared.services.dead_letters import RawPointer
from tests.delivery.world import Lenient, World, events, observation, patient

EVENTS = 300
BAD = {
    "not JSON": b"{this is not json}",
    "not an object": b"[1, 2]",
    "empty": b"",
    "NaN": b'{"resourceType":"Patient","x":NaN}',
    "a lone surrogate": b'{"resourceType":"Patient","language":"\\ud800"}',
    "nested too deep": b"[" * 100_000 + b"]" * 100_000,
    "objects nested too deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a long integer": b'{"resourceType":"Patient","x":' + b"9" * 5_000 + b"}",
    "an endless exponent": b'{"resourceType":"Patient","x":1e-99999999999999999999}',
    "a number beyond doubles": b'{"resourceType":"Patient","x":1e400}',
    "bad UTF-8": b'{"resourceType":"Patient","language":"\xff\xfe"}',
    "UTF-16": '{"resourceType":"Patient"}'.encode("utf-16"),
    "a property twice": b'{"resourceType":"Patient","id":"a","id":"b"}',
    "a gzip bomb": gzip.compress(b" " * (65 << 20), compresslevel=1),
    "a cut gzip": gzip.compress(b'{"resourceType":"Patient"}' * 90)[:-9],
    "no resourceType": b'{"id":"a"}',
    "a bundle in a bundle": b'{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Bundle"}}]}',
}


class Marked(Lenient):
    """Breaks on a marked resource: a defect of ours at the stage of validation."""

    def validate(self, resource: dict[str, Any]) -> list[Issue]:
        if resource.get("language") == "x-break":
            raise RuntimeError("a defect")
        return super().validate(resource)


def good(number: int, **more: Any) -> dict[str, Any]:
    return patient(f"p{number}", **more)


def test_an_element_that_fhir_does_not_know_is_set_aside_without_its_name() -> None:
    world = World()
    issue = Issue("error", "structure", "No such element.", "Patient.name[0].canary4711", UNKNOWN_ELEMENT)
    assert world.dead_letters.put("default", "file", "validate", RawPointer("raw/a", 1), (issue,))
    (letter,) = world.dead_letters.list()
    assert letter.outcome["issue"][0]["expression"] == ["Patient.name[0]"]


def letters(world: World) -> list[str]:
    return sorted(letter.id for letter in world.dead_letters.list(status=None))


def test_all_good_events_pass_and_all_bad_ones_are_set_aside_once() -> None:
    world = World()
    bad = list(BAD.values())
    sent: list[bytes | dict[str, Any]] = []
    for number in range(EVENTS):
        sent.append(good(number))
        if number % 17 == 0:
            sent.append(bad[number // 17 % len(bad)])
    number_bad = len(sent) - EVENTS
    tally = world.send(*sent)
    assert tally.rejected == number_bad >= len(bad)
    assert len(world.current("Patient")) == EVENTS
    first = letters(world)
    assert len(first) == number_bad
    again = World(world.stores).send(*sent)
    assert again.rejected == 0
    assert letters(world) == first


@pytest.mark.parametrize("name", BAD)
def test_a_bad_event_keeps_its_bytes_and_says_nothing_of_them(name: str) -> None:
    world = World()
    world.send(BAD[name])
    letter = next(world.dead_letters.list())
    assert [line.body for line in lines_in(world)] == [BAD[name]]
    assert letter.outcome["issue"][0]["details"]["text"]


def lines_in(world: World) -> list[RawLine]:
    [file] = [file for file in world.lake.list("raw") if file.path.endswith(".gz")]
    return unpack(world.lake.read(file.path))


def test_a_defect_in_validation_sets_only_its_events_aside() -> None:
    world = World(validator=Marked())
    broken = {number: {"language": "x-break"} for number in range(0, EVENTS, 100)}
    sent = [good(number, **broken.get(number, {})) for number in range(EVENTS)]
    assert world.send(*sent).rejected == 3
    assert World(world.stores, validator=Marked()).send(*sent).rejected == 0
    assert len(world.current()) == EVENTS - 3
    assert len(letters(world)) == 3


def test_a_store_that_refuses_some_resources_sets_only_those_aside() -> None:
    world = World()
    refused = set(range(7, EVENTS, 100))
    inner: Any = world.stores.records
    commit, create = inner.commit, inner.create

    def is_refused(item: Item) -> bool:
        return any(f'"language":"x-{number}"' in item.get("body", "") for number in refused)

    def picky_commit(tenant: str, home: str, writes: Any) -> Any:
        if any(is_refused(write.item) for write in writes):
            raise Fault
        return commit(tenant, home, writes)

    def picky_create(item: Item) -> str:
        if is_refused(item):
            raise Fault
        return create(item)

    inner.commit, inner.create = picky_commit, picky_create
    sent = [good(number, language=f"x-{number}") for number in range(EVENTS)]
    assert world.send(*sent).rejected == len(refused)
    assert len(world.current()) == EVENTS - len(refused)
    assert World(world.stores).send(*sent).rejected == 0
    assert {letter.stage for letter in world.dead_letters.list()} == {"record"}


def test_a_busy_store_holds_the_batch_and_nothing_is_set_aside() -> None:
    world = World()
    world.script.plan = lambda name, writes: Failure(Busy()) if name.startswith("records") else None
    with pytest.raises(Busy):
        world.send(*(good(number) for number in range(10)))
    assert letters(world) == []
    world.script.plan = lambda _name, _writes: None
    world.send(*(good(number) for number in range(10)))
    assert len(world.current()) == 10


def test_a_reaction_that_fails_on_an_item_goes_on_with_the_others_and_is_replayed() -> None:
    world = World()
    world.send(*(observation(f"Patient/{number}", f"o{number}", value=140) for number in range(100)))
    changes = [dict(item) for item in world.stores.records.changes]
    changes[42] = {**changes[42], "body": "{torn"}
    for _ in range(2):
        world.score_vitals.react(changes)
    [letter] = world.dead_letters.list()
    assert (letter.stage, len(world.current("RiskAssessment"))) == ("score", 99)
    assert changes[42]["rid"] not in str(letter)
    assert world.replay.run(letter).recovered
    assert len(world.current("RiskAssessment")) == 100
    assert not list(world.dead_letters.list())


def test_a_commit_whose_body_is_missing_stops_no_other() -> None:
    world = World()
    world.send(*(good(number) for number in range(3)))
    items = [{**item, "door": "http"} for item in world.stores.records.changes]
    items[1] = {**items[1], "blob": "bodies/missing"}
    world.land_commits.land(items)
    assert [letter.stage for letter in world.dead_letters.list()] == ["land-commits"]
    assert sum(int(file.metadata["count"]) for file in world.lake.list("raw/commits")) == 2


def test_a_bad_reading_is_set_aside_and_the_others_are_scored() -> None:
    world = World()
    reading = {"patient": "Patient/p", "device": "d", "at": "2026-03-29T01:00:00Z"}
    world.stream_door.receive(HUB_VITAL_SIGNS, "0", events([b"{}", reading, b"null"], at=world.clock.now()))
    assert len(letters(world)) >= 2


def test_a_replayed_dead_letter_is_recovered_once_the_cause_is_mended() -> None:
    world = World(validator=Marked())
    world.send(good(1, language="x-break"), good(2))
    mended = World(world.stores)
    [letter] = mended.dead_letters.list()
    assert mended.replay.run(letter).recovered
    assert not list(mended.dead_letters.list())
    [closed] = mended.dead_letters.list(status=None)
    before = mended.stores.records.every()
    assert mended.replay.run(closed).recovered
    assert mended.stores.records.every() == before
    assert len(mended.current()) == 2
