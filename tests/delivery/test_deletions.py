"""A deletion by stream deletes what it means, or is set aside; it is never answered as done without an effect."""

from __future__ import annotations

from typing import Any

from tests.delivery.world import World, entry, observation, patient


def history(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "history", "entry": list(entries)}


def test_a_deletion_that_does_not_say_whose_it_is_deletes_nothing_and_is_seen() -> None:
    world = World()
    world.send(patient("p"), observation("Patient/p", "o"))
    told = world.send(history(entry("DELETE", "Observation/o")), first=2)
    assert (told.rejected, sum(told.decisions.values())) == (1, 0)
    assert len(world.current("Observation")) == 1
    [letter] = world.dead_letters.list()
    assert "send it again" in letter.outcome["issue"][0]["details"]["text"]
    world.moving.advance(1)
    known = {"resourceType": "Observation", "subject": {"reference": "Patient/p"}}
    world.send(history(entry("DELETE", "Observation/o", known)), first=3)
    assert not world.current("Observation")
    assert len(world.kinds("current")) == 2
    assert world.rebuilt().differences == []


def test_a_reference_that_cannot_name_whose_a_thing_is_stays_as_it_was_sent() -> None:
    world = World()
    provenance = {"resourceType": "Provenance", "id": "v", "target": [{"reference": "Observation/o"}]}
    tally = world.send(patient("p"), observation("Patient/p", "o"), provenance)
    assert tally.unresolved == 1
    [item] = world.current("Provenance")
    assert '"reference":"Observation/o"' in item["body"]
    world.react()
    assert world.rebuilt().differences == []
