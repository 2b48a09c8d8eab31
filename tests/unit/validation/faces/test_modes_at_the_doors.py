"""What each mode makes of an invalid resource, at each door: recorded, tagged, counted, set aside, replayed, rebuilt."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir import json
from shared.domain.fhir.admission import TAG, ValidationModes, parse_modes
from shared.errors import InputError
from shared.names import HUB_CLINICAL_EVENTS
from shared.services.rebuild import Comparison, Rebuild, compare
from shared.services.replicate import Replicate
from tests.delivery.world import (
    Stores,
    World,
    anyone,
    caller,
    entry,
    observation,
    patient,
    real_validator,
    transaction,
)

FLAWED: dict[str, Any] = {"resourceType": "Observation", "status": "final"}
"""Without a code: an error that a reader can live with."""
BROKEN: dict[str, Any] = {"resourceType": "Patient", "gender": 7}
"""Of a wrong shape: one that no reader can."""


def world(modes: dict[str, str] | None = None, stores: Stores | None = None) -> World:
    made = World(stores, validator=real_validator())
    made.modes = parse_modes(modes or {})
    return made


def bodies(of: World) -> list[dict[str, Any]]:
    return [of.bodies.stored(item).resource for item in of.current()]


def tags(of: World) -> list[Any]:
    return [body["meta"].get("tag") for body in bodies(of)]


def counted(of: World) -> dict[tuple[str, str], float]:
    return {
        (labels["door"], labels["rule"]): value
        for name, labels, value in of.meter.export()["counters"]
        if name == "galen_tolerated_issues_total"
    }


def letters(of: World) -> list[Any]:
    return list(of.dead_letters.list())


def batch(*resources: dict[str, Any]) -> dict[str, Any]:
    return {
        **transaction(*(entry("POST", each["resourceType"], each) for each in resources)),
        "type": "batch",
    }


# streams and files


def test_quarantine_sets_aside_the_invalid_resource_alone() -> None:
    made = world()
    made.send(batch(patient("p"), FLAWED, patient("q")))
    assert len(made.current("Patient")) == 2
    assert [letter.raw.entry for letter in letters(made)] == [1]


def test_reject_sets_the_whole_line_aside() -> None:
    made = world({"stream": "reject"})
    made.send(batch(patient("p"), FLAWED, patient("q")), patient("r"))
    assert len(made.current()) == 1
    [letter] = letters(made)
    assert (letter.raw.entry, letter.stage) == (-1, "validate")


@pytest.mark.parametrize("door", ["stream", "file"])
def test_warn_records_tags_and_counts(door: str) -> None:
    made = world({door: "warn"})
    lines = [batch(patient("p"), FLAWED, BROKEN), {**FLAWED, "id": "o"}]
    if door == "stream":
        made.send(*lines)
    else:
        made.drop("ward/a.ndjson", *(json.encode(each).encode() + b"\n" for each in lines))
        made.file_door.receive("ward/a.ndjson")
    assert sorted(map(str, tags(made))) == sorted(map(str, [None, [TAG], [TAG]]))
    assert counted(made) == {(door, "required"): 2}
    assert [letter.raw.entry for letter in letters(made)] == [2]


def test_warn_tags_again_and_alike_at_every_redelivery() -> None:
    made = world({"stream": "warn"})
    made.send(FLAWED)
    before = {item["version"] for item in made.current()}
    again = world({"stream": "warn"}, made.stores)
    tally = again.send(FLAWED)
    assert {item["version"] for item in again.current()} == before
    assert tally.rejected == 0


def test_a_tenants_mode_is_its_own() -> None:
    made = world({"other/stream": "warn"})
    made.send(FLAWED)
    assert (made.current(), len(letters(made))) == ([], 1)


def test_a_dead_letter_is_recovered_once_the_mode_lives_with_it() -> None:
    strict = world()
    strict.send(FLAWED)
    [letter] = letters(strict)
    assert not strict.replay.run(letter).recovered
    lenient = world({"stream": "warn"}, strict.stores)
    assert lenient.replay.run(letter).recovered
    assert tags(lenient) == [[TAG]]


def test_an_id_does_not_depend_on_the_mode() -> None:
    nameless = patient()
    ids = []
    for modes in ({}, {"stream": "warn"}):
        made = world(modes)
        made.send(nameless)
        ids.append(made.current()[0]["id"])
    assert ids[0] == ids[1]


def test_a_rebuild_under_the_same_mode_gives_the_same() -> None:
    made, empty = world({"stream": "warn"}), world({"stream": "warn"})
    made.send(batch(patient("p"), FLAWED, BROKEN))
    replicate = Replicate(empty.records, empty.intents.writer, empty.bodies)
    result = Comparison()
    Rebuild(made.stores.lake, empty.records, empty.bodies, empty.ingest, replicate, empty.score_vitals).run(
        result
    )
    compare(made.stores.records, made.bodies, empty.stores.records, empty.bodies, result)
    assert (result.current, result.differences) == (2, [])
    assert sorted(map(str, tags(empty))) == sorted(map(str, tags(made)))


# HTTP


def test_http_refuses_by_default_and_records_under_warn() -> None:
    with pytest.raises(InputError) as refused:
        world().interactions.create(caller(), FLAWED)
    assert refused.value.status == 422
    made = world({"ward/http": "warn"})
    made.interactions.create(caller(), FLAWED)
    assert tags(made) == [[TAG]]
    assert counted(made) == {("http", "required"): 1}
    with pytest.raises(InputError):
        made.interactions.create(caller(), BROKEN)


def test_a_transaction_records_what_it_lives_with_and_refuses_the_rest_whole() -> None:
    made = world({"http": "warn"})
    fine, flawed, broken = (entry("POST", each["resourceType"], each) for each in (patient(), FLAWED, BROKEN))
    with pytest.raises(InputError) as refused:
        made.bundles.bundle(caller(), transaction(fine, flawed, broken), anyone)
    assert [issue.expression for issue in refused.value.issues] == ["Bundle.entry[2].resource.gender"]
    assert made.current() == []
    made.bundles.bundle(caller(), transaction(fine, flawed), anyone)
    assert sorted(map(str, tags(made))) == sorted(map(str, [None, [TAG]]))


def test_a_valid_version_loses_the_tag_even_where_the_sender_kept_it() -> None:
    made = world({"http": "warn"})
    written = made.interactions.create(caller(), FLAWED).stored
    mended = {**written.resource, "code": {"text": "x"}}
    assert mended["meta"]["tag"] == [TAG]
    made.interactions.update(caller(), written.key, mended)
    assert tags(made) == [None]


def test_nobody_can_forge_the_tag() -> None:
    made = world()
    made.interactions.create(caller(), {**observation("Patient/p"), "meta": {"tag": [TAG]}})
    made.send({**patient("p"), "meta": {"tag": [TAG]}})
    assert tags(made) == [None, None]


def test_the_settings_reach_every_door() -> None:
    made = World(validator=real_validator())
    made.settings = type(made.settings)(
        link_key="k" * 32, validation_modes={"http": "warn", "stream": "warn"}
    )
    assert isinstance(made.modes, ValidationModes)
    made.interactions.create(caller(), FLAWED)
    made.stream_door.receive(HUB_CLINICAL_EVENTS, "0", [])
    assert tags(made) == [[TAG]]
