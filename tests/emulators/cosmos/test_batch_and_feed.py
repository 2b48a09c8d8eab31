"""Transactional batches and the change feed over the wire."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, DatabaseProxy, PartitionKey
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from .conftest import Emulator, select
from .raw import get, post

BATCH = {"x-ms-cosmos-is-batch-request": "True", "x-ms-cosmos-batch-atomic": "True"}


def document(item_id: str, home: str = "h", **more: Any) -> dict[str, Any]:
    return {"id": item_id, "tenant": "t", "home": home, **more}


def failed_batch(records: ContainerProxy, operations: list[Any]) -> list[int]:
    with pytest.raises(CosmosBatchOperationError) as raised:
        records.execute_item_batch(operations, ["t", "h"])
    return [result["statusCode"] for result in raised.value.operation_responses]


def changed(container: ContainerProxy, **options: Any) -> tuple[list[str], str]:
    ids = [item["id"] for item in container.query_items_change_feed(**options)]
    return ids, container.client_connection.last_response_headers["etag"]


def test_batch_answers_each_operation(records: ContainerProxy) -> None:
    tag = records.create_item(document("old"))["_etag"]
    results = records.execute_item_batch(
        [
            ("create", (document("new"),)),
            ("upsert", (document("new", n=1),)),
            ("read", ("new",)),
            ("replace", ("old", document("old", n=2)), {"if_match_etag": tag}),
            ("patch", ("old", [{"op": "incr", "path": "/n", "value": 1}])),
            ("delete", ("new",)),
        ],
        ["t", "h"],
    )
    assert [result["statusCode"] for result in results] == [201, 200, 200, 200, 200, 204]
    assert results[2]["resourceBody"]["n"] == 1
    assert results[4]["eTag"] == records.read_item("old", ["t", "h"])["_etag"]
    assert select(records, "SELECT VALUE c.n FROM c", partition_key=["t", "h"]) == [3]


@pytest.mark.parametrize(
    ("culprit", "status"),
    [
        (("create", (document("old"),)), 409),
        (("replace", ("old", document("old")), {"if_match_etag": '"stale"'}), 412),
        (("delete", ("missing",)), 404),
        (("patch", ("old", [{"op": "remove", "path": "/missing"}])), 400),
        (("create", (document("x", home="elsewhere"),)), 400),
        (
            (
                "patch",
                ("old", [{"op": "set", "path": "/n", "value": 1}]),
                {"filter_predicate": "FROM c WHERE c.n = 5"},
            ),
            412,
        ),
    ],
)
def test_batch_with_one_failure_does_nothing(records: ContainerProxy, culprit: Any, status: int) -> None:
    before = records.create_item(document("old"))
    first = ("create", (document("first"),))
    last = ("upsert", (document("old", n=9),))
    assert failed_batch(records, [first, culprit, last]) == [424, status, 424]
    assert list(records.read_all_items()) == [before]
    assert changed(records, start_time="Beginning")[0] == ["old"]


def test_batch_bounds_are_a_hundred_operations_and_two_megabytes(records: ContainerProxy) -> None:
    hundred = [("create", (document(str(at)),)) for at in range(100)]
    assert len(records.execute_item_batch(hundred, ["t", "h"])) == 100
    with pytest.raises(CosmosHttpResponseError) as raised:
        records.execute_item_batch([("upsert", (document(str(at)),)) for at in range(101)], ["t", "h"])
    assert raised.value.status_code == 400
    heavy = [("upsert", (document(str(at), x="x" * 700_000),)) for at in range(3)]
    with pytest.raises(CosmosHttpResponseError) as raised:
        records.execute_item_batch(heavy, ["t", "h"])
    assert raised.value.status_code == 413


def test_batch_keeps_digits(emulator: Emulator, records: ContainerProxy) -> None:
    body = b'[ {"operationType": "Create", "resourceBody": {"id":"1","tenant":"t","home":"h", "x":[1.50, "a,]}"]} } ]'
    answer = post(emulator, records, body, ["t", "h"], BATCH)
    assert (answer.status_code, answer.json()[0]["statusCode"]) == (200, 201)
    assert '"x":[1.50, "a,]}"]' in get(emulator, records, "1", ["t", "h"]).text


@pytest.mark.parametrize(
    "body", [b"[", b"{}", b"[{}]", b'[{"operationType":"Read"}]', b"[1]", b"[] x", b"[]"]
)
def test_malformed_batch_is_refused(emulator: Emulator, records: ContainerProxy, body: bytes) -> None:
    answer = post(emulator, records, body, ["t", "h"], BATCH)
    assert answer.status_code in (207, 400)
    assert answer.status_code == 400 or answer.json()[0]["statusCode"] == 400


def test_feed_gives_the_latest_version_in_order_of_writing(items: ContainerProxy) -> None:
    for item_id in "abc":
        items.create_item({"id": item_id, "pid": "p"})
    items.upsert_item({"id": "a", "pid": "p", "n": 2})
    items.delete_item("b", "p")
    assert changed(items, start_time="Beginning")[0] == ["c", "a"]


def test_feed_goes_on_where_it_ended(items: ContainerProxy) -> None:
    items.create_item({"id": "1", "pid": "p"})
    _, token = changed(items, start_time="Beginning")
    assert changed(items, continuation=token)[0] == []
    items.create_item({"id": "2", "pid": "q"})
    seen, token = changed(items, continuation=token)
    assert seen == ["2"]
    items.delete_item("2", "q")
    assert changed(items, continuation=token)[0] == []


def test_feed_from_now_gives_what_comes_after(items: ContainerProxy) -> None:
    items.create_item({"id": "1", "pid": "p"})
    seen, token = changed(items, start_time="Now")
    items.create_item({"id": "2", "pid": "p"})
    assert (seen, changed(items, continuation=token)[0]) == ([], ["2"])


def test_feed_from_a_time_gives_what_was_written_since(items: ContainerProxy) -> None:
    items.create_item({"id": "1", "pid": "p"})
    now = datetime.now(UTC)
    assert changed(items, start_time=now - timedelta(minutes=1))[0] == ["1"]
    assert changed(items, start_time=now + timedelta(minutes=1))[0] == []


def test_feed_by_pages_by_key_and_by_range(items: ContainerProxy) -> None:
    for at in range(10):
        items.create_item({"id": str(at), "pid": f"p{at % 2}"})
    pages = items.query_items_change_feed(start_time="Beginning", max_item_count=4).by_page()
    assert [len(list(page)) for page in pages][:3] == [4, 4, 2]
    assert changed(items, start_time="Beginning", partition_key="p1")[0] == ["1", "3", "5", "7", "9"]
    (everything,) = items.read_feed_ranges()
    assert len(changed(items, start_time="Beginning", feed_range=everything)[0]) == 10
    one = items.feed_range_from_partition_key("p0")
    assert changed(items, start_time="Beginning", feed_range=one)[0] == ["0", "2", "4", "6", "8"]
    assert len(select(items, "SELECT * FROM c", feed_range=one)) == 5


def test_feed_items_carry_their_sequence_number(items: ContainerProxy) -> None:
    items.create_item({"id": "1", "pid": "p"})
    items.create_item({"id": "2", "pid": "p"})
    numbers = [item["_lsn"] for item in items.query_items_change_feed(start_time="Beginning")]
    assert numbers == sorted(set(numbers))
    headers = items.client_connection.last_response_headers
    assert headers["lsn"] == str(numbers[-1])
    assert headers["x-ms-session-token"].endswith(f"#{numbers[-1]}")
    assert float(headers["x-ms-request-charge"]) > 0


def test_items_expire_by_their_own_time_or_the_containers(database: DatabaseProxy) -> None:
    mortal = database.create_container(uuid.uuid4().hex, PartitionKey("/pid"), default_ttl=1)
    mortal.create_item({"id": "1", "pid": "p"})
    mortal.create_item({"id": "2", "pid": "p", "ttl": -1})
    mortal.create_item({"id": "3", "pid": "p", "ttl": 1000})
    deadline = datetime.now(UTC) + timedelta(seconds=5)
    query = "SELECT VALUE c.id FROM c"
    while datetime.now(UTC) < deadline and len(select(mortal, query, partition_key="p")) > 2:
        pass
    assert select(mortal, query, partition_key="p") == ["2", "3"]
    assert changed(mortal, start_time="Beginning")[0] == ["2", "3"]
    mortal.create_item({"id": "1", "pid": "p"})


def test_prefix_of_a_key_reaches_its_homes_and_no_others(records: ContainerProxy) -> None:
    for tenant in ("t", "u"):
        for home in ("a", "b"):
            records.create_item({"id": "1", "tenant": tenant, "home": home, "place": tenant + home})
    query = "SELECT VALUE c.place FROM c"
    assert sorted(select(records, query, partition_key=["t"])) == ["ta", "tb"]
    assert select(records, query, partition_key=["t", "b"]) == ["tb"]
    assert select(records, query, partition_key=["v"]) == []
    everywhere = select(records, query, enable_cross_partition_query=True)
    assert sorted(everywhere) == ["ta", "tb", "ua", "ub"]
    assert json.dumps(select(records, "SELECT VALUE COUNT(1) FROM c", partition_key=["u"])) == "[2]"
