"""What is left of a transaction whose worker or store is killed: all of it or nothing, and repeated it is not doubled."""

from __future__ import annotations

import os
import random
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from azure.cosmos import CosmosClient

from tests.e2e.doors import Api, found_so_far
from tests.e2e.patients import tagged_patient
from tests.e2e.platform import Platform, eventually

ENTRIES = 300
CONDITIONAL_ENTRIES = 60
CONDITIONAL_POSTS = 2
KILLED_POSTS = int(os.environ.get("GALEN_KILLED_POSTS", "8"))
UNFINISHED = "SELECT VALUE c.id FROM c WHERE c.kind = 'intent' AND c.status = 'stored'"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    # A connection that a kill broke is left to the collector by the SDK.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_a_transaction_whose_worker_or_store_is_killed_is_all_or_nothing(torn: Platform) -> None:
    chance = random.Random(11)
    answered: dict[str, tuple[str, int]] = {}
    with Api(torn.url, torn.token()) as api:
        for number in range(KILLED_POSTS):
            tag, victim = uuid.uuid4().hex, ("http", "cosmos")[number % 2]
            with _killed_meanwhile(torn, api, victim, chance.uniform(0.02, 1.2)):
                answered[tag] = victim, _post(api, _transaction(tag))
        _await_sweep(torn, api)
        outcomes = [(victim, status, found_so_far(api, tag)) for tag, (victim, status) in answered.items()]
    print(outcomes)
    assert all(count in (0, ENTRIES) for _, _, count in outcomes), outcomes
    assert all(count == ENTRIES for _, status, count in outcomes if status == 200), outcomes


def test_a_conditional_transaction_sent_again_after_a_kill_is_not_doubled(torn: Platform) -> None:
    chance = random.Random(5)
    tags = [uuid.uuid4().hex for _ in range(CONDITIONAL_POSTS)]
    with Api(torn.url, torn.token()) as api:
        for number, tag in enumerate(tags):
            with _killed_meanwhile(torn, api, ("cosmos", "http")[number % 2], chance.uniform(0.1, 1.0)):
                bundle = _conditional_transaction(tag)
                eventually(lambda bundle=bundle: _post(api, bundle) == 200, "an answer")  # type: ignore[misc]
        _await_sweep(torn, api)
        assert [found_so_far(api, tag) for tag in tags] == [CONDITIONAL_ENTRIES] * len(tags)


def test_everything_is_as_raw_says_after_all_that(torn: Platform) -> None:
    def is_identical() -> bool:
        done = torn.command("rebuild", "--check")
        print(done.stdout[-1500:], done.stderr[-300:])
        return done.returncode == 0

    eventually(is_identical, "a rebuild finds no difference", every_s=5)


@contextmanager
def _killed_meanwhile(torn: Platform, api: Api, victim: str, after_s: float) -> Iterator[None]:
    """A part of a healthy platform is killed so long after the start of what is done here."""
    eventually(lambda: _is_healthy(api), "the platform is healthy")
    killer = threading.Timer(after_s, torn.kill, (victim,))
    killer.start()
    yield
    killer.join()


def _await_sweep(torn: Platform, api: Api) -> None:
    """Until the sweeper has finished every transaction that was stored and not answered: within one sweep."""
    eventually(lambda: _is_healthy(api), "the platform is healthy")
    with CosmosClient.from_connection_string(torn.settings["GALEN_RECORDS"]) as client:
        records = client.get_database_client("galen").get_container_client("records")

        def is_finished() -> bool:
            return not list(records.query_items(UNFINISHED, enable_cross_partition_query=True))

        eventually(is_finished, "no transaction is left unfinished", every_s=0.5)


def _transaction(tag: str) -> dict[str, Any]:
    """Half creates, half updates under the client's ids, each of a home of its own."""
    entries = []
    for number in range(ENTRIES):
        whole = tagged_patient(tag, number)
        resource = {name: value for name, value in whole.items() if name != "id" or number % 2}
        url = f"Patient/{resource['id']}" if number % 2 else "Patient"
        request = {"method": "PUT" if number % 2 else "POST", "url": url}
        entries.append({"resource": resource, "request": request})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _conditional_transaction(tag: str) -> dict[str, Any]:
    entries = []
    for number in range(CONDITIONAL_ENTRIES):
        resource = {name: value for name, value in tagged_patient(tag, number).items() if name != "id"}
        condition = f"identifier=urn:e2e:{tag}|{number}"
        request = {"method": "POST", "url": "Patient", "ifNoneExist": condition}
        entries.append({"resource": resource, "request": request})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _post(api: Api, bundle: dict[str, Any]) -> int:
    try:
        return api.post_fhir("/fhir", bundle).status_code
    except httpx.TransportError:
        return 0


def _is_healthy(api: Api) -> bool:
    try:
        return api.get("/health").status_code == 200
    except httpx.TransportError:
        return False
