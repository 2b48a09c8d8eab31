"""Item operations over the wire."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey
from azure.cosmos.aio import CosmosClient as AsyncClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.emulators.cosmos.auth import WELL_KNOWN_KEY
from local.emulators.cosmos.partition_key import effective_key

from .conftest import Emulator, select
from .raw import get, post

UNCHANGED, CHANGED = MatchConditions.IfNotModified, MatchConditions.IfModified


def status_of(action: Callable[[], Any]) -> int:
    with pytest.raises(CosmosHttpResponseError) as raised:
        action()
    return int(raised.value.status_code or 0)


def test_refuses_another_key(emulator: Emulator) -> None:
    def connect() -> None:
        list(CosmosClient(emulator.url, "AAAA" + WELL_KNOWN_KEY[4:]).list_databases())

    assert status_of(connect) == 401


def test_reads_what_was_created_with_system_properties(items: ContainerProxy) -> None:
    created = items.create_item({"id": "1", "pid": "p", "n": 1})
    assert {"_rid", "_self", "_etag", "_attachments", "_ts"} <= created.keys()
    assert items.read_item("1", "p") == created


def test_same_id_in_two_partitions_are_two_items(items: ContainerProxy) -> None:
    items.create_item({"id": "1", "pid": "a", "n": 1})
    items.create_item({"id": "1", "pid": "b", "n": 2})
    assert [items.read_item("1", key)["n"] for key in "ab"] == [1, 2]
    assert select(items, "SELECT VALUE c.n FROM c", partition_key="b") == [2]
    items.delete_item("1", "a")
    assert items.read_item("1", "b")["n"] == 2


def test_second_create_conflicts(items: ContainerProxy) -> None:
    items.create_item({"id": "1", "pid": "p"})
    assert status_of(lambda: items.create_item({"id": "1", "pid": "p"})) == 409


def test_missing_item_is_not_found(items: ContainerProxy) -> None:
    assert status_of(lambda: items.read_item("1", "p")) == 404
    assert status_of(lambda: items.replace_item("1", {"id": "1", "pid": "p"})) == 404
    assert status_of(lambda: items.delete_item("1", "p")) == 404


def test_stale_tag_fails_and_fresh_tag_succeeds(items: ContainerProxy) -> None:
    stale = items.create_item({"id": "1", "pid": "p", "n": 1})["_etag"]
    fresh = items.upsert_item({"id": "1", "pid": "p", "n": 2})["_etag"]
    new = {"id": "1", "pid": "p", "n": 3}
    assert status_of(lambda: items.replace_item("1", new, etag=stale, match_condition=UNCHANGED)) == 412
    assert status_of(lambda: items.upsert_item(new, etag=stale, match_condition=UNCHANGED)) == 412
    assert status_of(lambda: items.delete_item("1", "p", etag=stale, match_condition=UNCHANGED)) == 412
    assert items.replace_item("1", new, etag=fresh, match_condition=UNCHANGED)["n"] == 3


def test_upsert_under_a_tag_creates_what_is_missing(items: ContainerProxy) -> None:
    created = items.upsert_item({"id": "1", "pid": "p"}, etag='"x"', match_condition=UNCHANGED)
    assert created["id"] == "1"


def test_unchanged_item_is_not_sent_again(items: ContainerProxy) -> None:
    tag = items.create_item({"id": "1", "pid": "p"})["_etag"]
    assert not items.read_item("1", "p", etag=tag, match_condition=CHANGED)


def test_replace_of_what_was_read_keeps_one_set_of_system_properties(items: ContainerProxy) -> None:
    first = items.create_item({"id": "1", "pid": "p", "o": {"_ts": 5}})
    second = items.replace_item("1", {**first, "n": 2})
    shuffled = items.replace_item("1", {"_etag": "x", **second, "n": 3})
    assert shuffled["n"] == 3
    assert shuffled["_rid"] == first["_rid"]
    assert shuffled["_etag"] != second["_etag"]
    assert shuffled["o"] == {"_ts": 5}


@pytest.mark.parametrize("item_id", ["a/b", "a\\b", "a?b", "a#b", "", "x" * 1024, 5, None])
def test_refuses_ids_the_service_refuses(emulator: Emulator, items: ContainerProxy, item_id: Any) -> None:
    answer = post(emulator, items, {"id": item_id, "pid": "p"}, ["p"])
    assert answer.status_code == 400


def test_refuses_a_header_that_disagrees_with_the_document(emulator: Emulator, items: ContainerProxy) -> None:
    answer = post(emulator, items, {"id": "1", "pid": "p"}, ["q"])
    assert (answer.status_code, answer.headers["x-ms-substatus"]) == (400, "1001")


@pytest.mark.parametrize(
    "body", [b"{", b'{"id":"1","pid":"p","n":NaN}', b"[1]", b'{"id":"1","pid":"p","x":"\xff"}']
)
def test_refuses_what_is_not_a_json_object(emulator: Emulator, items: ContainerProxy, body: bytes) -> None:
    assert post(emulator, items, body, ["p"]).status_code == 400


def test_digits_come_back_as_they_came(emulator: Emulator, items: ContainerProxy) -> None:
    body = b'{"id":"1","pid":"p","dose":1.50,"big":12345678901234567890,"e":1E2,"_ts":3,"n":{"x":0.10}}'
    assert post(emulator, items, body, ["p"]).status_code == 201
    items.patch_item("1", "p", [{"op": "add", "path": "/more", "value": 1}])
    text = get(emulator, items, "1", ["p"]).text
    assert text.startswith(
        '{"id":"1","pid":"p","dose":1.50,"big":12345678901234567890,"e":1E2,"n":{"x":0.10},"more":1,'
    )


def test_item_above_two_megabytes_is_too_large(items: ContainerProxy) -> None:
    assert items.upsert_item({"id": "1", "pid": "p", "x": "x" * 2_000_000})["id"] == "1"
    assert status_of(lambda: items.upsert_item({"id": "2", "pid": "p", "x": "x" * 2_200_000})) == 413


def test_patch_applies_each_operation(items: ContainerProxy) -> None:
    items.create_item({"id": "1", "pid": "p", "n": 4, "gone": 1, "o": {"x": 1}, "a": [1, 3], "from": "v"})
    patched = items.patch_item(
        "1",
        "p",
        [
            {"op": "incr", "path": "/n", "value": 5},
            {"op": "add", "path": "/a/1", "value": 2},
            {"op": "add", "path": "/a/-", "value": 4},
            {"op": "remove", "path": "/gone"},
            {"op": "set", "path": "/o/x", "value": 9},
            {"op": "replace", "path": "/a/0", "value": 0},
            {"op": "move", "from": "/from", "path": "/to"},
        ],
    )
    wanted = {"id": "1", "pid": "p", "n": 9, "o": {"x": 9}, "a": [0, 2, 3, 4], "to": "v"}
    assert {name: value for name, value in patched.items() if not name.startswith("_")} == wanted


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "remove", "path": "/missing"},
        {"op": "set", "path": "/missing/below", "value": 1},
        {"op": "incr", "path": "/text", "value": 1},
        {"op": "set", "path": "/pid", "value": "q"},
        {"op": "set", "path": "/id", "value": "q"},
        {"op": "set", "path": "/_ts", "value": 1},
        {"op": "add", "path": "/a/9", "value": 1},
    ],
)
def test_patch_that_does_not_fit_changes_nothing(items: ContainerProxy, operation: dict[str, Any]) -> None:
    before = items.create_item({"id": "1", "pid": "p", "text": "x", "a": []})
    assert status_of(lambda: items.patch_item("1", "p", [operation])) == 400
    assert items.read_item("1", "p") == before


def test_patch_condition_decides(items: ContainerProxy) -> None:
    items.create_item({"id": "1", "pid": "p", "claim": None})
    change = [{"op": "set", "path": "/claim", "value": "me"}]
    claimed = items.patch_item("1", "p", change, filter_predicate="FROM c WHERE IS_NULL(c.claim)")
    assert claimed["claim"] == "me"
    assert (
        status_of(
            lambda: items.patch_item("1", "p", change, filter_predicate="FROM c WHERE IS_NULL(c.claim)")
        )
        == 412
    )
    assert status_of(lambda: items.patch_item("1", "p", change, filter_predicate="FROM c WHERE WHERE")) == 400


def test_unique_key_holds_within_a_partition(database: DatabaseProxy) -> None:
    policy = {"uniqueKeys": [{"paths": ["/mrn"]}]}
    unique = database.create_container(uuid.uuid4().hex, PartitionKey("/pid"), unique_key_policy=policy)
    unique.create_item({"id": "1", "pid": "p", "mrn": "m"})
    assert status_of(lambda: unique.create_item({"id": "2", "pid": "p", "mrn": "m"})) == 409
    unique.create_item({"id": "2", "pid": "q", "mrn": "m"})
    unique.delete_item("1", "p")
    unique.create_item({"id": "2", "pid": "p", "mrn": "m"})


def test_container_keeps_its_key_and_takes_a_new_policy(database: DatabaseProxy) -> None:
    name = uuid.uuid4().hex
    made = database.create_container(name, PartitionKey("/pid"), default_ttl=5)
    assert made.read()["defaultTtl"] == 5
    again = database.create_container_if_not_exists(name, PartitionKey("/pid"))
    assert again.read()["_rid"] == made.read()["_rid"]
    assert database.replace_container(made, PartitionKey("/pid"), default_ttl=7).read()["defaultTtl"] == 7
    assert status_of(lambda: database.replace_container(made, PartitionKey("/other"))) == 400
    database.delete_container(name)
    assert status_of(made.read) == 404


def test_partition_is_deleted_as_a_whole(records: ContainerProxy) -> None:
    for home in "ab":
        for at in range(3):
            records.create_item({"id": str(at), "tenant": "t", "home": home})
    records.delete_all_items_by_partition_key(["t", "a"])
    assert select(records, "SELECT VALUE c.home FROM c", partition_key=["t"]) == ["b"] * 3


def test_read_items_finds_items_of_several_partitions(records: ContainerProxy) -> None:
    for at in range(80):
        records.create_item({"id": str(at), "tenant": "t", "home": f"h{at}", "n": at})
    found = records.read_items([(str(at), ["t", f"h{at}"]) for at in range(0, 80, 7)])
    assert [item["n"] for item in found] == list(range(0, 80, 7))


@pytest.mark.parametrize(
    "key", [["t"], ["t", "h"], ["", 5], [None, True], [1.5, "ü" * 40], ["x" * 15, "y" * 16]]
)
def test_effective_keys_are_those_of_the_client(key: list[Any]) -> None:
    definition = PartitionKey(["/tenant", "/home"], kind="MultiHash")
    assert effective_key(key, "MultiHash") == definition._get_effective_partition_key_string(key)
    assert effective_key(key[:1], "Hash") == PartitionKey("/a")._get_effective_partition_key_string(key[:1])


@pytest.mark.parametrize("key", ["t", "", "ü" * 80, "x" * 300, 0, 5, 1.5, -2.25, 1e300, True, None, {}])
def test_effective_keys_of_the_first_version_are_those_of_the_client(key: Any) -> None:
    definition = PartitionKey("/a", version=1)
    assert (
        effective_key([key], "Hash", 1) == str(definition._get_effective_partition_key_string([key])).upper()
    )


def test_effective_keys_of_missing_values_are_not_those_of_null() -> None:
    definition: Any = PartitionKey("/a")
    assert effective_key([{}], "Hash") == definition._get_effective_partition_key_string([{}])
    assert effective_key([{}], "Hash") != effective_key([None], "Hash")


def test_async_client_writes_and_reads(emulator: Emulator, items: ContainerProxy) -> None:
    async def run() -> int:
        async with AsyncClient(emulator.url, WELL_KNOWN_KEY) as client:
            container = client.get_database_client("tests").get_container_client(items.id)
            await asyncio.gather(*(container.upsert_item({"id": str(at), "pid": "p"}) for at in range(50)))
            found: Any = container.query_items("SELECT VALUE COUNT(1) FROM c", partition_key="p")
            return int([count async for count in found].pop())

    assert asyncio.run(run()) == 50
