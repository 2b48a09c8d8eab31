"""A process dies before or after any one of its calls that write to DynamoDB: what the next one finds is all or nothing."""

from __future__ import annotations

import os
import uuid
from typing import Any

from shared.adapters.aws.records import DynamoRecords
from shared.adapters.aws.table import table_request
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.search_request import parse
from shared.domain.records import Kind
from shared.ports.lake import Lake
from shared.ports.records import Query
from shared.services.fhir.search_query import compile_query
from shared.services.sweep import INTENT_AGE
from tests.delivery.world import TENANT, Killed, Stores, World, anyone, caller, entry, patient, transaction

WRITES = ("put_item", "delete_item", "batch_write_item", "transact_write_items")
MOST_WRITES = 60
EVERY = 1 if os.environ.get("GALEN_TEST_EVERYTHING") else 4
"""Of the writes of one transaction every so manieth is tried, before and after it was applied in turn."""


class Dying:
    """A client of a process that dies at its N-th write: no call of it does anything any more."""

    def __init__(self, client: Any, number: int, *, applied: bool) -> None:
        self._client = client
        self._left = number
        self._applied = applied

    @property
    def lives(self) -> bool:
        """Whether it had fewer writes than that."""
        return self._left > 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return self._counted(call) if name in WRITES else self._alive(call)

    def _alive(self, call: Any) -> Any:
        def asked(**request: Any) -> Any:
            if not self.lives:
                raise Killed
            return call(**request)

        return asked

    def _counted(self, call: Any) -> Any:
        def asked(**request: Any) -> Any:
            if not self.lives:
                raise Killed
            self._left -= 1
            if self.lives or self._applied:
                answer = call(**request)
            if not self.lives:
                raise Killed
            return answer

        return asked


def changes() -> dict[str, Any]:
    """A transaction over three homes that makes, changes and deletes: too much for one batch."""
    return transaction(
        entry("POST", "Patient", patient(language="new"), full_url="urn:uuid:1"),
        entry("PUT", "Patient/old", patient("old", language="new")),
        entry("DELETE", "Patient/gone"),
    )


def world(records: DynamoRecords, seed: int) -> World:
    stores = Stores()
    stores.records = records  # type: ignore[assignment]
    return World(stores, seed=seed)


def languages(records: DynamoRecords) -> tuple[list[str], int]:
    """Languages of the patients that a search finds, and how many patients the table has that are not deleted."""
    request = parse("Patient", [], strict=True, now=Stores().clock.now())
    found = world(records, 0).search.run(caller(), "Patient", [], base_url="")
    assert found.total == records.count(compile_query(TENANT, request))
    there = [each for each in records.query(Query(Kind.CURRENT, TENANT)) if not each["deleted"]]
    return sorted(match.resource["language"] for match in found.matches), len(there)


def test_a_transaction_that_dies_at_any_write_to_dynamodb_is_all_or_nothing(
    dynamodb: Any, aws_lake: Lake
) -> None:
    before, after = ["old", "old"], ["new", "new"]
    outcomes = []
    for number in range(1, MOST_WRITES, EVERY):
        table = f"records-{uuid.uuid4().hex}"
        dynamodb.create_table(**table_request(table))
        whole = DynamoRecords(dynamodb, table, aws_lake)
        for id_ in ("old", "gone"):
            world(whole, 1).interactions.update(
                caller(), ResourceKey("Patient", id_), patient(id_, language="old")
            )
        dying = Dying(dynamodb, number, applied=number % (2 * EVERY) == 1)
        try:
            world(DynamoRecords(dying, table, aws_lake), 2).bundles.bundle(caller(), changes(), anyone)
        except Killed:
            pass
        later = world(whole, 3)
        later.moving.advance(INTENT_AGE.total_seconds() + 1)
        later.sweep.run()
        found, there = languages(whole)
        assert found in (before, after), f"after dying at write {number}"
        assert there == len(found)
        outcomes.append(found == after)
        dynamodb.delete_table(TableName=table)
        if dying.lives:
            break
    assert dying.lives, "the transaction has more writes than were tried"
    assert outcomes == sorted(outcomes)
    assert not outcomes[0]
    assert outcomes.count(True) > 1
