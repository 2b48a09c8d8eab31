"""D10: whoever asks at once, one resource comes of one condition."""

from __future__ import annotations

import random
import threading

import pytest

from shared.adapters.memory.faults import Failure
from shared.domain.records import key_of
from shared.errors import Busy, PreconditionFailed, Unavailable
from tests.delivery.world import Killed, Stores, World, caller, observation, patient
from tests.patience import PATIENCE_S

THREADS, ROUNDS = 16, 50


def create(world: World, number: int, mrn: str, *, tries: int = 400) -> tuple[int, str]:
    """One client, which tries again as long as the server is busy."""
    resource = patient(identifier=[{"system": "urn:mrn", "value": mrn}], language=f"l-{number}")
    for _ in range(tries):
        try:
            written = world.conditional.create(caller(), resource, f"identifier=urn:mrn|{mrn}")
        except (Busy, Unavailable):
            continue
        return written.status, written.stored.key.id
    raise AssertionError("never answered")


def test_of_many_at_once_exactly_one_is_created_in_every_round() -> None:
    stores = Stores()
    worlds = [World(stores, seed=number) for number in range(THREADS)]
    chance = random.Random(10)
    for world in worlds:
        world.script.plan = lambda _n, writes: (
            None
            if chance.random() > 0.05
            else Failure(Busy())
            if chance.random() < 0.6
            else Failure(Unavailable(), applied=writes)
        )
    answers: dict[str, list[tuple[int, str]]] = {f"m{n}": [] for n in range(ROUNDS)}
    barrier = threading.Barrier(THREADS)

    def client(number: int) -> None:
        for mrn, found in answers.items():
            barrier.wait(PATIENCE_S)
            found.append(create(worlds[number], number, mrn))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(World(stores).current("Patient")) == ROUNDS
    for found in answers.values():
        assert len(found) == THREADS
        assert len({identity for _, identity in found}) == 1


def test_a_reserved_id_is_completed_by_the_next_caller_even_for_another_patient(world: World) -> None:
    world.kill_at(2)
    condition = "identifier=urn:o|1"
    ident = [{"system": "urn:o", "value": "1"}]
    with pytest.raises(Killed):
        world.conditional.create(caller(), observation("Patient/a", identifier=ident), condition)
    later = World(world.stores, seed=9)
    written = later.conditional.create(caller(), observation("Patient/b", identifier=ident), condition)
    again = later.conditional.create(caller(), observation("Patient/a", identifier=ident), condition)
    assert (written.status, again.status) == (201, 200)
    assert written.stored.key == again.stored.key
    assert later.interactions.read("ward", written.stored.key).key == written.stored.key
    assert len(later.current("Observation")) == 1


def test_a_condition_met_before_and_deleted_since_creates_anew(world: World) -> None:
    first = create(world, 1, "x")
    world.interactions.delete(caller(), key_of(world.current("Patient")[0]))
    second = create(world, 2, "x")
    assert (first[0], second[0]) == (201, 201)
    assert first[1] != second[1]
    assert create(world, 3, "x") == (200, second[1])


def test_criteria_that_several_meet_are_refused(world: World) -> None:
    ident = [{"system": "urn:mrn", "value": "twice"}]
    for _ in range(2):
        world.interactions.create(caller(), patient(identifier=ident))
    with pytest.raises(PreconditionFailed):
        create(world, 1, "twice")
