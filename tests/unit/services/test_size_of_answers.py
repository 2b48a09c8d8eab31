"""An answer holds so many bytes of resources, however little asked for them."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey
from shared.services.bodies import MAX_ANSWER_BYTES
from tests.delivery.world import TENANT, World, anyone, caller, entry, patient, transaction

EACH = MAX_ANSWER_BYTES // 4
FIT = 3
"""Of so large resources; a fourth is a little too much."""
DATA = "A" * EACH
KEY = ResourceKey("Binary", "big-0")


def binary(number: int, type_: str = "x/y") -> dict[str, Any]:
    return {"resourceType": "Binary", "id": f"big-{number}", "contentType": type_, "data": DATA}


def keep(world: World, number: int, type_: str = "x/y") -> None:
    world.interactions.update(caller(), ResourceKey("Binary", f"big-{number}"), binary(number, type_))


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_reads_beyond_the_room_of_an_answer_are_refused_one_by_one(world: World, kind: str) -> None:
    keep(world, 0)
    world.interactions.update(caller(), ResourceKey("Patient", "p"), patient("p"))
    asked = [entry("GET", "Binary/big-0") for _ in range(FIT + 20)]
    bundle = {
        **transaction(*asked, entry("GET", "Patient/p"), entry("PUT", "Patient/q", patient("q"))),
        "type": kind,
    }
    world.script.calls.clear()
    answers = world.bundles.bundle(caller(), bundle, anyone)["entry"]
    statuses = [answer["response"]["status"][:3] for answer in answers]
    assert statuses == ["200"] * FIT + ["413"] * 21 + ["201"]
    assert answers[FIT]["response"]["outcome"]["issue"][0]["code"] == "too-costly"
    # What no longer has room is not even read.
    assert world.script.calls.count("records.read") < 20
    assert len(json.encode(answers)) < MAX_ANSWER_BYTES


def test_a_page_of_a_search_ends_early_and_goes_on(world: World) -> None:
    for number in range(FIT + 2):
        keep(world, number)
    found = []
    query = [("_count", "1000")]
    while query:
        page = world.search.run(caller(), "Binary", query, base_url="")
        assert page.total == FIT + 2
        assert len(page.text()) < MAX_ANSWER_BYTES
        found.append([match.key.id for match in page.matches])
        token = (page.next_link or "").partition("_page=")[2]
        query = [("_count", "1000"), ("_page", token)] if token else []
    assert found == [["big-0", "big-1", "big-2"], ["big-3", "big-4"]]


def test_a_search_in_a_batch_ends_where_the_answer_has_no_more_room(world: World) -> None:
    for number in range(FIT):
        keep(world, number)
    bundle = {**transaction(entry("GET", "Binary/big-0"), entry("GET", "Binary")), "type": "batch"}
    _, answer = world.bundles.bundle(caller(), bundle, anyone)["entry"]
    assert [each["resource"]["id"] for each in answer["resource"]["entry"]] == ["big-0", "big-1"]
    assert answer["resource"]["link"][-1]["relation"] == "next"


def test_a_page_of_a_history_ends_early_and_goes_on(world: World) -> None:
    for number in range(FIT + 1):
        keep(world, 0, f"x/{number}")
    first = world.interactions.history(TENANT, KEY, count=1_000, after=None)
    assert [each.resource["contentType"] for each in first.entries] == ["x/3", "x/2", "x/1"]
    assert not first.created
    rest = world.interactions.history(TENANT, KEY, count=1_000, after=first.next)
    assert [each.resource["contentType"] for each in rest.entries] == ["x/0"]
    assert (rest.next, len(rest.created)) == (None, 1)


def test_one_resource_is_answered_whatever_its_size(world: World) -> None:
    larger = {**binary(0), "data": DATA * 5}
    world.interactions.update(caller(), KEY, larger)
    assert len(world.search.run(caller(), "Binary", [], base_url="").matches) == 1
    assert len(world.interactions.history(TENANT, KEY, count=5, after=None).entries) == 1
