"""D10 over the wire: two processes of eight threads ask for one resource at once, of a store that is often busy."""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
from collections import Counter
from typing import Any

import pytest

from shared.adapters.memory.faults import Failure
from shared.domain.records import Kind
from shared.errors import Busy, Unavailable
from shared.ports.records import Query
from tests.contract.conftest import ask
from tests.contract.places import CosmosPlace, DynamoPlace, Place
from tests.delivery.world import TENANT, Stores, World, caller, patient
from tests.emulators.aws_server import AwsServer
from tests.patience import PATIENCE_S

PROCESSES, THREADS = 2, 8
ROUNDS = {CosmosPlace: 50, DynamoPlace: 50 if os.environ.get("GALEN_TEST_EVERYTHING") else 4}
"""moto takes five milliseconds a call, and one at a time."""
BUSY_RATE = 0.05
TRIES = 400
Answers = list[list[str]]
"""For each client and round: status and id."""


def _create(world: World, number: int, round_: int) -> str:
    """One client, which tries again as long as the server is busy."""
    value = f"m{round_}"
    resource = patient(identifier=[{"system": "urn:mrn", "value": value}], language=f"l-{number}")
    for _ in range(TRIES):
        try:
            written = world.conditional.create(caller(), resource, f"identifier=urn:mrn|{value}")
        except (Busy, Unavailable):
            continue
        return f"{written.status} {written.stored.key.id}"
    return "never answered"


@pytest.fixture(params=["cosmos", "dynamodb"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "cosmos":
        cosmos = request.getfixturevalue("cosmos")
        return CosmosPlace(cosmos.port, cosmos.url, request.getfixturevalue("cosmos_container").id)
    aws: AwsServer = request.getfixturevalue("aws")
    bucket = request.getfixturevalue("aws_bucket")
    return DynamoPlace(aws.port, aws.place, request.getfixturevalue("dynamo_table"), bucket)


def clients(place: Place, process: int, together: Any, told: Any) -> None:
    """One process: threads that start each round together with those of the other, on a connection of their own."""
    with place.opened() as records:
        stores = Stores()
        stores.records = records  # type: ignore[assignment]
        answers: Answers = [[] for _ in range(THREADS)]

        def work(number: int) -> None:
            world = World(stores, seed=process * THREADS + number)
            chance = random.Random(process * THREADS + number)
            world.script.plan = lambda _name, writes: (
                Failure(Unavailable(), applied=writes) if chance.random() < BUSY_RATE / 2 else None
            )
            for round_ in range(ROUNDS[type(place)]):
                together.wait(PATIENCE_S)
                answers[number].append(_create(world, process * THREADS + number, round_))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        told.put(answers)


def test_of_sixteen_at_once_exactly_one_is_created_in_every_round(place: Place) -> None:
    rounds = ROUNDS[type(place)]
    # Not forked from this process, for it has threads.
    context = multiprocessing.get_context("spawn")
    together, told = context.Barrier(PROCESSES * THREADS), context.Queue()
    ask(place.port, "POST", {"status": 429, "rate": BUSY_RATE, "match": place.match, "seed": 10})
    started = [
        context.Process(target=clients, args=(place, number, together, told), daemon=True)
        for number in range(PROCESSES)
    ]
    try:
        for process in started:
            process.start()
        answers: Answers = [each for _ in started for each in told.get(timeout=PATIENCE_S)]
        for process in started:
            process.join(PATIENCE_S)
    finally:
        ask(place.port, "DELETE")
        for process in started:
            process.kill()
    assert len(answers) == PROCESSES * THREADS
    for round_ in range(rounds):
        given = Counter(each[round_].partition(" ")[2] for each in answers)
        assert len(given) == 1, f"round {round_}: {sorted(given.values())}"
    with place.opened() as records:
        on_record = list(records.query(Query(Kind.CURRENT, TENANT)))
    assert len(on_record) == rounds
    assert {each["rid"] for each in on_record} == {each.partition(" ")[2] for each in answers[0]}
