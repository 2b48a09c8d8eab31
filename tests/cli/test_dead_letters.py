"""`local dead-letters` over a platform in memory."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from local.cli import dead_letters
from local.delivery.letters import lines, short_ids
from local.exits import CommandStopped
from shared.domain.fhir.validation.validator import R4Validator
from tests.delivery.world import TENANT, Lenient, World

BAD: dict[str, Any] = {"resourceType": "Patient", "id": "bad", "gender": 7}


@pytest.fixture
def world() -> World:
    """One bad resource among good ones, and one line that is no JSON."""
    made = World(validator=R4Validator(best_practice=False))
    made.send({"resourceType": "Patient", "id": "good"}, BAD, b"not json")
    return made


def ids(world: World) -> dict[str, str]:
    return {letter.stage: letter.id for letter in world.dead_letters.list(TENANT)}


def test_lists_one_object_a_line_with_a_pointer(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert dead_letters._list(world, None, every=False, form="json") == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    pointers = {each["stage"]: each["pointer"].rpartition(":")[2] for each in found}
    assert pointers == {"decode": "3", "validate": "2"}


def test_the_table_stands_on_standard_output_and_the_count_beside_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    dead_letters._list(world, TENANT, every=False, form="table")
    told = capsys.readouterr()
    assert "validate" in told.out
    assert told.err == "galen: 2 dead letters\n"


def test_the_table_names_each_by_a_beginning_that_show_takes_and_says_why(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    dead_letters._list(world, TENANT, every=False, form="table")
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2
    assert all(line == line.rstrip() for line in told)
    for line in told:
        short = line.split()[0]
        assert len(short) == 8
        assert dead_letters._find(world, short).id.startswith(short)
    assert any("does not look like JSON" in line for line in told)


def test_on_a_terminal_a_row_fits_in_eighty_columns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    letters = list(world.dead_letters.list(TENANT))
    shown = lines(letters, short_ids(each.id for each in letters), {}, terminal=True)
    assert max(map(len, shown)) <= 80


def test_ids_are_as_long_as_they_must_be_to_be_told_apart() -> None:
    one, other = "a" * 32, "a" * 10 + "b" * 22
    assert short_ids([one, other, "c" * 32]) == {one: "a" * 11, other: "a" * 10 + "b", "c" * 32: "c" * 8}


def test_shows_the_outcome_and_the_raw_bytes(world: World, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    dead_letters._show(world, ids(world)["decode"], raw=True)
    assert capfdbinary.readouterr().out == b"not json"
    dead_letters._show(world, ids(world)["validate"], raw=False)
    shown = json.loads(capfdbinary.readouterr().out)
    assert shown["outcome"]["issue"][0]["expression"] == ["Patient.gender"]


def test_shows_where_a_file_is_that_was_refused_as_a_whole_and_its_bytes(
    world: World, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    damaged = gzip.compress(b"{}")[:10] + b"\xff" * 9
    path = f"{TENANT}/damaged.ndjson.gz"
    world.drop(path, damaged)
    world.file_door.receive(path)
    letter = ids(world)["land"]
    dead_letters._show(world, letter, raw=False)
    assert json.loads(capfdbinary.readouterr().out)["file"] == f"landing/{path}"
    dead_letters._show(world, letter, raw=True)
    assert capfdbinary.readouterr().out == damaged
    world.drop(path, b"something else")
    with pytest.raises(CommandStopped, match="replaced since"):
        dead_letters._show(world, letter, raw=True)


def test_what_failed_after_it_was_recorded_has_no_raw_bytes_to_show(world: World) -> None:
    torn = {**next(iter(world.stores.records.changes)), "door": "http", "blob": "bodies/missing"}
    world.land_commits.land([torn])
    with pytest.raises(CommandStopped, match="failed at land-commits is a record"):
        dead_letters._show(world, ids(world)["land-commits"], raw=True)


def test_a_replay_that_changes_nothing_leaves_it_open_and_says_why(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dead_letters._replay(world, list(world.dead_letters.list(TENANT))) == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["recovered"] for each in told] == [False, False]
    assert all(each["reason"] for each in told)


def test_what_a_mended_platform_takes_is_recovered_and_closed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    mended = World(world.stores, validator=Lenient())
    assert dead_letters._replay(mended, list(mended.dead_letters.beginning_with(ids(world)["validate"]))) == 0
    assert json.loads(capsys.readouterr().out)["recovered"] is True
    assert len(mended.current("Patient")) == 2
    assert list(ids(mended)) == ["decode"]


def test_an_unknown_id_says_where_to_look(world: World) -> None:
    with pytest.raises(CommandStopped, match="dead-letters list"):
        dead_letters._find(world, "0" * 32)
