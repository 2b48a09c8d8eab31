"""D6 and D7 on DynamoDB: versions shuffled and tripled, while a fifth of the writes are applied and their answers lost."""

from __future__ import annotations

import os

from shared.domain.records import Kind
from shared.errors import Busy, Unavailable
from shared.ports.records import Compare, Query, Records
from shared.services.replicate import Incoming, Replicate
from tests.contract.conftest import ask
from tests.delivery.test_order_of_arrival import require_newest, shuffled
from tests.delivery.world import Stores, World
from tests.emulators.aws_server import AwsServer

IDS, VERSIONS = (200, 20) if os.environ.get("GALEN_TEST_EVERYTHING") else (14, 4)
BATCH = 50
TRIES = 20


def test_the_newest_is_current_though_many_answers_are_lost(dynamo_records: Records, aws: AwsServer) -> None:
    stores = Stores()
    stores.records = dynamo_records  # type: ignore[assignment]
    world = World(stores)
    replicate = Replicate(world.records, world.intents.writer, world.bodies)
    arrivals, deleted = shuffled(IDS, VERSIONS)
    writes = "PutItem|TransactWriteItems|DeleteItem"
    ask(aws.port, "POST", {"match": writes, "status": 500, "applied": True, "rate": 0.2, "seed": 7})
    ask(aws.port, "POST", {"match": "^dynamodb:", "status": 429, "rate": 0.01, "seed": 8})
    try:
        for start in range(0, len(arrivals), BATCH):
            deliver(replicate, [Incoming(each, None) for each in arrivals[start : start + BATCH]])
    finally:
        ask(aws.port, "DELETE")
    current = list(dynamo_records.query(Query(Kind.CURRENT, "ward")))
    require_newest(current, IDS, VERSIONS, deleted)
    assert dynamo_records.count(Query(Kind.HISTORY, "ward")) == IDS * (VERSIONS - 1)
    alive = (Compare("type", "=", "Basic"), Compare("deleted", "=", False))
    assert dynamo_records.count(Query(Kind.CURRENT, "ward", None, alive)) == IDS - len(deleted)


def deliver(replicate: Replicate, incoming: list[Incoming]) -> None:
    """As a stream does: the same batch again as long as the store was busy or silent."""
    for _ in range(TRIES):
        try:
            replicate.apply(incoming)
        except (Busy, Unavailable):
            continue
        return
    raise AssertionError("the batch was never taken")
