"""One id has one current version, wherever it lives, whoever writes it, and whatever crashes in between."""

from __future__ import annotations

import sys
import threading
from itertools import count

import pytest

from shared.adapters.memory.faults import Failure
from shared.domain.fhir.identity import ResourceKey
from shared.errors import PreconditionFailed, Unavailable
from tests.delivery.world import Killed, Stores, World, caller, observation, patient

KEY = ResourceKey("Observation", "obs-1")


def put(world: World, subject: str, *, value: float = 80, key: ResourceKey = KEY, **more: str) -> str:
    written = world.interactions.update(
        caller(), key, observation(f"Patient/{subject}", key.id, value=value), **more
    )
    return written.stored.version


def homes(world: World) -> list[str]:
    return [item["home"] for item in world.current("Observation")]


def address_of(patient_id: str) -> str:
    return ResourceKey("Patient", patient_id).address


def test_reads_a_minted_id_with_one_point_read(world: World) -> None:
    made = world.interactions.create(caller(), patient())
    world.script.calls.clear()
    world.interactions.read("ward", made.stored.key)
    assert world.script.calls == ["records.read"]


def test_reads_a_clients_id_with_at_most_two_point_reads(world: World) -> None:
    put(world, "a")
    world.script.calls.clear()
    world.interactions.read("ward", KEY)
    assert world.script.calls == ["records.read", "records.read"]


def test_moves_to_another_patient_leave_one_current_resource(world: World) -> None:
    for number, subject in enumerate(("a", "b", "a", "b", "c", "a")):
        put(world, subject, value=60 + number)
        assert homes(world) == [address_of(subject)]
        assert world.interactions.read("ward", KEY).resource["valueQuantity"]["value"] == 60 + number


def test_moves_between_its_own_address_and_elsewhere_lose_nothing(world: World) -> None:
    key = world.interactions.create(caller(), observation("Patient/a")).stored.key
    assert key.address == address_of("a")
    for number, subject in enumerate(("b", "a", "b", "a", "b", "b", "a")):
        put(world, subject, value=70 + number, key=key)
        assert homes(world) == [address_of(subject)]
    assert world.interactions.read("ward", key).resource["valueQuantity"]["value"] == 76
    assert len(world.interactions.history("ward", key, count=50, after=None).entries) == 8


def test_versions_at_every_former_home_can_be_read(world: World) -> None:
    versions = [put(world, subject, value=value) for value, subject in enumerate("abcab", 60)]
    page = world.interactions.history("ward", KEY, count=50, after=None)
    assert [each.version for each in page.entries] == versions[::-1]
    for version in versions:
        assert world.interactions.vread("ward", KEY, version).version == version


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("path", ["ab", "abc", "aba", "home"])
def test_a_move_cut_at_any_store_write_is_finished_by_whoever_comes_next(path: str, after: bool) -> None:
    for number in count(1):
        stores = Stores()
        first = World(stores)
        key = KEY
        if path == "home":
            key = first.interactions.create(caller(), observation("Patient/a")).stored.key
            subjects = ["b", "a"]
        else:
            subjects = list(path)
        for subject in subjects[:-1]:
            put(first, subject, value=70, key=key)
        before = first.interactions.read("ward", key).resource
        first.kill_at(number, after=after)
        try:
            put(first, subjects[-1], value=99, key=key)
        except Killed:
            finished = False
        else:
            finished = True
        second = World(stores)
        if number % 2:
            second.sweep.run()
        found = second.interactions.read("ward", key).resource
        assert found["valueQuantity"]["value"] in (before["valueQuantity"]["value"], 99)
        assert len(second.current("Observation")) == 1
        put(second, subjects[-1], value=101, key=key)
        assert homes(second) == [address_of(subjects[-1])]
        assert not [item for item in second.kinds("pointer") if "moving" in item]
        if finished:
            return


def test_a_move_under_way_counts_as_one_resource_after_a_sweep(world: World) -> None:
    put(world, "a")
    world.kill_at(2)
    with pytest.raises(Killed):
        put(world, "b", value=99)
    assert World(world.stores).sweep.run().moves == 1
    assert homes(world) == [address_of("b")]


def test_sixty_four_concurrent_puts_under_two_patients_leave_one_current_resource(world: World) -> None:
    versions: list[str] = []

    def write(number: int) -> None:
        versions.append(put(world, "ab"[number % 2], value=number))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(64)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that they take turns within a move, and finish each other's
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(versions) == 64
    assert len(homes(world)) == 1
    current = world.interactions.read("ward", KEY)
    assert current.version in versions
    page = world.interactions.history("ward", KEY, count=100, after=None)
    assert sorted(each.version for each in page.entries) == sorted(versions)
    assert page.entries[0].version == current.version


def test_a_lost_answer_is_read_back_and_not_written_twice(world: World) -> None:
    version = put(world, "a")
    losses = iter([Failure(Unavailable(), applied=True)])
    world.script.plan = lambda _name, writes: next(losses, None) if writes else None
    assert put(world, "a", value=90, if_match=version) != version
    assert len(world.interactions.history("ward", KEY, count=9, after=None).entries) == 2


def test_a_lost_answer_is_known_though_another_wrote_over_it_meanwhile(world: World) -> None:
    version = put(world, "a")
    other = World(world.stores, seed=8)
    later: list[str] = []

    def plan(name: str, writes: bool) -> Failure | None:
        if name == "records.commit" and not later:
            later.append("")
            return Failure(Unavailable(), applied=True)
        if later == [""]:
            later[0] = put(other, "a", value=91)
        return None

    world.script.plan = plan
    mine = put(world, "a", value=90, if_match=version)
    found = [each.version for each in world.interactions.history("ward", KEY, count=9, after=None).entries]
    assert found == [later[0], mine, version]


def test_a_lost_answer_to_a_creating_put_still_says_created(world: World) -> None:
    losses = iter([Failure(Unavailable(), applied=True)])
    world.script.plan = lambda _name, writes: next(losses, None) if writes else None
    written = world.interactions.update(caller(), ResourceKey("Patient", "p"), patient("p"))
    assert written.status == 201


def test_of_two_puts_with_the_same_if_match_across_a_move_one_fails(world: World) -> None:
    """The second writer stands between deciding to move and closing the old home."""
    put(world, "a")
    version = put(world, "b", value=81)
    other = World(world.stores, seed=8)
    outcome: list[str] = []

    def meddle(name: str, writes: bool) -> None:
        if writes and not outcome:
            outcome.append("")
            try:
                outcome.append(put(other, "b", value=82, if_match=version))
            except PreconditionFailed:
                outcome.append("refused")

    world.script.plan = meddle
    try:
        mine = put(world, "c", value=83, if_match=version)
    except PreconditionFailed:
        mine = "refused"
    assert sorted((mine == "refused", outcome[1] == "refused")) == [False, True]
    assert len(homes(world)) == 1
    versions = [e.version for e in world.interactions.history("ward", KEY, count=9, after=None).entries]
    assert len(versions) == len(set(versions)) == 3


def test_every_version_that_moved_is_rebuilt_from_raw(world: World) -> None:
    for subject in "abab":
        put(world, subject, value=ord(subject))
        world.moving.advance(1)
    world.react()
    assert world.rebuilt().differences == []
