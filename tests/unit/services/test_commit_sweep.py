"""What was committed by HTTP is landed though the change feed never told of it, however late it was written."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.adapters.memory.faults import Failure
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Item
from shared.errors import Busy, Fault
from shared.services.commit_sweep import EVERY, GRACE, PLACE
from shared.services.land_commits import read_commits
from tests.delivery.world import Killed, World, anyone, caller, entry, observation, patient, transaction


def landed(world: World) -> set[tuple[str, str]]:
    files = list(world.stores.lake.list("raw/commits"))
    lines = (line for file in files for line in read_commits(world.stores.lake.read(file.path)))
    return {(line["id"], line["version"]) for line in lines}


def committed(world: World) -> set[tuple[str, str]]:
    kept = [*world.kinds("current"), *world.kinds("history")]
    return {(item["rid"], item["version"]) for item in kept if item["door"] == "http"}


def wait(world: World, time: timedelta = GRACE + EVERY) -> int:
    """One sweep after so long; how many commits it found."""
    world.moving.advance(time.total_seconds())
    return world.sweep.run().commits


def two_homes() -> dict[str, object]:
    return transaction(entry("POST", "Patient", patient()), entry("POST", "Patient", patient()))


def leave_undone(world: World) -> World:
    """A transaction is decided, and the store is busy for all that this process goes on to write; another process."""
    world.script.plan = lambda _name, writes: (
        Failure(Busy())
        if writes and any(each["status"] == "stored" for each in world.kinds("intent"))
        else None
    )
    world.bundles.bundle(caller(), two_homes(), anyone)
    assert not world.current()
    return World(world.stores, seed=8)


def test_what_the_feed_lost_is_landed_once() -> None:
    world = World()
    wait(world)
    world.interactions.create(caller(), patient())
    assert wait(world) == 1
    assert landed(world) == committed(world)
    assert wait(world) == 0


def _places(world: World) -> list[Item]:
    """Of this sweep: the round of forecasts keeps its own."""
    return [item for item in world.kinds("place") if item["id"] == PLACE]


def test_a_transaction_applied_long_after_it_was_stamped_is_landed() -> None:
    world = World()
    wait(world)
    later = leave_undone(world)
    for _ in range(5):
        world.moving.advance(2 * EVERY.total_seconds())
        assert later.commit_sweep.run() == 0
    [place] = _places(later)
    assert place["unfinished"]
    assert wait(later, EVERY) == 2
    assert len(landed(later)) == 2
    assert landed(later) == committed(later)
    assert wait(later, EVERY) == 0
    assert [item["unfinished"] for item in _places(later)] == [[]]


def test_a_transaction_that_stays_undone_holds_up_no_other_commit() -> None:
    world = World()
    wait(world)
    later = leave_undone(world)
    later.interactions.create(caller(), patient())
    world.moving.advance((GRACE + EVERY).total_seconds())
    assert later.commit_sweep.run() == 1
    assert landed(later) == committed(later)


def test_a_transaction_that_was_set_aside_is_landed_once_it_is_replayed() -> None:
    world = World()
    wait(world)
    failures = [Failure(Fault())]

    def plan(_name: str, writes: bool) -> Failure | None:
        decided = any(each["status"] == "stored" for each in world.kinds("intent"))
        return failures.pop() if writes and decided and failures else None

    world.script.plan = plan
    with pytest.raises(Fault):
        world.bundles.bundle(caller(), two_homes(), anyone)
    for _ in range(9):
        wait(world, EVERY)
    [letter] = world.dead_letters.list()
    assert world.replay.run(letter).recovered
    wait(world, EVERY)
    assert len(landed(world)) == 2
    assert landed(world) == committed(world)


def test_however_long_nobody_swept_nothing_is_left_out() -> None:
    world = World()
    wait(world)
    world.interactions.create(caller(), patient())
    world.moving.advance(timedelta(hours=50).total_seconds())
    world.interactions.create(caller(), patient())
    later = World(world.stores, seed=8)
    assert wait(later) == 2
    assert landed(later) == committed(later)


def test_a_move_that_a_crash_left_half_way_is_landed_when_it_is_finished() -> None:
    world = World()
    wait(world)
    key = ResourceKey("Observation", "o")
    world.interactions.update(caller(), key, observation("Patient/a", "o"))
    wait(world)
    world.kill_at(2)
    try:
        world.interactions.update(caller(), key, observation("Patient/b", "o"))
    except Killed:
        pass
    else:
        raise AssertionError("the move took one write only")
    later = World(world.stores, seed=8)
    later.moving.advance((GRACE + EVERY).total_seconds())
    assert later.commit_sweep.run() == 0
    assert wait(later, EVERY * 3) == 1
    assert landed(later) == committed(later)
    assert len(landed(later)) == 2


def test_two_sweeps_at_once_keep_one_place() -> None:
    world = World()
    world.interactions.create(caller(), patient())
    world.moving.advance((GRACE + EVERY).total_seconds())
    other = World(world.stores, seed=8)
    swept: list[int] = []

    def plan(name: str, _writes: bool) -> None:
        if name == "records.create" and not swept:
            swept.append(other.commit_sweep.run())

    world.script.plan = plan
    world.commit_sweep.run()
    assert swept
    assert [item["id"] for item in _places(world)] == [PLACE]
    assert landed(world) == committed(world)
