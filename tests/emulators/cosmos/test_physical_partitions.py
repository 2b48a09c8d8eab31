"""A container of several physical partitions: the SDK merges their answers to what one partition would answer."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, DatabaseProxy, PartitionKey
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.emulators.cosmos.ranges import partitions_for, ranges_of
from local.emulators.cosmos.sql.merging import plan_of

from .conftest import Emulator, select
from .raw import send

_FIVE_PARTITIONS = 30_000
_ITEMS = 60


def _filled(database: DatabaseProxy, units: int, key: Any = None) -> ContainerProxy:
    container = database.create_container(
        uuid.uuid4().hex,
        key or PartitionKey("/pk"),
        offer_throughput=units,
        indexing_policy={"compositeIndexes": [[
            {"path": "/kind", "order": "ascending"}, {"path": "/n", "order": "descending"},
        ]]},
    )  # fmt: skip
    for at in range(_ITEMS):
        container.create_item(
            {"id": f"{at:02}", "pk": f"p{at % 23}", "n": (at * 37) % 50, "kind": f"k{at % 4}"}
        )
    return container


@pytest.fixture(scope="module")
def divided(database: DatabaseProxy) -> ContainerProxy:
    """A container of five partitions."""
    return _filled(database, _FIVE_PARTITIONS)


@pytest.fixture(scope="module")
def whole(database: DatabaseProxy) -> ContainerProxy:
    """The same items in one partition."""
    return _filled(database, 400)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT VALUE c.n FROM c ORDER BY c.n",
        "SELECT c.kind, c.n AS number FROM c WHERE c.n > 10 ORDER BY c.kind, c.n DESC OFFSET 3 LIMIT 9",
        "SELECT VALUE c.kind FROM c ORDER BY c.kind, c.n DESC",
        "SELECT TOP 7 VALUE c.n FROM c ORDER BY c.n",
        "SELECT DISTINCT VALUE c.n FROM c ORDER BY c.n",
        "SELECT VALUE COUNT(1) FROM c WHERE c.kind = 'k1'",
        "SELECT VALUE SUM(c.n) FROM c",
        "SELECT VALUE AVG(c.n) FROM c",
        "SELECT VALUE MIN(c.n) FROM c WHERE c.kind != 'k0'",
        "SELECT VALUE MAX(c.id) FROM c",
        "SELECT VALUE COUNTIF(c.n > 20) FROM c",
        "SELECT VALUE SUM(c.absent) FROM c WHERE c.n < 0",
    ],
)
def test_the_client_merges_to_the_answer_of_one_partition(
    divided: ContainerProxy, whole: ContainerProxy, query: str
) -> None:
    merged = select(divided, query, enable_cross_partition_query=True)
    assert merged == select(whole, query, enable_cross_partition_query=True)
    assert merged


@pytest.mark.parametrize(
    "query", ["SELECT * FROM c WHERE c.n > 5", "SELECT DISTINCT c.kind FROM c", "SELECT VALUE c.id FROM c"]
)
def test_what_has_no_order_comes_from_all_partitions(
    divided: ContainerProxy, whole: ContainerProxy, query: str
) -> None:
    def found(container: ContainerProxy) -> list[str]:
        rows = select(container, query, enable_cross_partition_query=True, max_item_count=4)
        return sorted(
            str([row[name] for name in sorted(row) if name[0] != "_"] if isinstance(row, dict) else row)
            for row in rows
        )

    assert found(divided) == found(whole)


def test_every_item_is_in_one_range_and_in_the_feed_of_it(divided: ContainerProxy) -> None:
    ranges = list(divided.read_feed_ranges())
    assert len(ranges) == 5
    by_range = [
        [item["id"] for item in divided.query_items("SELECT * FROM c", feed_range=each)] for each in ranges
    ]
    assert all(by_range)
    assert sorted(item for each in by_range for item in each) == [f"{at:02}" for at in range(_ITEMS)]
    for each, items in zip(ranges, by_range, strict=True):
        changed = divided.query_items_change_feed(feed_range=each, start_time="Beginning")
        assert sorted(item["id"] for item in changed) == sorted(items)


def test_a_query_by_key_needs_no_merging(divided: ContainerProxy) -> None:
    assert select(divided, "SELECT VALUE COUNT(1) FROM c", partition_key="p1") == [3]


def test_a_session_follows_the_partition_of_the_item(divided: ContainerProxy) -> None:
    for key in ("p1", "p2", "p3", "p4"):
        divided.upsert_item({"id": "followed", "pk": key})
        headers = divided.client_connection.last_response_headers
        number = headers["x-ms-documentdb-partitionkeyrangeid"]
        assert headers["x-ms-session-token"].startswith(f"{number}:-1#")
        divided.delete_item("followed", key)


def test_what_the_client_cannot_merge_is_refused_as_the_service_does(divided: ContainerProxy) -> None:
    query = "SELECT c.kind, COUNT(1) AS n FROM c GROUP BY c.kind"
    with pytest.raises(CosmosHttpResponseError, match="Query contained GroupBy") as refused:
        select(divided, query, enable_cross_partition_query=True)
    assert refused.value.status_code == 400


def test_groups_are_planned_for_clients_that_merge_them() -> None:
    plan = plan_of("SELECT c.kind AS k, AVG(c.n) AS mean FROM c WHERE c.n > 1 GROUP BY c.kind", {}, None)
    info = plan["queryInfo"]
    assert info["groupByExpressions"] == ["c.kind"]
    assert info["groupByAliasToAggregateType"] == {"k": None, "mean": "Average"}
    assert info["rewrittenQuery"] == (
        'SELECT [{"item": c.kind}] AS groupByItems, {"k": c.kind, "mean": {"item": {"sum": SUM(c.n), '
        '"count": COUNT(c.n)}}} AS payload FROM c WHERE (c.n > 1) GROUP BY c.kind'
    )


def test_partitions_stay_over_a_restart(own_emulator: Emulator) -> None:
    _filled(own_emulator.client().create_database("d"), _FIVE_PARTITIONS)
    own_emulator.kill()
    own_emulator.start()
    database = own_emulator.client().get_database_client("d")
    (properties,) = database.list_containers()
    container = database.get_container_client(properties["id"])
    assert len(list(container.read_feed_ranges())) == 5
    query = "SELECT VALUE COUNT(1) FROM c"
    assert select(container, query, enable_cross_partition_query=True) == [_ITEMS]


def test_more_throughput_splits_partitions_under_a_query_that_goes_on(database: DatabaseProxy) -> None:
    container = _filled(database, 12_000)
    before = list(container.read_feed_ranges())
    pages = container.query_items(
        "SELECT VALUE c.id FROM c", enable_cross_partition_query=True, max_item_count=7
    ).by_page()
    found = list(next(pages))
    container.replace_throughput(40_000)
    for page in pages:
        found += page
    assert sorted(found) == [f"{at:02}" for at in range(_ITEMS)]
    query = "SELECT VALUE c.n FROM c ORDER BY c.n"
    assert len(select(container, query, enable_cross_partition_query=True)) == _ITEMS
    after = list(container.read_feed_ranges(force_refresh=True))
    assert (len(before), len(after)) == (2, 4)


def test_a_split_partition_is_gone_and_its_children_name_it(
    emulator: Emulator, database: DatabaseProxy
) -> None:
    container = _filled(database, 400)
    container.replace_throughput(11_000)
    headers = {"x-ms-documentdb-partitionkeyrangeid": "0", "content-type": "application/query+json"}
    link = f"dbs/tests/colls/{container.id}"
    gone = send(emulator, "POST", f"{link}/docs", link, {"query": "SELECT * FROM c"}, headers)
    assert (gone.status_code, gone.headers["x-ms-substatus"]) == (410, "1002")
    first, second = container.client_connection._ReadPartitionKeyRanges(container.container_link)
    assert (first["id"], second["id"], first["parents"], second["parents"]) == ("1", "2", ["0"], ["0"])
    assert select(container, "SELECT VALUE COUNT(1) FROM c", enable_cross_partition_query=True) == [_ITEMS]


@pytest.mark.parametrize(
    "key", [PartitionKey("/pk", version=1), PartitionKey(["/pk", "/n"], kind="MultiHash")]
)
def test_other_kinds_of_keys_are_divided_too(database: DatabaseProxy, key: PartitionKey) -> None:
    container = _filled(database, 12_000, key)
    ranges = list(container.read_feed_ranges())
    counts = [len(list(container.query_items("SELECT * FROM c", feed_range=each))) for each in ranges]
    assert len(counts) == 2
    assert min(counts) > 0
    assert sum(counts) == _ITEMS


def test_ranges_follow_the_throughput_and_cover_all_keys() -> None:
    assert partitions_for(None) == 1
    assert [partitions_for({"offerThroughput": units}) for units in (400, 10_000, 11_000, 12_000, 30_000)] == [
        1, 1, 2, 2, 5,
    ]  # fmt: skip
    ranges = ranges_of(5, 2)
    assert (ranges[0].low, ranges[-1].high) == ("", "FF")
    assert [each.high for each in ranges[:-1]] == [each.low for each in ranges[1:]]
