"""Batches of Kinesis: landed in the shard's chain, handed back where a store is busy, doubles without effect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.aws.batches import kinesis_records
from functions.aws.streams import receive
from shared.adapters.memory.faults import Failure
from shared.domain.ingest.chain import hub_chain, unpack
from shared.errors import Busy, Unavailable
from shared.names import HUB_CLINICAL_EVENTS, HUB_RAW_ZONE
from shared.services.chain_walk import RollingWalk, walk_chains
from shared.services.stream_door import ASKED_AGAIN_AFTER
from tests.delivery.world import TENANT, Stores, World, patient
from tests.unit.aws.events import FIRST, SHARD, STEP, kinesis

DONE: dict[str, Any] = {"batchItemFailures": []}
HANDED_BACK = {"batchItemFailures": [{"itemIdentifier": str(FIRST)}]}


def take(world: World, event: dict[str, Any]) -> dict[str, Any]:
    return dict(receive(world, HUB_CLINICAL_EVENTS, json.loads(json.dumps(event))))


def raw_files(stores: Stores) -> list[str]:
    generation = stores.streams.generation(HUB_CLINICAL_EVENTS)
    chain = hub_chain(HUB_RAW_ZONE[HUB_CLINICAL_EVENTS], HUB_CLINICAL_EVENTS, generation, TENANT, SHARD)
    return [file.path for file in stores.lake.list(chain.folder)]


def test_a_record_keeps_its_bytes_key_time_and_all_digits_of_its_sequence() -> None:
    shard, records = kinesis_records(kinesis(b"\xff\x00", b"{}")["Records"])
    assert shard == SHARD
    assert [record.body for record in records] == [b"\xff\x00", b"{}"]
    assert [record.sequence for record in records] == [FIRST, FIRST + STEP]
    assert records[0].key == "p-12"
    assert records[0].enqueued_at.isoformat() == "2026-03-29T01:30:00.250000+00:00"


@pytest.mark.parametrize("shards", [("shardId-000000000000", "shardId-000000000001"), ("",)])
def test_a_batch_of_two_shards_or_of_none_is_refused_rather_than_joined(shards: tuple[str, ...]) -> None:
    records = [record for shard in shards for record in kinesis(b"{}", shard=shard)["Records"]]
    with pytest.raises(ValueError, match="one shard"):
        kinesis_records(records)


def test_batches_make_one_chain_by_predecessor_though_their_sequences_are_nothing_but_gaps() -> None:
    stores = Stores()
    world = World(stores)
    for number in range(3):
        event = kinesis(patient(f"a{number}"), patient(f"b{number}"), first=FIRST + 2 * number * STEP)
        assert take(world, event) == DONE
    assert len(world.current("Patient")) == 6
    files = raw_files(stores)
    starts = [int(path.rpartition("/")[2].partition(".")[0]) for path in files]
    assert starts == [0, FIRST + STEP + 1, FIRST + 3 * STEP + 1]
    assert {len(path.rpartition("/")[2].partition(".")[0]) for path in files} == {56}
    assert [line.sequence for path in files for line in unpack(stores.lake.read(path))] == [
        FIRST + number * STEP for number in range(6)
    ]
    assert not list(walk_chains(stores.lake, read=True))


def test_a_batch_that_comes_again_changes_nothing_also_in_another_process() -> None:
    stores = Stores()
    event = kinesis(*(patient(f"p{number}") for number in range(4)))
    assert take(World(stores), event) == DONE
    before = (sorted(item["_etag"] for item in stores.records.every()), raw_files(stores))
    again = World(stores)
    assert take(again, event) == DONE
    assert (sorted(item["_etag"] for item in stores.records.every()), raw_files(stores)) == before


def test_an_overlapping_batch_is_landed_from_where_the_first_one_ended() -> None:
    stores = Stores()
    world = World(stores)
    bodies = [patient(f"p{number}") for number in range(6)]
    assert take(world, kinesis(*bodies[:4])) == DONE
    assert take(world, kinesis(*bodies[2:], first=FIRST + 2 * STEP)) == DONE
    assert len(world.current("Patient")) == 6
    assert not list(walk_chains(stores.lake, read=True))


@pytest.mark.parametrize("error", [Busy(), Unavailable()])
@pytest.mark.parametrize("write", range(1, 5))
def test_a_store_that_does_not_answer_hands_the_batch_back_and_nothing_is_lost(
    error: Busy | Unavailable, write: int
) -> None:
    world = World()
    left = write

    def fails(_name: str, writes: bool) -> Failure | None:
        nonlocal left
        left -= writes
        return Failure(error) if left <= 0 else None

    world.script.plan = fails
    event = kinesis(*(patient(f"p{number}") for number in range(3)))
    assert take(world, event) == HANDED_BACK
    world.script.plan = lambda _name, _writes: None
    assert take(world, event) == DONE
    assert len(world.current("Patient")) == 3
    assert not list(walk_chains(world.stores.lake, read=True))


def test_what_cannot_be_read_is_set_aside_and_the_others_of_the_batch_are_recorded() -> None:
    world = World()
    assert take(world, kinesis(patient("a"), b"{not json", patient("b"))) == DONE
    assert len(world.current("Patient")) == 2
    assert [letter.raw.line for letter in world.dead_letters.list()] == [2]


def test_a_defect_goes_to_lambda_which_halves_the_batch() -> None:
    event = kinesis(patient("a"))
    del event["Records"][0]["kinesis"]["data"]
    with pytest.raises(KeyError):
        take(World(), event)


def test_the_daily_walk_keeps_its_place_in_a_chain_of_56_digits() -> None:
    stores = Stores()
    world = World(stores)
    for number in range(4):
        take(world, kinesis(patient(f"p{number}"), first=FIRST + number * STEP))
    walk = RollingWalk(stores.lake, stores.clock, slice_files=1)
    for _ in range(5):
        faults, whole_since = walk.run()
        assert not faults
    assert whole_since


def test_a_warm_function_sees_that_its_stream_was_made_anew() -> None:
    stores = Stores()
    world = World(stores)
    assert take(world, kinesis(patient("a"))) == DONE
    old = raw_files(stores)
    stores.streams.generations[HUB_CLINICAL_EVENTS] = "20260329T020000000000"
    world.moving.advance(ASKED_AGAIN_AFTER.total_seconds() + 1)
    assert take(world, kinesis(patient("b"), first=FIRST + 9 * STEP)) == DONE
    assert raw_files(stores) != []
    assert not set(raw_files(stores)) & set(old)
    assert not list(walk_chains(stores.lake, read=True))
