"""A replay closes a dead letter only where nothing of it failed again; what is left stays open, by line and reason."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir import json
from shared.domain.fhir.outcome import Issue, error
from shared.domain.records import Item
from shared.errors import Fault
from shared.services import file_door
from shared.services.score import ScoreVitals
from tests.delivery.world import World, entry, observation, patient, transaction


class Picky:
    """A store that refuses resources of some languages, whole or in a batch."""

    def __init__(self, world: World, *languages: str) -> None:
        inner: Any = world.stores.records
        self._commit, self._create = inner.commit, inner.create
        self.languages = set(languages)
        inner.commit, inner.create = self.commit, self.create

    def _check(self, item: Item) -> None:
        if any(f'"language":"{language}"' in item.get("body", "") for language in self.languages):
            raise Fault

    def commit(self, tenant: str, home: str, writes: Any) -> Any:
        for write in writes:
            self._check(write.item)
        return self._commit(tenant, home, writes)

    def create(self, item: Item) -> Any:
        self._check(item)
        return self._create(item)


class Ruled:
    """A rule per language; what is mended is taken out."""

    def __init__(self, *languages: str) -> None:
        self.languages = set(languages)

    def validate(self, resource: dict[str, Any]) -> list[Issue]:
        if resource.get("language") in self.languages:
            return [error("business-rule", f"No {resource['language']} today.", "Patient.language")]
        return []


def test_what_the_store_refuses_again_stays_open() -> None:
    world = World()
    store = Picky(world, "de")
    world.send(patient("a", language="de"), patient("b"))
    [letter] = world.dead_letters.list()
    done = world.replay.run(letter)
    assert (done.recovered, done.reason) == (False, "The store refused this resource.")
    [kept] = world.dead_letters.list()
    assert (kept.stage, kept.attempts, len(world.current())) == ("record", 2, 1)
    store.languages.clear()
    assert world.replay.run(kept).recovered
    assert len(world.current()) == 2
    assert not list(world.dead_letters.list())


def test_a_line_that_fails_after_it_was_replayed_is_open_again() -> None:
    world = World()
    store = Picky(world, "de")
    world.send(patient("a", language="de"))
    [letter] = world.dead_letters.list()
    world.dead_letters.close(letter)
    assert world.send(patient("a", language="de")).rejected == 1
    [opened] = world.dead_letters.list()
    assert (opened.id, opened.attempts) == (letter.id, 3)
    assert world.send(patient("a", language="de")).rejected == 0
    store.languages.clear()
    assert world.replay.run(opened).recovered
    assert len(world.current()) == 1


def test_a_conflict_of_versions_is_not_closed_by_a_replay() -> None:
    world = World()
    same = patient("p")
    world.send(same)
    for item in world.stores.records._items.values():
        item |= {"version": "another", "hash": "another"}
    assert world.send(same).rejected == 1
    [letter] = world.dead_letters.list()
    assert letter.error == "version-conflict"
    assert not world.replay.run(letter).recovered
    assert [letter.error for letter in world.dead_letters.list()] == ["version-conflict"]


def test_a_reaction_that_fails_again_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.send(observation("Patient/p", "o", value=140))
    with monkeypatch.context() as broken:

        def defect(*_: object) -> int:
            raise ValueError

        broken.setattr(ScoreVitals, "redo", defect)
        world.react()
        [letter] = world.dead_letters.list()
        done = world.replay.run(letter)
        assert (done.recovered, letter.stage) == (False, "score")
        [letter] = world.dead_letters.list()
        assert letter.attempts == 2
    later = World(world.stores)
    assert later.replay.run(letter).recovered
    assert len(later.current("RiskAssessment")) == 1
    assert [letter.status for letter in later.dead_letters.list(status=None)] == ["replayed"]


def test_an_item_that_fails_at_two_reactions_is_set_aside_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.send(observation("Patient/p", "o", value=140))
    with monkeypatch.context() as broken:

        def defect(*_: object, **__: object) -> int:
            raise ValueError

        broken.setattr(ScoreVitals, "planned", defect)
        broken.setattr(type(world.watch_falls), "redo", defect)
        world.reactions.react(world.stores.records.changes)
    letters = list(world.dead_letters.list())
    assert {letter.stage for letter in letters} == {"score", "watch-falls"}
    assert all(world.replay.run(letter).recovered for letter in letters)
    assert len(world.current("RiskAssessment")) == 1


def test_a_letter_for_many_lines_recovers_what_is_mended_and_names_what_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(file_door, "MOST_SET_ASIDE", 0)
    rules = Ruled("de", "fr")
    world = World(validator=rules)
    bodies = [patient(f"p{number}", language="fr" if number == 3 else "de") for number in range(10)]
    world.file_door.receive(
        world.drop("ward/x.ndjson", b"\n".join(json.encode(body).encode() for body in bodies))
    )
    [letter] = world.dead_letters.list()
    assert len(letter.parts) == 10
    rules.languages = {"fr"}
    done = world.replay.run(letter)
    assert (done.recovered, done.reason) == (False, "No fr today.")
    assert len(world.current()) == 9
    [left] = world.dead_letters.list()
    assert left.parts == [(4, -1)]
    assert left.outcome["issue"][0]["details"]["text"].startswith("1 lines or entries")
    rules.languages.clear()
    assert world.replay.run(left).recovered
    assert len(world.current()) == 10
    assert world.rebuilt().differences == []


def test_a_whole_line_stays_open_where_one_entry_of_it_fails_for_another_reason() -> None:
    rules = Ruled("de")
    world = World(validator=rules)
    world.send(
        transaction(
            entry("PUT", "Patient/a", patient("a", language="de")), entry("PUT", "Patient/b", patient("b"))
        )
    )
    [letter] = world.dead_letters.list()
    rules.languages.clear()
    store = Picky(world, "de")
    assert not world.replay.run(letter).recovered
    [left] = world.dead_letters.list()
    assert (left.id, left.raw.entry, left.stage, len(world.current())) == (letter.id, -1, "record", 1)
    store.languages.clear()
    assert world.replay.run(left).recovered
    assert len(world.current()) == 2
