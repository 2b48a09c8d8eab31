"""Adverse event reports by the stream door: landed once, judged, nobody's record; bad and doubled ones harm nothing."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.memory.faults import Failure
from shared.domain.fhir import json
from shared.domain.ingest.chain import unpack
from shared.domain.ingest.raw_line import RawLine
from shared.errors import Busy
from shared.names import HUB_SAFETY_REPORTS
from shared.services.chain_walk import walk_chains
from tests.delivery.world import World

BAD = (
    b"{cut",
    b'{"safetyreportid":"1"}',
    b'{"resourceType":"Patient","id":"p"}',
    b"\xff\xfe",
    b"[]",
)


def report(number: str, *, version: str = "1", **patient: Any) -> dict[str, Any]:
    people = {
        "reaction": [{"reactionmeddrapt": "Headache"}],
        "drug": [{"medicinalproduct": "ASPIRIN"}],
        **patient,
    }
    return {"safetyreportid": number, "safetyreportversion": version, "patient": people}


def send(world: World, *bodies: bytes | dict[str, Any], first: int = 0) -> Any:
    return world.send(*bodies, first=first, hub=HUB_SAFETY_REPORTS)


def landed(world: World) -> list[RawLine]:
    files = [file for file in world.lake.list("raw/safety-reports") if file.path.endswith(".gz")]
    return [line for file in files for line in unpack(world.lake.read(file.path))]


def test_reports_land_in_their_zone_and_become_nobodys_record() -> None:
    world = World()
    tally = send(world, report("1"), report("2"))
    assert (tally.reports, tally.rejected, tally.decisions) == (2, 0, {})
    assert [json.decode_object(line.body)["safetyreportid"] for line in landed(world)] == ["1", "2"]
    assert world.stores.records.every() == []


def test_bad_reports_are_set_aside_once_and_the_others_pass() -> None:
    world = World()
    sent = [report("1"), *BAD, report("2"), report("3", patientinitial="AB")]
    tally = send(world, *sent)
    assert (tally.reports, tally.rejected) == (2, len(BAD) + 1)
    letters = sorted(letter.id for letter in world.dead_letters.list())
    again = send(World(world.stores), *sent)
    assert (again.reports, again.rejected) == (2, 0)
    assert sorted(letter.id for letter in world.dead_letters.list()) == letters
    assert [line.sequence for line in landed(world)] == list(range(len(sent)))
    assert list(walk_chains(world.lake, read=True)) == []


def test_a_dead_letter_of_a_report_names_nobody() -> None:
    world = World()
    send(world, report("canary-4711", patientinitial="canary-0815", patientonsetage="canary-1"))
    (letter,) = world.dead_letters.list()
    assert "canary" not in str(letter)
    assert (letter.stage, letter.error) == ("validate", "forbidden")


def test_a_redelivered_batch_that_overlaps_lands_only_what_is_new() -> None:
    world = World()
    send(world, report("1"), report("2"))
    send(World(world.stores), report("2"), report("3"), first=1)
    assert [json.decode_object(line.body)["safetyreportid"] for line in landed(world)] == ["1", "2", "3"]


def test_a_busy_lake_holds_the_batch() -> None:
    world = World()
    world.script.plan = lambda name, writes: Failure(Busy()) if writes and name.startswith("lake") else None
    with pytest.raises(Busy):
        send(world, report("1"))
    world.script.plan = lambda _name, _writes: None
    assert send(world, report("1")).reports == 1


def test_a_rebuild_from_raw_reads_the_zone_and_finds_no_difference() -> None:
    world = World()
    world.send({"resourceType": "Patient", "id": "p"})
    send(world, report("1"), *BAD)
    result = world.rebuilt()
    assert (result.files, result.differences) == (2, [])


def test_taken_reports_are_counted() -> None:
    world = World()
    send(world, report("1"), b"{", report("2"))
    (sample,) = [each for each in world.metrics.snapshot() if each.name == "galen_safety_reports_total"]
    assert (dict(sample.labels), sample.value) == ({"door": "stream"}, 2)
