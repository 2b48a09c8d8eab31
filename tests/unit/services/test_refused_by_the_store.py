"""What a store refuses is told to the sender, set aside, and never in the way of others."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.memory.faults import Failure
from shared.domain.fhir.identity import ResourceKey
from shared.errors import Fault, TooLarge
from shared.services.sweep import INTENT_AGE
from tests.delivery.world import World, anyone, caller, entry, observation, patient, transaction

KEY = ResourceKey("Observation", "a")


def many_identifiers() -> list[dict[str, str]]:
    return [{"system": "http://s", "value": f"{number:030d}"} for number in range(20_000)]


def put(value: float) -> dict[str, Any]:
    return entry("PUT", "Observation/a", observation("Patient/p", "a", value=value))


def value(world: World) -> float:
    return float(world.interactions.read("ward", KEY).resource["valueQuantity"]["value"])


def sweep(world: World) -> int:
    world.moving.advance(INTENT_AGE.total_seconds() + 1)
    return world.sweep.run().intents


@pytest.fixture
def aside(world: World) -> World:
    """A world in which a transaction over `a`, of value 2, was decided and could not be applied."""
    world.bundles.bundle(caller(), transaction(put(1)), anyone)
    left = 1

    def plan(_name: str, writes: bool) -> Failure | None:
        nonlocal left
        decided = any(intent["status"] == "stored" for intent in world.kinds("intent"))
        if not (writes and decided and left):
            return None
        left -= 1
        return Failure(TooLarge("The store refuses an item of this size."))

    world.script.plan = plan
    with pytest.raises(Fault):
        world.bundles.bundle(caller(), transaction(put(2), entry("POST", "Patient", patient())), anyone)
    return world


def test_a_single_resource_beyond_the_bound_is_refused_by_name(world: World) -> None:
    with pytest.raises(TooLarge) as refused:
        world.interactions.create(caller(), patient(identifier=many_identifiers()))
    assert [issue.expression for issue in refused.value.issues] == ["Patient"]
    assert not world.current()


def test_an_event_beyond_the_bound_is_one_dead_letter_and_its_neighbours_are_recorded(world: World) -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"resource": patient("small")},
            {"resource": patient("large", identifier=many_identifiers())},
        ],
    }
    world.send(bundle, patient("other"))
    assert len(world.current("Patient")) == 2
    [letter] = world.dead_letters.list()
    assert (letter.stage, letter.raw.entry) == ("record", 1)
    assert letter.outcome["issue"][0]["code"] == "too-costly"
    assert not world.replay.run(letter).recovered


def test_a_decided_transaction_that_cannot_be_applied_is_one_dead_letter_and_swept_no_more(
    aside: World,
) -> None:
    [letter] = aside.dead_letters.list()
    assert (letter.stage, letter.door) == ("transaction", "http")
    assert sweep(aside) == 0
    assert len(list(aside.dead_letters.list())) == 1


def test_its_claims_hold_nobody_up(aside: World) -> None:
    written = aside.interactions.update(caller(), KEY, observation("Patient/p", "a", value=9))
    assert (written.status, value(aside)) == (200, 9)
    aside.bundles.bundle(caller(), transaction(put(10), entry("POST", "Patient", patient())), anyone)
    assert value(aside) == 10


def test_a_replay_applies_it(aside: World) -> None:
    [letter] = aside.dead_letters.list()
    assert aside.replay.run(letter).recovered
    assert (value(aside), len(aside.current("Patient"))) == (2, 1)
    assert not list(aside.dead_letters.list())


def test_a_replay_leaves_alone_what_has_changed_since(aside: World) -> None:
    [letter] = aside.dead_letters.list()
    aside.interactions.update(caller(), KEY, observation("Patient/p", "a", value=9))
    assert aside.replay.run(letter).recovered
    assert (value(aside), len(aside.current("Patient"))) == (9, 1)
