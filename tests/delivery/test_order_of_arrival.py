"""D6: many versions of many resources, shuffled and tripled: the newest is current, no delete is undone."""

from __future__ import annotations

import random
from typing import Any

from shared.domain.fhir.identity import Origin, ResourceKey
from shared.domain.records import Door, Provenance, resource_item, source_version, tombstone_item
from shared.services.replicate import Incoming, Replicate
from tests.delivery.world import World

IDS, VERSIONS, BATCH = 1_000, 50, 500


def item(key: ResourceKey, version: int, *, deleted: bool) -> dict[str, Any]:
    instant = f"2026-03-01T00:{version // 60:02d}:{version % 60:02d}.000000Z"
    origin = Provenance(Door.STREAM, source_version(instant, "default", version), instant)
    if deleted:
        return tombstone_item("ward", key.address, key, origin)
    resource = {"resourceType": "Basic", "id": key.id, "language": f"v-{version}"}
    return resource_item("ward", key.address, resource, key, origin)


def test_the_newest_of_shuffled_and_tripled_versions_is_current() -> None:
    chance = random.Random(6)
    world = World()
    origin = Origin("ward", "default")
    homes = [origin.own_home(f"patient {number}") for number in range(20)]
    keys = [ResourceKey("Basic", origin.mint(f"basic {n}", homes[n % len(homes)])) for n in range(IDS)]
    deleted = set(keys[::7])
    arrivals = [
        item(key, version, deleted=key in deleted and version == VERSIONS - 1)
        for key in keys
        for version in range(VERSIONS)
    ] * 3
    chance.shuffle(arrivals)
    replicate = Replicate(world.stores.records, world.intents.writer, world.bodies)
    for start in range(0, len(arrivals), BATCH):
        replicate.apply(Incoming(each, None) for each in arrivals[start : start + BATCH])
    found = world.stores.records.every()
    current = {each["rid"]: each for each in found if each["kind"] == "current"}
    newest = f"2026-03-01T00:00:{VERSIONS - 1:02d}.000000Z|"
    assert len(current) == IDS
    assert all(each["sv"].startswith(newest) for each in current.values())
    assert {rid for rid, each in current.items() if each["deleted"]} == {key.id for key in deleted}
    assert len(found) == IDS * VERSIONS
