"""D10 over the wire: two processes of eight threads ask for one resource at once, of a store that is often busy."""

from __future__ import annotations

import multiprocessing
import random
import threading
from collections import Counter
from typing import Any

from azure.cosmos import ContainerProxy, CosmosClient

from local.emulators.cosmos.auth import WELL_KNOWN_KEY
from shared import names
from shared.adapters.azure.records import CosmosRecords
from shared.adapters.memory.faults import Failure
from shared.domain.records import Kind
from shared.errors import Busy, Unavailable
from shared.ports.records import Query
from tests.contract.conftest import ask
from tests.delivery.world import TENANT, Stores, World, caller, patient
from tests.emulators.cosmos.conftest import Emulator

PROCESSES, THREADS, ROUNDS = 2, 8, 50
BUSY_RATE = 0.05
WITHIN_S = 100.0
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


def clients(url: str, container: str, process: int, together: Any, told: Any) -> None:
    """One process: threads that start each round together with those of the other, on a connection of their own."""
    with CosmosClient(url, WELL_KNOWN_KEY, retry_total=1) as client:
        records = CosmosRecords(client.get_database_client(names.DATABASE).get_container_client(container))
        stores = Stores()
        stores.records = records  # type: ignore[assignment]
        answers: Answers = [[] for _ in range(THREADS)]

        def work(number: int) -> None:
            world = World(stores, seed=process * THREADS + number)
            chance = random.Random(process * THREADS + number)
            world.script.plan = lambda _name, writes: (
                Failure(Unavailable(), applied=writes) if chance.random() < BUSY_RATE / 2 else None
            )
            for round_ in range(ROUNDS):
                together.wait(WITHIN_S)
                answers[number].append(_create(world, process * THREADS + number, round_))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WITHIN_S)
        told.put(answers)


def test_of_sixteen_at_once_exactly_one_is_created_in_every_round(
    cosmos: Emulator, cosmos_container: ContainerProxy
) -> None:
    # Not forked from this process, for it has threads.
    context = multiprocessing.get_context("spawn")
    together, told = context.Barrier(PROCESSES * THREADS), context.Queue()
    ask(cosmos.port, "POST", {"status": 429, "rate": BUSY_RATE, "match": "/docs", "seed": 10})
    started = [
        context.Process(
            target=clients, args=(cosmos.url, cosmos_container.id, number, together, told), daemon=True
        )
        for number in range(PROCESSES)
    ]
    try:
        for process in started:
            process.start()
        answers: Answers = [each for _ in started for each in told.get(timeout=WITHIN_S)]
        for process in started:
            process.join(WITHIN_S)
    finally:
        ask(cosmos.port, "DELETE")
        for process in started:
            process.kill()
    assert len(answers) == PROCESSES * THREADS
    for round_ in range(ROUNDS):
        given = Counter(each[round_].partition(" ")[2] for each in answers)
        assert len(given) == 1, f"round {round_}: {sorted(given.values())}"
    on_record = list(CosmosRecords(cosmos_container).query(Query(Kind.CURRENT, TENANT)))
    assert len(on_record) == ROUNDS
    assert {each["rid"] for each in on_record} == {each.partition(" ")[2] for each in answers[0]}
