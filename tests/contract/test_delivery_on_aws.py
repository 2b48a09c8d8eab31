"""The proofs of delivery by the way of Lambda: its handlers, fed as its event source mapping feeds them, over moto.

D4: stores that fail at any call, and a defect on some events; D5: whatever is wrong with an event; D6: versions shuffled and
tripled; D10: one conditional create by many at once, of busy stores. `GALEN_TEST_EVERYTHING` has more of each.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
from collections.abc import Sequence
from typing import Any, Final

import pytest

from functions.aws.http import gateway
from functions.aws.streams import receive
from local.lambdas.batches import Batches, Record
from local.lambdas.function import FunctionFailed
from local.running import bearer
from shared import names
from shared.adapters.memory.clock import MemoryClock
from shared.adapters.process.jobs import ProcessJobs
from shared.bootstrap import Adapters, Services, aws_adapters
from shared.domain.records import Kind
from shared.ports.records import Compare, Query
from shared.services.chain_walk import walk_chains
from shared.settings import Settings
from tests.contract.conftest import ask
from tests.delivery.test_bad_events import BAD, Marked
from tests.delivery.world import START, patient
from tests.emulators.aws_server import AwsServer
from tests.patience import PATIENCE_S
from tests.unit.aws.events import http, kinesis

EVERYTHING = bool(os.environ.get("GALEN_TEST_EVERYTHING"))
GOOD, DEFECTS = (2_000, 20) if EVERYTHING else (30, 2)
IDS, VERSIONS = (200, 20) if EVERYTHING else (8, 4)
THREADS, ROUNDS = (16, 50) if EVERYTHING else (4, 3)
BATCH: Final = 20
TENANT: Final = "ward"
HUB: Final = names.HUB_CLINICAL_EVENTS
WRITES: Final = "PutItem|TransactWriteItems|DeleteItem|BatchWriteItem|PutObject"
BY_MANY: Final = "identifier=urn:mrn|"


class Function(Services):
    """One instance of a function; several stand on the same table and bucket."""

    def __init__(self, settings: Settings) -> None:
        others = {"clock": MemoryClock(START), "jobs": ProcessJobs(""), "validator": Marked()}
        super().__init__(settings, Adapters(**{**vars(aws_adapters(settings)), **others}))


@pytest.fixture
def settings(aws_settings: Settings) -> Settings:
    return aws_settings


def hand_over(function: Services, records: list[Record]) -> None:
    """As an event source mapping does, which halves what fails and gives nothing up that is young."""
    given_up: list[Record] = []

    def invoke(event: Any) -> Any:
        try:
            return receive(function, HUB, event)
        except Exception as failure:
            raise FunctionFailed(type(failure).__name__) from failure

    def set_aside(old: Sequence[Record]) -> None:
        given_up.extend(old)

    batches = Batches(
        invoke,
        sequence_of=lambda record: str(record["kinesis"]["sequenceNumber"]),
        age_s=lambda _: 0.0,
        oldest_s=1.0,
        set_aside=set_aside,
        wait=lambda _: None,
    )
    for start in range(0, len(records), BATCH):
        batches.run(records[start : start + BATCH], lambda _: None)
    assert given_up == []


def records_of(bodies: Sequence[bytes | dict[str, Any]]) -> list[Record]:
    found: list[Record] = kinesis(*bodies)["Records"]
    return found


def current(function: Services) -> dict[str, str]:
    """The language of each patient that is there."""
    alive = (Compare("type", "=", "Patient"), Compare("deleted", "=", False))
    items = function.records.query(Query(Kind.CURRENT, TENANT, None, alive))
    return {item["rid"]: json.loads(function.bodies.text(item)).get("language", "") for item in items}


def test_stores_that_fail_and_events_that_cannot_be_read_lose_and_double_nothing(
    settings: Settings, aws: AwsServer
) -> None:
    bad: list[bytes | dict[str, Any]] = list(BAD.values())
    bad += [patient(f"d{number}", language="x-break") for number in range(DEFECTS)]
    sent: list[bytes | dict[str, Any]] = [patient(f"p{number}") for number in range(GOOD)] + bad
    random.Random(4).shuffle(sent)
    records = records_of(sent)
    ask(aws.port, "POST", {"match": WRITES, "status": 500, "applied": True, "rate": 0.03, "seed": 7})
    ask(aws.port, "POST", {"match": "^(dynamodb|s3):", "status": 503, "rate": 0.02, "seed": 8})
    try:
        for _ in range(2):  # another instance has the same again
            hand_over(Function(settings), records)
    finally:
        ask(aws.port, "DELETE")
    function = Function(settings)
    assert len(current(function)) == GOOD
    letters = list(function.dead_letters.list(status=None))
    assert len(letters) == len({letter.raw for letter in letters}) == len(bad)
    assert not list(walk_chains(function.lake, read=True))


def test_of_shuffled_and_tripled_versions_the_newest_is_current_and_no_deletion_is_undone(
    settings: Settings,
) -> None:
    arrivals: list[dict[str, Any]] = []
    for number in range(IDS):
        for version in range(VERSIONS):
            at = f"2026-03-01T00:00:{version:02d}Z"
            arrivals += [patient(f"p{number}", language=f"v-{version}", meta={"lastUpdated": at})] * 3
        if number % 7 == 0:  # a deletion is as new as its event
            entry = {"request": {"method": "DELETE", "url": f"Patient/p{number}"}}
            arrivals += [{"resourceType": "Bundle", "type": "transaction", "entry": [entry]}] * 3
    random.Random(6).shuffle(arrivals)
    function = Function(settings)
    hand_over(function, records_of(arrivals))
    left = current(function)
    assert len(left) == IDS - len(range(0, IDS, 7))
    assert set(left.values()) == {f"v-{VERSIONS - 1}"}
    assert not list(function.dead_letters.list())


def test_one_resource_is_made_of_what_many_instances_ask_for_at_once(
    settings: Settings, aws: AwsServer
) -> None:
    answers: list[list[tuple[int, str]]] = [[] for _ in range(ROUNDS)]
    together = threading.Barrier(THREADS)

    def instance() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        function = Function(settings)
        door, token = gateway(function), bearer(function, "gateway", TENANT, "system/*.cruds")
        for round_ in range(ROUNDS):
            resource = patient(identifier=[{"system": "urn:mrn", "value": f"m{round_}"}])
            headers = {"authorization": f"Bearer {token}", "content-type": "application/fhir+json"}
            headers["if-none-exist"] = f"{BY_MANY}m{round_}"
            event = http("POST", "/fhir/Patient", body=json.dumps(resource), **headers)
            together.wait(PATIENCE_S)
            answer = door(event, None)
            while answer["statusCode"] == 503:
                answer = door(event, None)
            answers[round_].append((answer["statusCode"], answer["headers"].get("location", "")))
        loop.close()

    ask(aws.port, "POST", {"match": "^dynamodb:", "status": 429, "rate": 0.05, "seed": 9})
    threads = [threading.Thread(target=instance) for _ in range(THREADS)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    finally:
        ask(aws.port, "DELETE")
    for round_ in answers:
        assert len(round_) == THREADS
        assert {status for status, _ in round_} <= {200, 201}
        assert len({location.partition("/_history")[0] for _, location in round_}) == 1
    assert len(current(Function(settings))) == ROUNDS
