"""The transaction rules of FHIR, and what a client is told when something is in the way.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from shared.adapters.memory.faults import Failure
from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey
from shared.errors import (
    Busy,
    Forbidden,
    GalenError,
    InputError,
    PreconditionFailed,
    TooLarge,
    Unavailable,
    consequence_of,
)
from shared.services.fhir.entries import MAX_ENTRIES
from shared.services.fhir.intents import APPLY_PATIENCE_S
from shared.services.sweep import INTENT_AGE
from tests.delivery.world import (
    World,
    anyone,
    caller,
    entry,
    observation,
    patient,
    real_validator,
    transaction,
)
from tests.patience import PATIENCE_S

MRN = "identifier=urn:mrn|7"


def ident(value: str = "7") -> dict[str, Any]:
    return {"identifier": [{"system": "urn:mrn", "value": value}]}


def send(world: World, bundle: dict[str, Any]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = world.bundles.bundle(caller(), bundle, anyone)["entry"]
    return entries


def statuses(answers: list[dict[str, Any]]) -> list[str]:
    return [each["response"]["status"][:3] for each in answers]


def batch(*entries: dict[str, Any]) -> dict[str, Any]:
    return {**transaction(*entries), "type": "batch"}


def refusal(world: World, *entries: dict[str, Any]) -> GalenError:
    before = world.stores.records.every()
    with pytest.raises(GalenError) as refused:
        send(world, transaction(*entries))
    assert [item for item in world.stores.records.every() if item["kind"] == "current"] == [
        item for item in before if item["kind"] == "current"
    ]
    return refused.value


def expressions(refused: GalenError) -> list[str]:
    return [issue.expression for issue in refused.issues]


# What is asked for is checked before anything is written.


@pytest.mark.parametrize(
    "url",
    [
        "Patient?foo=bar",
        "Patient?_page=x",
        "Patient?_format=xml",
        "Patient/x?foo=bar",
        "Patient/x?_format=xml",
    ],
)
def test_a_query_that_cannot_be_answered_refuses_the_transaction_before_it_is_written(
    world: World, url: str
) -> None:
    refused = refusal(world, entry("POST", "Patient", patient()), entry("GET", url))
    assert isinstance(refused, InputError)
    assert expressions(refused) == ["Bundle.entry[1].request.url"]


def test_what_a_read_meets_after_the_commit_is_the_entrys_own_answer(world: World) -> None:
    send(world, transaction(entry("PUT", "Patient/x", patient("x"))))
    answers = send(
        world,
        transaction(
            entry("GET", "Patient/x"),
            entry("GET", "Patient/nobody"),
            entry("POST", "Patient", patient()),
            entry("GET", "Patient?_summary=count"),
            entry("DELETE", "Patient/x"),
        ),
    )
    assert statuses(answers) == ["410", "404", "201", "200", "204"]
    assert answers[3]["resource"]["total"] == 1
    assert answers[0]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[0].request.url"]


def test_a_store_out_of_reach_after_the_commit_does_not_take_it_back(world: World) -> None:
    def plan(name: str, _writes: bool) -> Failure | None:
        return Failure(Unavailable()) if name == "records.query" else None

    world.script.plan = plan
    answers = send(world, transaction(entry("POST", "Patient", patient()), entry("GET", "Patient")))
    assert statuses(answers) == ["201", "503"]
    assert len(world.current("Patient")) == 1


# Deletes come first, then creates, then updates; conditional references last.


def test_a_conditional_create_does_not_match_what_the_same_transaction_deletes(world: World) -> None:
    first = world.conditional.create(caller(), patient(**ident()), MRN).stored.key
    answers = send(
        world,
        transaction(
            entry("POST", "Patient", patient(**ident()), full_url="urn:uuid:1", ifNoneExist=MRN),
            entry("POST", "Observation", observation("urn:uuid:1")),
            entry("DELETE", str(first)),
        ),
    )
    assert statuses(answers) == ["201", "201", "204"]
    assert len(world.current("Patient")) == 1
    (only,) = world.current("Patient")
    assert only["rid"] != first.id
    assert world.conditional.create(caller(), patient(**ident()), MRN).stored.key.id == only["rid"]


def test_the_answer_of_a_match_is_what_was_matched_whatever_happens_then(world: World) -> None:
    made = world.interactions.create(caller(), patient(**ident())).stored
    calls: list[str] = []

    def plan(name: str, _writes: bool) -> Failure | None:
        calls.append(name)
        return Failure(Unavailable()) if name == "records.read" and "records.commit" in calls else None

    world.script.plan = plan
    answers = send(
        world,
        transaction(
            entry("POST", "Patient", patient(**ident()), ifNoneExist=MRN),
            entry("POST", "Observation", observation(str(made.key))),
        ),
    )
    assert statuses(answers) == ["200", "201"]
    assert answers[0]["response"]["etag"] == f'W/"{made.version}"'


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_conditional_reference_finds_what_the_same_transaction_writes(world: World, method: str) -> None:
    writes = (
        entry("POST", "Patient", patient(**ident()))
        if method == "POST"
        else entry("PUT", "Patient/x", patient("x", **ident()))
    )
    send(world, transaction(entry("POST", "Observation", observation(f"Patient?{MRN}")), writes))
    (found,) = world.current("Observation")
    reference = world.bodies.stored(found).resource["subject"]["reference"]
    assert reference == f"Patient/{world.current('Patient')[0]['rid']}"


def test_a_conditional_reference_follows_references_between_the_entries(world: World) -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": {"text": "x"},
        "result": [{"reference": "Observation?patient=made&code=8867-4"}],
    }
    send(
        world,
        transaction(
            entry("POST", "DiagnosticReport", report),
            entry("POST", "Observation", observation("urn:uuid:1")),
            entry("PUT", "Patient/made", patient("made"), full_url="urn:uuid:1"),
        ),
    )
    (found,) = world.current("DiagnosticReport")
    result = world.bodies.stored(found).resource["result"][0]["reference"]
    assert result == f"Observation/{world.current('Observation')[0]['rid']}"


def test_a_conditional_reference_does_not_find_what_is_deleted_or_changed_away(world: World) -> None:
    send(world, transaction(entry("PUT", "Patient/a", patient("a", **ident()))))
    asking = entry("POST", "Observation", observation(f"Patient?{MRN}"))
    gone = refusal(world, asking, entry("DELETE", "Patient/a"))
    changed = refusal(world, asking, entry("PUT", "Patient/a", patient("a", **ident("8"))))
    assert expressions(gone) == expressions(changed) == ["Bundle.entry[0].resource"]
    assert [issue.code for issue in (*gone.issues, *changed.issues)] == ["not-found", "not-found"]


def test_a_conditional_reference_to_one_on_record_and_one_of_the_bundle_is_ambiguous(world: World) -> None:
    world.interactions.create(caller(), patient(**ident()))
    refused = refusal(
        world,
        entry("POST", "Patient", patient(**ident())),
        entry("POST", "Observation", observation(f"Patient?{MRN}")),
    )
    assert isinstance(refused, PreconditionFailed)
    assert (refused.issues[0].code, expressions(refused)) == (
        "multiple-matches",
        ["Bundle.entry[1].resource"],
    )


# Every refusal says which entry it is about.


def test_ambiguous_criteria_name_the_entry(world: World) -> None:
    for _ in range(2):
        world.interactions.create(caller(), patient(**ident()))
    asking = entry("POST", "Patient", patient(), ifNoneExist=MRN)
    refused = refusal(world, entry("POST", "Patient", patient()), asking)
    assert isinstance(refused, PreconditionFailed)
    assert expressions(refused) == ["Bundle.entry[1].request.ifNoneExist"]
    (answer,) = send(world, batch(asking))
    assert answer["response"]["status"] == "412"
    issue = answer["response"]["outcome"]["issue"][0]
    assert (issue["code"], issue["expression"]) == (
        "multiple-matches",
        ["Bundle.entry[0].request.ifNoneExist"],
    )


@pytest.mark.parametrize("criteria", ["foo=bar", "", "?", "_count=1"])
def test_bad_criteria_name_the_entry(world: World, criteria: str) -> None:
    asking = entry("POST", "Patient", patient(), ifNoneExist=criteria)
    refused = refusal(world, entry("POST", "Patient", patient()), asking)
    assert consequence_of(refused).status == 400
    assert expressions(refused) == ["Bundle.entry[1].request.ifNoneExist"]
    (answer,) = send(world, batch(asking))
    assert answer["response"]["status"] == "400"


def test_a_bad_conditional_reference_names_the_entry(world: World) -> None:
    refused = refusal(world, entry("POST", "Observation", observation("Patient?foo=bar")))
    assert expressions(refused) == ["Bundle.entry[0].resource"]


def test_a_missing_right_names_every_entry_that_lacks_it(world: World) -> None:
    mine = caller("system/Patient.c")
    bundle = transaction(
        entry("POST", "Patient", patient()),
        entry("POST", "Observation", observation("Patient/x")),
        entry("GET", "Patient"),
    )
    with pytest.raises(Forbidden) as refused:
        world.bundles.bundle(mine, bundle, mine.require)
    assert expressions(refused.value) == ["Bundle.entry[1].request", "Bundle.entry[2].request"]
    asking = transaction(entry("POST", "Observation", observation(f"Patient?{MRN}")))
    narrow = caller("system/Observation.c")
    with pytest.raises(Forbidden) as blind:
        world.bundles.bundle(narrow, asking, narrow.require)
    assert expressions(blind.value) == ["Bundle.entry[0].resource"]


def test_an_entry_of_a_batch_says_where_its_resource_is_wrong() -> None:
    world = World(validator=real_validator())
    (answer,) = send(world, batch(entry("POST", "Patient", {"resourceType": "Patient", "gender": 7})))
    assert answer["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[0].resource.gender"]


# The envelope is read as strictly as the resources.


@pytest.mark.parametrize("value", [5, ["a"], {"a": 1}, True])
@pytest.mark.parametrize("name", ["ifNoneExist", "ifMatch", "ifNoneMatch"])
def test_a_condition_that_is_no_string_is_refused_and_named(world: World, name: str, value: object) -> None:
    wrong = entry("POST", "Patient", patient(), **{name: value})
    refused = refusal(world, entry("POST", "Patient", patient()), wrong)
    assert consequence_of(refused).status == 400
    assert expressions(refused) == [f"Bundle.entry[1].request.{name}"]
    assert statuses(send(world, batch(wrong, entry("POST", "Patient", patient())))) == ["400", "201"]


def test_a_full_url_that_is_no_string_is_refused_and_named(world: World) -> None:
    refused = refusal(world, {**entry("POST", "Patient", patient()), "fullUrl": 7})
    assert expressions(refused) == ["Bundle.entry[0].fullUrl"]


def test_a_defect_that_one_entry_of_a_batch_meets_is_that_entrys_alone(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def plan(name: str, _writes: bool) -> Failure | None:
        return Failure(ValueError("patient 4711")) if name == "records.query" else None

    world.script.plan = plan
    answers = send(world, batch(entry("GET", "Patient"), entry("POST", "Patient", patient())))
    assert statuses(answers) == ["500", "201"]
    assert "internal error" in answers[0]["response"]["outcome"]["issue"][0]["details"]["text"]
    assert "4711" not in f"{answers}{caplog.text}"
    assert "ValueError" in caplog.text


def test_a_put_that_creates_only_replaces_nothing(world: World) -> None:
    creating = entry("PUT", "Patient/a", patient("a"), ifNoneMatch="*")
    assert statuses(send(world, transaction(creating))) == ["201"]
    again = entry("PUT", "Patient/a", patient("a", active=True), ifNoneMatch="*")
    refused = refusal(world, entry("POST", "Patient", patient()), again)
    assert isinstance(refused, PreconditionFailed)
    assert expressions(refused) == ["Bundle.entry[1].request.ifNoneMatch"]
    assert statuses(send(world, batch(again))) == ["412"]
    assert expressions(refusal(world, entry("PUT", "Patient/a", patient("a"), ifNoneMatch='W/"1"'))) == [
        "Bundle.entry[0].request.ifNoneMatch"
    ]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_ten_thousand_entries_are_refused_within_a_second(world: World, kind: str) -> None:
    bundle = {**transaction(*[entry("POST", "Patient", patient())] * 10_001), "type": kind}
    started = time.process_time()
    with pytest.raises(InputError) as refused:
        send(world, bundle)
    assert time.process_time() - started < 1
    assert consequence_of(refused.value).status == 413
    assert expressions(refused.value) == ["Bundle.entry"]
    assert len(bundle["entry"]) > MAX_ENTRIES


def test_more_than_ten_thousand_entries_are_set_aside_by_stream_and_file_within_a_second() -> None:
    world = World(validator=real_validator())
    body = json.encode(transaction(*[entry("POST", "Patient", patient())] * 10_001)).encode()
    world.drop("ward/b.json", body)
    for door, count in (("stream", 1), ("file", 2)):
        started = time.process_time()
        if door == "stream":
            world.send(body)
        else:
            world.file_door.receive("ward/b.json")
        assert time.process_time() - started < 1.5
        assert len(list(world.dead_letters.list())) == count
    assert not world.current()


# Once it is decided it has happened, whatever the store answers then.


def put(key: str, value: float) -> dict[str, Any]:
    return entry("PUT", key, observation("Patient/p", key.partition("/")[2], value=value))


def value(world: World, id_: str) -> float:
    stored = world.interactions.read("ward", ResourceKey("Observation", id_))
    return float(stored.resource["valueQuantity"]["value"])


def decided(world: World) -> bool:
    return any(intent["status"] == "stored" for intent in world.kinds("intent"))


@pytest.mark.parametrize("failure", [Busy(), Unavailable()])
def test_a_store_that_is_busy_once_it_is_decided_is_waited_for(world: World, failure: GalenError) -> None:
    left = 7

    def plan(_name: str, writes: bool) -> Failure | None:
        nonlocal left
        if not (writes and decided(world) and left):
            return None
        left -= 1
        return Failure(failure)

    world.script.plan = plan
    assert statuses(send(world, transaction(put("Observation/a", 1), put("Observation/b", 1)))) == [
        "201",
        "201",
    ]
    assert (value(world, "a"), value(world, "b"), left) == (1, 1, 0)


@pytest.mark.parametrize("failure", [Busy(), Unavailable()])
def test_a_decided_transaction_is_answered_though_it_is_for_the_sweeper_to_complete(
    world: World, failure: GalenError
) -> None:
    began = world.clock.now()
    world.script.plan = lambda _n, writes: Failure(failure) if writes and decided(world) else None
    answers = send(world, transaction(put("Observation/a", 1), put("Observation/b", 1)))
    assert statuses(answers) == ["201", "201"]
    assert APPLY_PATIENCE_S <= (world.clock.now() - began).total_seconds() < 2 * APPLY_PATIENCE_S
    assert not world.current()
    world.script.plan = lambda _n, _w: None
    world.moving.advance(INTENT_AGE.total_seconds() + 1)
    world.sweep.run()
    assert (value(world, "a"), value(world, "b")) == (1, 1)
    assert (
        answers[0]["response"]["etag"]
        == f'W/"{world.interactions.read("ward", ResourceKey("Observation", "a")).version}"'
    )


def test_a_decision_whose_answer_was_lost_is_read_back(world: World) -> None:
    lost = False
    silent: list[GalenError] = [Busy(), Unavailable()]

    def plan(name: str, writes: bool) -> Failure | None:
        nonlocal lost
        if name == "records.create" and writes and not lost and len(world.kinds("moved")) == 2:
            lost = True
            return Failure(Unavailable(), applied=True)
        if lost and silent:
            return Failure(silent.pop())
        return None

    world.script.plan = plan
    assert statuses(send(world, transaction(put("Observation/a", 1), put("Observation/b", 1)))) == [
        "201",
        "201",
    ]
    assert lost
    assert not silent
    assert len(world.kinds("intent")) == 1
    assert not world.kinds("history")


def test_a_decision_that_the_store_did_not_take_is_aborted_and_made_again(world: World) -> None:
    refused = 0

    def plan(name: str, _writes: bool) -> Failure | None:
        nonlocal refused
        if name == "records.create" and len(world.kinds("moved")) == 2 and refused < 4:
            refused += 1
            return Failure(Unavailable())
        return None

    world.script.plan = plan
    assert statuses(send(world, transaction(put("Observation/a", 1), put("Observation/b", 1)))) == [
        "201",
        "201",
    ]
    assert refused == 4
    assert sorted(intent["status"] for intent in world.kinds("intent")) == ["aborted", "done"]
    assert not world.kinds("history")


def test_one_batch_whose_answer_was_lost_and_then_throttled_is_found(world: World) -> None:
    failures = [Failure(Unavailable(), applied=True), Failure(Busy())]

    def plan(name: str, _writes: bool) -> Failure | None:
        return failures.pop(0) if name == "records.commit" and failures else None

    world.script.plan = plan
    assert statuses(send(world, transaction(entry("POST", "Patient", patient())))) == ["201"]
    assert len(world.current("Patient")) == 1


def test_one_batch_whose_answer_was_lost_and_whose_resource_was_changed_since_is_not_written_twice(
    world: World,
) -> None:
    other = World(world.stores, seed=8)
    changed: list[str] = []

    def plan(name: str, _writes: bool) -> Failure | None:
        if name != "records.commit":
            return None
        if not changed:
            changed.append("")
            return Failure(Unavailable(), applied=True)
        if changed == [""]:
            [item] = other.current("Patient")
            key = ResourceKey("Patient", item["rid"])
            changed[0] = other.interactions.update(
                caller(), key, patient(item["rid"], active=True)
            ).stored.version
        return None

    world.script.plan = plan
    answers = send(
        world,
        transaction(entry("POST", "Patient", patient(), full_url="urn:uuid:1")),
    )
    assert statuses(answers) == ["201"]
    [item] = world.current("Patient")
    assert item["version"] == changed[0]
    [superseded] = world.kinds("history")
    assert answers[0]["response"]["etag"] == f'W/"{superseded["version"]}"'


def test_of_many_transactions_with_one_condition_one_creates_and_the_others_find_it(world: World) -> None:
    found: list[str] = []
    barrier = threading.Barrier(16)

    def slow(_name: str, _writes: bool) -> None:
        time.sleep(0.0005)  # lets the others in between any two calls

    def run(number: int) -> None:
        mine = World(world.stores, seed=500 + number)
        mine.script.plan = slow
        barrier.wait(PATIENCE_S)
        bundle = transaction(
            entry("POST", "Patient", patient(**ident()), full_url="urn:uuid:1", ifNoneExist=MRN),
            entry("POST", "Observation", observation("urn:uuid:1")),
        )
        found.append(statuses(send(mine, bundle))[0])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["200"] * 15 + ["201"]
    (only,) = world.current("Patient")
    subjects = {world.bodies.stored(o).resource["subject"]["reference"] for o in world.current("Observation")}
    assert subjects == {f"Patient/{only['rid']}"}
    assert len(world.current("Observation")) == 16


def test_a_bundle_asks_for_no_more_than_one_answer_can_hold() -> None:
    searches = [{"request": {"method": "GET", "url": f"Patient?_count={n}"}} for n in range(1, 22)]
    with pytest.raises(TooLarge, match="20 searches"):
        send(World(), batch(*searches))
