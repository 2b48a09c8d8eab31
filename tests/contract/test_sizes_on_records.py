"""What is admitted fits every store however it is changed; what does not is refused before anything is written."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest

from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import MAX_INDEX_BYTES, OFFLOAD_ABOVE, Item, Kind, resource_item, weight_of
from shared.errors import TooLarge
from shared.ports.records import (
    LONG_FIELDS,
    MAX_BATCH_BYTES,
    MAX_BATCH_WRITES,
    MAX_SHORT_BYTES,
    Create,
    Query,
    Records,
)
from shared.services.fhir.interactions import http_provenance
from tests.delivery.world import START, TENANT, Stores, World, anyone, caller, entry, patient, transaction

HOME = "0123456789ab"
NEVER_COMPRESSED = base64.b64encode(random.Random(8).randbytes(OFFLOAD_ABOVE)).decode()


@pytest.fixture(params=["memory_records", "cosmos_records", "dynamo_records"])
def world(request: pytest.FixtureRequest) -> World:
    stores = Stores()
    stores.records = request.getfixturevalue(request.param)
    return World(stores)


def send(world: World, *entries: dict[str, Any]) -> list[str]:
    answers = world.bundles.bundle(caller(), transaction(*entries), anyone)["entry"]
    return [answer["response"]["status"][:3] for answer in answers]


def identified(number: int, id_: str | None = None, **more: Any) -> dict[str, Any]:
    """A Patient with so many identifiers; one of 30 characters is about 120 bytes of what can be searched."""
    identifiers = [{"system": "http://s", "value": f"{index:030d}"} for index in range(number)]
    return patient(id_, identifier=identifiers, **more)


def heaviest(turn: int) -> dict[str, Any]:
    """A Condition whose body nearly is put aside, and whose index nearly is refused; of another patient each turn."""
    codings = [{"system": "http://é", "code": f"{index:04000d}é"} for index in range(30)]
    return {
        "resourceType": "Condition",
        "id": "heavy",
        "subject": {"reference": f"Patient/p{turn // 2}"},
        "code": {"coding": codings, "text": f"{turn}"},
        "note": [{"text": NEVER_COMPRESSED[: OFFLOAD_ABOVE * 95 // 100]}],
    }


def heavy_item(turn: int, key: str = "heavy") -> Item:
    origin = http_provenance(caller(), START, None, turn)
    return resource_item(TENANT, HOME, heaviest(turn), ResourceKey("Condition", key), origin)


def test_the_heaviest_is_near_the_bounds() -> None:
    item = heavy_item(0)
    assert MAX_INDEX_BYTES * 0.95 < weight_of(item["ix"]) <= MAX_INDEX_BYTES
    assert OFFLOAD_ABOVE * 0.95 < len(item["z"]) <= OFFLOAD_ABOVE
    heads = 2 * (weight_of({k: v for k, v in item.items() if k not in ("ix", *LONG_FIELDS)}) + 10_000)
    assert 2 * OFFLOAD_ABOVE + MAX_INDEX_BYTES + heads < MAX_BATCH_BYTES
    assert MAX_INDEX_BYTES + heads < MAX_SHORT_BYTES


def test_a_batch_and_an_item_at_their_bounds_are_taken(world: World) -> None:
    records: Records = world.stores.records
    short = {"kind": Kind.STATE.value, "tenant": TENANT, "home": HOME}
    each = MAX_BATCH_BYTES // MAX_BATCH_WRITES - 120
    records.commit(
        TENANT, HOME, [Create({**short, "id": f"x{n}", "z": "A" * each}) for n in range(MAX_BATCH_WRITES)]
    )
    one = {**short, "id": "one", "text": "x" * (MAX_SHORT_BYTES - 120), "z": ""}
    records.create({**one, "z": "A" * ((MAX_BATCH_BYTES - weight_of(one)) // 4 * 4)})
    assert records.count(Query(Kind.STATE, TENANT)) == MAX_BATCH_WRITES + 1


def test_a_transaction_with_what_no_store_takes_writes_nothing_and_holds_nobody_up(world: World) -> None:
    victim = ResourceKey("Patient", "victim")
    world.interactions.update(caller(), victim, patient("victim", birthDate="1950-01-01"))
    with pytest.raises(TooLarge) as refused:
        send(
            world,
            entry("PUT", "Patient/victim", patient("victim", birthDate="1951-01-01")),
            entry("POST", "Patient", patient()),
            entry("POST", "Patient", identified(20_000)),
        )
    assert [issue.expression for issue in refused.value.issues] == ["Bundle.entry[2].resource"]
    found = list(world.stores.records.query(Query(Kind.CURRENT, TENANT)))
    assert [item["rid"] for item in found] == ["victim"]
    assert "claim" not in found[0]
    assert world.stores.records.count(Query(Kind.INTENT, None)) == 0
    written = world.interactions.update(caller(), victim, patient("victim", birthDate="1960-01-01"))
    assert (written.status, written.stored.resource["birthDate"]) == (200, "1960-01-01")


def test_the_heaviest_resource_is_changed_and_moved_alone_and_in_a_transaction(world: World) -> None:
    key = ResourceKey("Condition", "heavy")
    for turn in range(3):
        world.interactions.update(caller(), key, heaviest(turn))
    for turn in range(3, 5):
        statuses = send(
            world,
            entry("PUT", "Condition/heavy", heaviest(turn)),
            entry("PUT", "Patient/p", patient("p", language=f"l-{turn}")),
        )
        assert statuses[0] == "200"
    assert world.interactions.read(TENANT, key).resource == {
        **heaviest(4),
        "meta": world.interactions.read(TENANT, key).resource["meta"],
    }
    assert len(world.interactions.history(TENANT, key, count=10, after=None).entries) == 5
    assert world.stores.records.count(Query(Kind.INTENT, None)) == 2
    assert not world.lake.look("quarantine")
