"""D6: many versions of many resources, shuffled and tripled: the newest is current, no delete is undone."""

from __future__ import annotations

import random

from shared.domain.fhir.identity import Origin, ResourceKey
from shared.domain.records import Door, Item, Provenance, resource_item, source_version, tombstone_item
from shared.services.replicate import Incoming, Replicate
from tests.delivery.world import World

IDS, VERSIONS, BATCH = 1_000, 50, 500


def item(key: ResourceKey, version: int, *, deleted: bool) -> Item:
    instant = f"2026-03-01T00:{version // 60:02d}:{version % 60:02d}.000000Z"
    origin = Provenance(Door.STREAM, source_version(instant, "default", version), instant)
    if deleted:
        return tombstone_item("ward", key.address, key, origin)
    resource = {"resourceType": "Basic", "id": key.id, "language": f"v-{version}"}
    return resource_item("ward", key.address, resource, key, origin)


def shuffled(ids: int, versions: int) -> tuple[list[Item], set[str]]:
    """Three times every version of every resource in a seeded order, and the ids of those whose newest is a deletion."""
    origin = Origin("ward", "default")
    homes = [origin.own_home(f"patient {number}") for number in range(20)]
    keys = [ResourceKey("Basic", origin.mint(f"basic {n}", homes[n % len(homes)])) for n in range(ids)]
    deleted = set(keys[::7])
    arrivals = [
        item(key, version, deleted=key in deleted and version == versions - 1)
        for key in keys
        for version in range(versions)
    ] * 3
    random.Random(6).shuffle(arrivals)
    return arrivals, {key.id for key in deleted}


def require_newest(current: list[Item], ids: int, versions: int, deleted: set[str]) -> None:
    """The newest of each is current, and no deletion is undone."""
    newest = f"2026-03-01T00:00:{versions - 1:02d}.000000Z|"
    assert len(current) == len({each["rid"] for each in current}) == ids
    assert all(each["sv"].startswith(newest) for each in current)
    assert {each["rid"] for each in current if each["deleted"]} == deleted


def test_the_newest_of_shuffled_and_tripled_versions_is_current() -> None:
    world = World()
    arrivals, deleted = shuffled(IDS, VERSIONS)
    replicate = Replicate(world.stores.records, world.intents.writer, world.bodies)
    for start in range(0, len(arrivals), BATCH):
        replicate.apply(Incoming(each, None) for each in arrivals[start : start + BATCH])
    found = world.stores.records.every()
    require_newest([each for each in found if each["kind"] == "current"], IDS, VERSIONS, deleted)
    assert len(found) == IDS * VERSIONS
