"""The gauges tell what is, return to zero when it is mended, and no look lists the whole lake."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from shared.adapters.memory.lake import MemoryLake
from shared.domain.fhir.outcome import error
from shared.domain.ingest.chain import file_chain, hub_chain
from shared.names import (
    EXPECTATIONS_UNMET,
    FILES_RAW_ZONE,
    HUB_CLINICAL_EVENTS,
    HUB_RAW_ZONE,
    LANDED_TO_GOLD,
    LANDED_TO_GOLD_P95,
    MODEL_OUT_OF_BOUNDS,
    MODEL_WATCH,
    QUALITY_RESULTS,
    TABLES,
    Zone,
)
from shared.ports.lake import LakeFile
from shared.services.chain_walk import ROUND_EVERY, RollingWalk, walk_chains
from shared.services.dead_letters import RawPointer
from tests.delivery.world import TENANT, Stores, World, caller, patient

DAY_S = ROUND_EVERY.total_seconds()


class CountedLake(MemoryLake):
    """Counts the files below raw/ that listings went over."""

    listed = 0

    def list(self, prefix: str, *, after: str = "") -> Iterator[LakeFile]:
        for file in super().list(prefix, after=after):
            self.listed += prefix.startswith("raw")
            yield file


def gauges(world: World, name: str) -> dict[str, float]:
    """The values of a gauge by its last label."""
    found = world.meter.export()["gauges"]
    return {next(reversed(labels.values())): value for each, labels, value in found if each == name}


def faults(world: World) -> dict[str, float]:
    return {kind: value for kind, value in gauges(world, "galen_chain_faults").items() if value}


def chain_of(stores: Stores) -> list[str]:
    generation = stores.streams.generation(HUB_CLINICAL_EVENTS)
    chain = hub_chain(HUB_RAW_ZONE[HUB_CLINICAL_EVENTS], HUB_CLINICAL_EVENTS, generation, TENANT, "0")
    return [file.path for file in stores.lake.list(chain.folder)]


def test_the_dead_letter_of_a_reaction_counts_until_it_is_replayed_by_whomever() -> None:
    stores = Stores()
    world = World(stores)
    issue = (error("exception", "It failed."),)
    world.dead_letters.put(TENANT, "file", "score", RawPointer("records/h/x", 0), issue)
    world.watch.inspect()
    assert gauges(world, "galen_dead_letters_open")["score"] == 1
    (letter,) = world.dead_letters.list()
    world.dead_letters.close(letter)
    other = World(stores)
    other.watch.inspect()
    assert gauges(other, "galen_dead_letters_open")["score"] == 0
    assert gauges(other, "galen_dead_letters_open")["land-commits"] == 0


def test_a_hole_in_what_arrived_is_told_at_the_next_look_and_until_it_is_mended() -> None:
    world = World()
    for number in range(4):
        world.send(patient(f"p{number}"), first=number)
    world.watch.inspect()
    assert faults(world) == {}
    for number in range(4, 8):
        world.send(patient(f"p{number}"), first=number)
    lost = chain_of(world.stores)[5]
    kept = world.stores.lake._files.pop(lost)
    for _ in range(3):
        world.watch.inspect()
        assert faults(world) == {"hole": 1}
    world.stores.lake._files[lost] = kept
    for _ in range(2):
        world.moving.advance(DAY_S + 1)
        world.watch.inspect()
    assert faults(world) == {}


def test_a_hole_far_back_is_found_within_a_round() -> None:
    world = World()
    for number in range(6):
        world.send(patient(f"p{number}"), first=number)
    world.watch.inspect()
    del world.stores.lake._files[chain_of(world.stores)[1]]
    world.watch.inspect()
    assert faults(world) == {}
    world.moving.advance(DAY_S + 1)
    world.watch.inspect()
    assert faults(world) == {"hole": 1}


@pytest.mark.parametrize("slice_files", [1, 2, 3, 7, 100])
def test_slices_find_what_one_walk_finds_whatever_process_takes_them(slice_files: int) -> None:
    stores = Stores()
    world = World(stores)
    for number in range(7):
        world.send(patient(f"p{number}"), first=number)
    for name in ("a", "b", "c"):
        world.file_door.receive(world.drop(f"{TENANT}/{name}.ndjson", b'{"resourceType":"Basic"}\n'))
    stores.lake.put("raw/patient-records/stray", b"not ours")
    del stores.lake._files[chain_of(stores)[3]]
    stray = file_chain(FILES_RAW_ZONE, TENANT, "f" * 32).path(9)
    stores.lake.put(stray, b"", metadata={"end": "9", "chain": "0", "previous": ""})
    expected = Counter(fault.kind for fault in walk_chains(stores.lake))
    assert expected == {"hole": 2, "unnamed": 1}
    whole_since = ""
    while not whole_since:
        found, whole_since = RollingWalk(stores.lake, stores.clock, slice_files).run()
    assert found == expected


def test_a_look_goes_over_what_is_new_and_not_over_the_lake() -> None:
    stores = Stores()
    stores.lake = CountedLake(stores.clock)
    world = World(stores)
    for number in range(300):
        world.send(patient(f"p{number}"), first=number)
    world.watch.inspect()
    stores.lake.listed = 0
    world.send(patient("new"), first=300)
    stores.lake.listed = 0
    world.watch.inspect()
    assert 0 < stores.lake.listed < 5


def test_the_freshness_of_raw_is_that_of_its_newest_door() -> None:
    world = World()
    world.send(patient("p"))
    world.moving.advance(100)
    world.watch.inspect()
    assert gauges(world, "galen_freshness_seconds") == {"raw": 100}
    world.file_door.receive(world.drop(f"{TENANT}/a.ndjson", b'{"resourceType":"Basic"}\n'))
    world.moving.advance(50)
    world.watch.inspect()
    assert gauges(world, "galen_freshness_seconds") == {"raw": 50}
    for tenant in ("ward", "ward-b", "ward0"):
        world.interactions.create(caller(tenant=tenant), patient())
    world.react()
    assert {path.split("/")[2] for path in world.stores.lake._files if path.startswith("raw/commits")} == {
        "t=ward",
        "t=ward-b",
        "t=ward0",
    }
    world.moving.advance(20)
    world.watch.inspect()
    assert gauges(world, "galen_freshness_seconds") == {"raw": 20}


def test_the_way_from_landing_to_gold_is_told_as_its_newest_run_measured_it() -> None:
    world = World()
    world.watch.inspect()
    assert gauges(world, "galen_landed_to_gold_seconds") == {}
    log = f"{LANDED_TO_GOLD}/_delta_log"
    world.stores.lake.put(
        f"{log}/{0:020d}.json", b'{"protocol":{}}\n{"commitInfo":{"operation":"CREATE TABLE"}}'
    )
    for number, seconds in enumerate((90.0, 42.5), 1):
        told = json.dumps({"commitInfo": {"userMetadata": json.dumps({LANDED_TO_GOLD_P95: seconds})}})
        world.stores.lake.put(f"{log}/{number:020d}.json", told.encode())
    world.stores.lake.put(f"{log}/{2:020d}.crc", b"{}")
    world.stores.lake.put(f"{log}/{3:020d}.json", b'{"commitInfo":{"operation":"OPTIMIZE"}}')
    world.watch.inspect()
    assert gauges(world, "galen_landed_to_gold_seconds") == {"95": 42.5}


def test_what_is_out_of_bounds_of_a_model_is_told_by_kind_as_the_newest_run_found_it() -> None:
    world = World()
    for number, drift in enumerate((3, 0)):
        told = json.dumps({MODEL_OUT_OF_BOUNDS: {"drift": drift, "burden": 1}})
        commit = json.dumps({"commitInfo": {"userMetadata": told}}).encode()
        world.stores.lake.put(f"{MODEL_WATCH}/_delta_log/{number:020d}.json", commit)
    world.watch.inspect()
    assert gauges(world, "galen_model_out_of_bounds") == {"drift": 0, "burden": 1}


def test_critical_expectations_that_are_not_met_are_told_by_layer_as_each_was_judged_last() -> None:
    world = World()
    world.watch.inspect()
    assert gauges(world, "galen_expectations_unmet") == {}
    told = ({"silver": 2}, {"bronze": 0}, {"gold": 1}, {"gold": 0})
    for number, unmet in enumerate(told):
        said = json.dumps({"judged": {}, EXPECTATIONS_UNMET: unmet})
        commit = json.dumps({"commitInfo": {"userMetadata": said}}).encode()
        world.stores.lake.put(f"{QUALITY_RESULTS}/_delta_log/{number:020d}.json", commit)
    world.watch.inspect()
    assert gauges(world, "galen_expectations_unmet") == {"silver": 2, "bronze": 0, "gold": 0}


def test_the_freshness_of_a_table_is_that_of_its_log() -> None:
    world = World()
    table = TABLES["silver_patients"]
    world.stores.lake.put(f"{table}/_delta_log/{0:020d}.json", b"{}")
    world.moving.advance(30)
    world.stores.lake.put(f"{table}/part-0.parquet", b"")
    world.watch.inspect()
    assert gauges(world, "galen_freshness_seconds")[Zone.PROCESSED] == 30


@pytest.mark.parametrize(("operation", "age"), [("OPTIMIZE", 30), ("VACUUM END", 30), ("MERGE", 0)])
def test_upkeep_makes_no_table_fresh(operation: str, age: int) -> None:
    world = World()
    log = f"{TABLES['silver_patients']}/_delta_log"
    world.stores.lake.put(f"{log}/{0:020d}.json", b'{"commitInfo":{"operation":"WRITE"}}')
    world.moving.advance(30)
    world.stores.lake.put(
        f"{log}/{1:020d}.json", json.dumps({"commitInfo": {"operation": operation}}).encode()
    )
    world.watch.inspect()
    assert gauges(world, "galen_freshness_seconds")[Zone.PROCESSED] == age
