"""Changes of the records' table: one that can never be read is set aside, what passes brings the page again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.aws.reactions import follow
from shared.adapters.aws.stored import attributes_of
from shared.adapters.memory.faults import Failure
from shared.errors import Busy, Fault, Unavailable
from shared.services.reactions import STAGE
from tests.delivery.world import World, caller, patient

DONE: dict[str, Any] = {"batchItemFailures": []}


def changes(world: World) -> list[dict[str, Any]]:
    """What the table's stream tells of the resources on record."""
    told = []
    for number, item in enumerate(world.current(), 1):
        image = attributes_of(item, '"e"', 0.0, world.stores.lake)
        keys = {name: image[name] for name in ("pk", "sk")}
        told.append(
            {
                "dynamodb": {
                    "SequenceNumber": str(number),
                    "Keys": keys,
                    "NewImage": json.loads(json.dumps(image)),
                }
            }
        )
    return told


@pytest.fixture
def ward() -> World:
    """Three patients committed by HTTP, which reactions land."""
    world = World()
    for _ in range(3):
        world.interactions.create(caller(), patient())
    return world


def landed(world: World) -> int:
    return sum(int(file.metadata["count"]) for file in world.stores.lake.list("raw/commits"))


@pytest.mark.parametrize(
    "damage",
    [
        {"x": {"S": "{not json"}},
        {"x": {"S": "[]"}},
        {"x": {"S": "{}"}},
        {"aside": {"S": "bodies/aside/t=ward/gone.json.z"}},
        {"e": {"N": "1"}},
    ],
    ids=["no json", "no object", "no item", "its body is gone", "no etag"],
)
def test_a_change_that_can_never_be_read_holds_up_nobody(ward: World, damage: dict[str, Any]) -> None:
    told = changes(ward)
    told[1]["dynamodb"]["NewImage"] |= damage
    for _ in range(2):
        assert follow(ward, {"Records": told}) == DONE
    assert landed(ward) == 2
    (letter,) = ward.dead_letters.list()
    assert (letter.stage, letter.tenant, letter.raw.line) == (STAGE, "ward", 0)
    assert told[1]["dynamodb"]["Keys"]["sk"]["S"].partition(".")[2] not in json.dumps(letter.raw.path)


def test_what_was_set_aside_is_taken_up_again_once_it_can_be_read(ward: World) -> None:
    told = changes(ward)
    told[1]["dynamodb"]["NewImage"]["x"] = {"S": "{not json"}
    follow(ward, {"Records": told})
    (letter,) = ward.dead_letters.list()
    assert ward.replay.run(letter).recovered
    assert landed(ward) == 3
    assert not list(ward.dead_letters.list())


@pytest.mark.parametrize("error", [Busy(), Unavailable()])
def test_a_store_that_is_away_brings_the_page_again_and_sets_nothing_aside(
    ward: World, error: Busy | Unavailable
) -> None:
    told = changes(ward)
    told[1]["dynamodb"]["NewImage"]["x"] = {"S": "{not json"}
    ward.script.plan = lambda _name, _writes: Failure(error)
    assert follow(ward, {"Records": told}) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    ward.script.plan = lambda _name, _writes: None
    assert not list(ward.dead_letters.list())
    assert follow(ward, {"Records": told}) == DONE
    assert landed(ward) == 2


def test_where_nothing_can_be_set_aside_lambda_halves_the_page_until_it_is_too_old(ward: World) -> None:
    told = changes(ward)
    told[1]["dynamodb"]["NewImage"]["x"] = {"S": "{not json"}
    ward.script.plan = lambda _name, writes: Failure(Fault()) if writes else None
    with pytest.raises(Fault):
        follow(ward, {"Records": told})
