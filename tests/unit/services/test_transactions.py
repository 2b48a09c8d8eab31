"""A transaction is written whole or not at all, wherever it is cut and whoever races it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count, pairwise
from typing import Any

import pytest

from shared.adapters.memory.faults import Failure
from shared.domain.fhir.identity import ResourceKey, patient_of
from shared.errors import Busy, Conflict, InputError, PreconditionFailed, Unavailable
from shared.services.sweep import INTENT_AGE
from tests.delivery.world import (
    Killed,
    Stores,
    World,
    anyone,
    caller,
    entry,
    large_transaction,
    observation,
    patient,
    real_validator,
    transaction,
)


def post(world: World, bundle: dict[str, Any]) -> list[dict[str, Any]]:
    answer = world.bundles.bundle(caller(), bundle, anyone)
    assert answer["type"] == "transaction-response"
    return [each["response"] for each in answer["entry"]]


def sweep(stores: Stores) -> World:
    stores.clock.advance(INTENT_AGE.total_seconds() + 1)
    after = World(stores, seed=99)
    after.sweep.run()
    return after


def put(key: str, value: float, subject: str = "Patient/p") -> dict[str, Any]:
    type_, _, id_ = key.partition("/")
    assert type_ == "Observation"
    return entry("PUT", key, observation(subject, id_, value=value))


def value(world: World, id_: str) -> float:
    stored = world.interactions.read("ward", ResourceKey("Observation", id_))
    return float(stored.resource["valueQuantity"]["value"])


def test_a_real_transaction_of_three_hundred_entries_is_written_whole() -> None:
    world = World(validator=real_validator())
    bundle = large_transaction()
    answers = post(world, bundle)
    assert {each["status"] for each in answers} == {"201 Created"}
    assert len(world.current()) == len(bundle["entry"]) >= 300
    keys = {f"{item['type']}/{item['rid']}" for item in world.current()}
    for item in world.current("Observation"):
        resource = world.bodies.stored(item).resource
        assert str(patient_of(resource)) in keys
        assert item["home"] == ResourceKey("Patient", str(patient_of(resource)).partition("/")[2]).address


def test_a_real_transaction_cut_at_every_store_write_is_there_whole_or_not_at_all() -> None:
    """Dying right after one write and right before the next are the same."""
    bundle = large_transaction()
    for number in count(1):
        stores = Stores()
        world = World(stores)
        world.kill_at(number)
        try:
            post(world, bundle)
        except Killed:
            finished = False
        else:
            finished = True
        found = len(sweep(stores).current())
        assert found in (0, len(bundle["entry"])), f"{found} entries after a crash at write {number}"
        assert not finished or found
        if finished:
            assert number > 4
            return


@pytest.mark.parametrize("after", [False, True])
def test_updates_and_deletes_cut_at_every_store_write_are_all_there_or_none(after: bool) -> None:
    for number in count(1):
        stores = Stores()
        world = World(stores)
        post(world, transaction(put("Observation/a", 1), put("Observation/b", 1), put("Observation/c", 1)))
        change = transaction(
            put("Observation/a", 2),
            put("Observation/b", 2, "Patient/q"),
            entry("DELETE", "Observation/c"),
            entry("POST", "Observation", observation("Patient/p", value=2), ifNoneExist="code=nothing"),
            entry("POST", "Patient", patient()),
        )
        world.kill_at(number, after=after)
        try:
            post(world, change)
        except Killed:
            finished = False
        else:
            finished = True
        later = sweep(stores)
        done = value(later, "a") == 2
        assert (value(later, "b") == 2) is done
        assert len(later.current("Observation")) == 3
        assert len(later.current("Patient")) == done
        # Whatever is left of the cut one is in nobody's way.
        post(later, transaction(put("Observation/a", 3), put("Observation/b", 3)))
        assert (value(later, "a"), value(later, "b")) == (3, 3)
        if finished:
            return


def test_a_transaction_whose_intent_may_have_been_stored_keeps_its_claims() -> None:
    """Its answer is lost every time: taking the claims back would let half of it be skipped later."""
    stores = Stores()
    world = World(stores)
    post(world, transaction(put("Observation/a", 1), put("Observation/b", 1)))
    decided = False

    def plan(name: str, writes: bool) -> Failure | None:
        nonlocal decided
        decided = decided or (name == "records.create" and len(world.kinds("intent")) == 1)
        return Failure(Unavailable(), applied=True) if decided and writes else None

    world.script.plan = plan
    post(world, transaction(put("Observation/a", 2), entry("POST", "Patient", patient())))
    later = sweep(stores)
    assert (value(later, "a"), len(later.current("Patient"))) == (2, 1)


def test_lost_answers_neither_double_nor_fail_a_transaction(world: World) -> None:
    bundle = transaction(
        entry("POST", "Patient", patient(), full_url="urn:uuid:1"),
        *(entry("POST", "Observation", observation("urn:uuid:1", value=v)) for v in range(150)),
    )
    turn = count()
    world.script.plan = lambda _n, writes: (
        Failure(Unavailable(), applied=True) if writes and next(turn) % 3 == 0 else None
    )
    assert {each["status"] for each in post(world, bundle)} == {"201 Created"}
    world.script.plan = lambda _n, _w: None
    assert len(world.current()) == 151
    assert not world.kinds("history")


def test_two_racing_transactions_over_the_same_resources_are_each_whole(world: World) -> None:
    post(world, transaction(put("Observation/a", 0), put("Observation/b", 0)))

    def run(number: int) -> None:
        mine = World(world.stores, seed=1000 + number)
        for turn in range(5):
            mark = float(100 * number + turn)
            try:
                post(mine, transaction(put("Observation/b", mark), put("Observation/a", mark)))
            except (Conflict, Busy):
                continue

    threads = [threading.Thread(target=run, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    later = sweep(world.stores)
    assert value(later, "a") == value(later, "b")
    per_version = [{v.resource["valueQuantity"]["value"] for v in history(later, id_)} for id_ in ("a", "b")]
    assert per_version[0] == per_version[1]


def history(world: World, id_: str) -> Iterator[Any]:
    yield from world.interactions.history(
        "ward", ResourceKey("Observation", id_), count=100, after=None
    ).entries


def test_a_single_write_that_meets_a_claim_settles_it_first() -> None:
    stores = Stores()
    world = World(stores)
    post(world, transaction(put("Observation/a", 1), put("Observation/b", 1)))
    writes = 0

    def until_decided(name: str, writes_: bool) -> Failure | None:
        nonlocal writes
        writes += writes_
        return Failure(Killed()) if writes > 3 else None  # two claims and the intent

    world.script.plan = until_decided
    with pytest.raises(Killed):
        post(world, transaction(put("Observation/a", 2), put("Observation/b", 2)))
    other = World(stores, seed=5)
    other.interactions.update(
        caller(), ResourceKey("Observation", "a"), observation("Patient/p", "a", value=9)
    )
    assert (value(other, "a"), value(other, "b")) == (9, 2)


def test_an_undecided_claim_is_void_for_whoever_meets_it() -> None:
    stores = Stores()
    world = World(stores)
    post(world, transaction(put("Observation/a", 1), put("Observation/b", 1)))
    world.kill_at(3)
    with pytest.raises(Killed):
        post(world, transaction(put("Observation/a", 2), put("Observation/b", 2)))
    other = World(stores, seed=5)
    other.interactions.update(
        caller(), ResourceKey("Observation", "a"), observation("Patient/p", "a", value=9)
    )
    assert (value(other, "a"), value(sweep(stores), "b")) == (9, 1)


def test_one_bad_entry_is_named_and_nothing_is_written() -> None:
    world = World(validator=real_validator())
    bad = {"resourceType": "Observation", "code": {"text": "x"}}
    with pytest.raises(InputError) as refused:
        post(world, transaction(entry("POST", "Patient", patient()), entry("POST", "Observation", bad)))
    assert refused.value.status == 422
    assert [issue.expression for issue in refused.value.issues] == ["Bundle.entry[1].resource.status"]
    assert not world.stores.records.every()


def test_a_dangling_reference_is_named_and_nothing_is_written(world: World) -> None:
    with pytest.raises(InputError) as refused:
        post(
            world,
            transaction(
                entry("POST", "Patient", patient(), full_url="urn:uuid:1"),
                entry("POST", "Observation", observation("urn:uuid:2")),
            ),
        )
    assert refused.value.issues[0].expression == "Bundle.entry[1].resource.subject.reference"
    assert not world.stores.records.every()


def test_a_chain_of_subjects_is_followed_however_long_it_is(world: World) -> None:
    links = [f"urn:uuid:{number}" for number in range(1_501)]
    chain = [
        entry("POST", "Observation", observation(after), full_url=link) for link, after in pairwise(links)
    ]
    answers = post(world, transaction(*chain, entry("POST", "Patient", patient(), full_url=links[-1])))
    assert {each["status"] for each in answers} == {"201 Created"}
    resources = [world.bodies.stored(item).resource for item in world.current("Observation")]
    assert {each["subject"]["reference"].partition("/")[0] for each in resources} == {
        "Observation",
        "Patient",
    }
    last = next(each for each in resources if each["subject"]["reference"].startswith("Patient/"))
    assert (
        ResourceKey("Observation", last["id"]).address
        == ResourceKey("Patient", last["subject"]["reference"][8:]).address
    )


def test_relative_references_follow_an_absolute_full_url(world: World) -> None:
    answers = post(
        world,
        transaction(
            entry("POST", "Patient", patient(), full_url="http://source.example/fhir/Patient/7"),
            entry(
                "POST",
                "Observation",
                observation("Patient/7"),
                full_url="http://source.example/fhir/Observation/8",
            ),
        ),
    )
    resource = world.bodies.stored(world.current("Observation")[0]).resource
    assert answers[0]["location"].startswith(resource["subject"]["reference"] + "/")


def test_a_stale_if_match_refuses_the_whole_and_names_the_entry(world: World) -> None:
    post(world, transaction(put("Observation/a", 1), put("Observation/b", 1)))
    stale = put("Observation/b", 2)
    stale["request"]["ifMatch"] = 'W/"0000000000000000"'
    with pytest.raises(PreconditionFailed) as refused:
        post(world, transaction(put("Observation/a", 2), stale))
    assert refused.value.issues[0].expression == "Bundle.entry[1].request.ifMatch"
    assert (value(world, "a"), value(world, "b")) == (1, 1)
    assert not [item for item in world.current() if "claim" in item]


def test_a_put_without_a_difference_makes_no_version(world: World) -> None:
    first = post(world, transaction(put("Observation/a", 1)))
    again = post(world, transaction(put("Observation/a", 1)))
    assert again[0]["status"] == "200 OK"
    assert again[0]["etag"] == first[0]["etag"]


def test_a_conditional_entry_takes_the_id_of_what_matches(world: World) -> None:
    ident = {"identifier": [{"system": "urn:mrn", "value": "7"}]}
    made = world.interactions.create(caller(), patient(**ident)).stored.key
    answers = post(
        world,
        transaction(
            entry(
                "POST", "Patient", patient(**ident), full_url="urn:uuid:1", ifNoneExist="identifier=urn:mrn|7"
            ),
            entry("POST", "Observation", observation("urn:uuid:1")),
        ),
    )
    assert answers[0]["status"] == "200 OK"
    assert world.bodies.stored(world.current("Observation")[0]).resource["subject"]["reference"] == str(made)


def test_the_same_condition_twice_in_one_transaction_is_refused(world: World) -> None:
    twice = [entry("POST", "Patient", patient(), ifNoneExist="identifier=urn:mrn|7") for _ in range(2)]
    with pytest.raises(InputError) as refused:
        post(world, transaction(*twice))
    assert refused.value.issues[0].expression == "Bundle.entry[1].request.ifNoneExist"


def test_conditional_creates_inside_and_outside_a_transaction_make_one_resource(world: World) -> None:
    ident = {"identifier": [{"system": "urn:mrn", "value": "9"}]}
    criteria = "identifier=urn:mrn|9"

    def alone(number: int) -> None:
        mine = World(world.stores, seed=50 + number)
        mine.conditional.create(caller(), patient(**ident), criteria)

    def inside(number: int) -> None:
        mine = World(world.stores, seed=80 + number)
        condition = entry("POST", "Patient", patient(**ident), full_url="urn:uuid:1", ifNoneExist=criteria)
        try:
            post(mine, transaction(condition, entry("POST", "Observation", observation("urn:uuid:1"))))
        except (Conflict, Busy):
            pass

    threads = [threading.Thread(target=(alone, inside)[n % 2], args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    later = sweep(world.stores)
    assert len(later.current("Patient")) == 1
    only = f"Patient/{later.current('Patient')[0]['rid']}"
    for item in later.current("Observation"):
        assert later.bodies.stored(item).resource["subject"]["reference"] == only


def test_the_entries_of_a_batch_stand_each_on_its_own() -> None:
    world = World(validator=real_validator())
    bundle = {
        **transaction(
            entry("POST", "Patient", patient()),
            entry("POST", "Patient", {"resourceType": "Patient", "gender": "unheard-of", "birthDate": "x"}),
            entry("GET", "Patient/nobody"),
            entry("PATCH", "Patient/x"),
        ),
        "type": "batch",
    }
    answer = world.bundles.bundle(caller(), bundle, anyone)
    statuses = [each["response"]["status"][:3] for each in answer["entry"]]
    assert statuses == ["201", "422", "404", "400"]
    assert len(world.current()) == 1


@pytest.mark.parametrize(
    ("bundle", "expression"),
    [
        ({"resourceType": "Bundle", "type": "searchset"}, "Bundle.type"),
        ({"resourceType": "Bundle", "type": "transaction", "entry": {}}, "Bundle.entry"),
        (transaction({"resource": patient()}), "Bundle.entry[0].request"),
        (transaction(entry("POST", "Nonsense", patient())), "Bundle.entry[0].request.url"),
        (
            transaction(entry("POST", "Patient", observation("Patient/x"))),
            "Bundle.entry[0].resource.resourceType",
        ),
        (transaction(entry("PUT", "Patient/x", patient("y"))), "Bundle.entry[0].resource.id"),
        (transaction(entry("PUT", "Patient/..", patient(".."))), "Bundle.entry[0].request.url"),
        (
            transaction(put("Observation/a", 1), put("Observation/a", 2)),
            "Bundle.entry[1].request.url",
        ),
    ],
)
def test_a_malformed_bundle_says_where(world: World, bundle: dict[str, Any], expression: str) -> None:
    with pytest.raises(InputError) as refused:
        post(world, bundle)
    assert refused.value.issues[0].expression == expression
    assert not world.stores.records.every()
