"""What is acknowledged survives; failures on demand."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest
from azure.core.exceptions import AzureError
from azure.cosmos import ContainerProxy, PartitionKey
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.emulators.cosmos.application import Application
from local.emulators.cosmos.auth import WELL_KNOWN_KEY
from local.emulators.cosmos.store import Store
from tests.patience import PATIENCE_S

from .conftest import Emulator, create_records, select


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(own_emulator: Emulator) -> None:
    records = create_records(own_emulator.client().create_database("tests"))
    acknowledged: list[str] = []
    enough, stopped = threading.Event(), threading.Event()

    def write() -> None:
        batch = 0
        while not stopped.is_set():
            ids = [f"{batch}-{at}" for at in range(20)]
            operations = [("create", ({"id": item_id, "tenant": "t", "home": "h"},)) for item_id in ids]
            try:
                records.execute_item_batch(operations, ["t", "h"])
            except AzureError:
                # Not acknowledged; the client may also have sent it again after it was applied.
                continue
            acknowledged.extend(ids)
            batch += 1
            if batch == 30:
                enough.set()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert enough.wait(PATIENCE_S)
    own_emulator.kill()
    stopped.set()
    own_emulator.start()
    writer.join(60)
    assert not writer.is_alive()
    records = own_emulator.client().get_database_client("tests").get_container_client(records.id)
    kept = select(records, "SELECT VALUE c.id FROM c", partition_key=["t", "h"], max_item_count=1000)
    assert set(acknowledged) <= set(kept)
    # The batch that was under way is there as a whole or not at all.
    assert len(kept) % 20 == 0


def test_restart_keeps_versions_sequence_indexes_and_deletions(own_emulator: Emulator) -> None:
    records = create_records(own_emulator.client().create_database("tests"))
    for at in range(100):
        records.create_item({"id": f"{at:03}", "tenant": "t", "home": "h", "even": at % 2 == 0, "body": "x"})
    query = "SELECT VALUE COUNT(1) FROM c WHERE c.even = true"
    assert select(records, query, partition_key=["t"]) == [50]
    last = records.upsert_item({"id": "000", "tenant": "t", "home": "h", "even": False})
    records.delete_item("099", ["t", "h"])
    token = _token(records)
    assert own_emulator.stop() == 0
    own_emulator.start()
    records = own_emulator.client().get_database_client("tests").get_container_client(records.id)
    assert records.read_item("000", ["t", "h"]) == last
    assert select(records, query, partition_key=["t"]) == [49]
    assert [item["id"] for item in records.query_items_change_feed(continuation=token)] == []
    records.create_item({"id": "new", "tenant": "t", "home": "h", "even": True})
    assert [item["id"] for item in records.query_items_change_feed(continuation=token)] == ["new"]
    assert select(records, query, partition_key=["t"]) == [50]
    records.create_item({"id": "099", "tenant": "t", "home": "h"})


def test_restart_keeps_unique_keys(own_emulator: Emulator) -> None:
    database = own_emulator.client().create_database("tests")
    policy = {"uniqueKeys": [{"paths": ["/mrn"]}]}
    unique = database.create_container("unique", PartitionKey("/pid"), unique_key_policy=policy)
    unique.create_item({"id": "1", "pid": "p", "mrn": "m"})
    own_emulator.kill()
    own_emulator.start()
    unique = own_emulator.client().get_database_client("tests").get_container_client("unique")
    with pytest.raises(CosmosHttpResponseError) as raised:
        unique.create_item({"id": "2", "pid": "p", "mrn": "m"})
    assert raised.value.status_code == 409


def _token(records: ContainerProxy) -> str:
    list(records.query_items_change_feed(start_time="Beginning"))
    return str(records.client_connection.last_response_headers["etag"])


@pytest.fixture
def failing(emulator: Emulator) -> Any:
    """Returns how to make requests fail; clears it in the end."""

    def fail(**rule: Any) -> None:
        httpx.delete(emulator.url + "_faults")
        assert httpx.post(emulator.url + "_faults", json=rule).status_code == 200

    yield fail
    assert httpx.delete(emulator.url + "_faults").status_code == 200


def test_throttled_write_is_not_applied_and_says_when_to_come_back(
    records: ContainerProxy, failing: Any
) -> None:
    failing(status=429, match="POST", count=100, retryAfterMs=1)
    with pytest.raises(CosmosHttpResponseError) as raised:
        records.create_item({"id": "1", "tenant": "t", "home": "h"})
    assert raised.value.status_code == 429
    assert raised.value.headers["x-ms-retry-after-ms"] == "1"
    failing(status=429, match="POST", count=2)
    assert records.create_item({"id": "1", "tenant": "t", "home": "h"})["id"] == "1"


def test_reply_is_lost_after_the_write_was_applied(
    emulator: Emulator, records: ContainerProxy, failing: Any
) -> None:
    failing(status=503, applied=True, match="POST", count=1)
    with pytest.raises(Exception, match=r"(?i)connection|response|server disconnected"):
        emulator.client(retry_connect=0, retry_read=0).get_database_client("tests").get_container_client(
            records.id
        ).create_item({"id": "1", "tenant": "t", "home": "h"}, retry_write=0)
    assert records.read_item("1", ["t", "h"])["id"] == "1"


def test_seeded_faults_strike_the_same_requests(
    emulator: Emulator, records: ContainerProxy, failing: Any
) -> None:
    def strike() -> list[int]:
        failing(rate=0.5, status=449, match="/docs", seed=7)
        url = f"{emulator.url}dbs/tests/colls/{records.id}/docs"
        return [httpx.get(url).status_code for _ in range(12)]

    first = strike()
    assert first == strike()
    assert set(first) == {401, 449}


def test_faults_are_off_without_the_flag(tmp_path: Any) -> None:
    store = Store(tmp_path)
    answer = Application(store, WELL_KNOWN_KEY)._answer("POST", "/_faults", {}, b"{}")
    store.close()
    assert answer.status == 401
