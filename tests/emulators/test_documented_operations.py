"""Each row of the tables in `docs/emulators.md` is asked: what is full or partial answers, what is absent says so."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import EventHubError
from azure.storage.blob import (
    AccountSasPermissions,
    BlobBlock,
    BlobServiceClient,
    ContainerClient,
    ResourceTypes,
    generate_account_sas,
)
from azure.storage.filedatalake import DataLakeServiceClient, FileSystemClient

from local.emulators.cosmos.auth import WELL_KNOWN_KEY as COSMOS_KEY
from local.emulators.datalake.auth import WELL_KNOWN_ACCOUNT, WELL_KNOWN_KEY
from tests.emulators.documented import Documented, documented_operations
from tests.patience import PATIENCE_S

pytest_plugins = ["local.emulators.pytest_plugin"]

COSMOS, LAKE, HUBS = "Cosmos DB", "Data Lake and Blob", "Event Hubs"
_HUB = "vital-signs"
Probe = Callable[["Reach"], Any]
Refusal = tuple[int, str]


class Reach:
    """Clients of the three emulators, with something in each."""

    def __init__(self, connections: dict[str, str], stack: ExitStack) -> None:
        self.cosmos = stack.enter_context(
            CosmosClient.from_connection_string(connections["cosmos"], retry_total=0, retry_status=0)
        )
        self.cosmos_url = urlsplit(
            connections["cosmos"].partition("AccountEndpoint=")[2].partition(";")[0]
        ).geturl()
        self.database: DatabaseProxy = self.cosmos.create_database("documented")
        self.items: ContainerProxy = self.database.create_container("c", PartitionKey("/pk"))
        self.items.create_item({"id": "a", "pk": "p", "n": 1})
        lake = connections["datalake"]
        self.blobs = stack.enter_context(BlobServiceClient.from_connection_string(lake, retry_total=0))
        self.lake = stack.enter_context(DataLakeServiceClient.from_connection_string(lake, retry_total=0))
        self.container: ContainerClient = self.blobs.create_container("documented")
        self.container.upload_blob("a", b"content")
        self.files: FileSystemClient = self.lake.get_file_system_client("documented")
        self.hubs = connections["eventhubs"]

    def signed(self, kind: str, link: str) -> Refusal:
        """Asks Cosmos DB for a list of resources that its SDK does not know."""
        date = formatdate(usegmt=True)
        text = f"get\n{kind}\n{link}\n{date.lower()}\n\n"
        digest = hmac.digest(base64.b64decode(COSMOS_KEY), text.encode(), hashlib.sha256)
        token = quote(f"type=master&ver=1.0&sig={base64.b64encode(digest).decode()}")
        answer = httpx.get(
            f"{self.cosmos_url}{link}/{kind}", headers={"x-ms-date": date, "authorization": token}
        )
        return answer.status_code, answer.text

    def stored(
        self,
        query: str,
        method: str = "GET",
        path: str = "",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Refusal:
        """Asks the storage account, signed by a token, for what the SDK asks over HTTPS only or elsewhere."""
        token = generate_account_sas(
            WELL_KNOWN_ACCOUNT, WELL_KNOWN_KEY, ResourceTypes(service=True, container=True, object=True),
            AccountSasPermissions.from_string("rwdlacup"), datetime.now(UTC) + timedelta(minutes=5),
        )  # fmt: skip
        url = f"{self.blobs.url.rstrip('/')}{path}?{query}&{token}"
        answer = httpx.request(method, url, headers=headers, content=body)
        return answer.status_code, answer.text

    def producer(self) -> EventHubProducerClient:
        """Returns a producer that does not try again."""
        return EventHubProducerClient.from_connection_string(self.hubs, eventhub_name=_HUB, retry_total=0)

    def hub_address(self) -> tuple[str, int]:
        """Returns host and port of Event Hubs."""
        parts = urlsplit(self.hubs.partition("Endpoint=")[2].partition(";")[0])
        return str(parts.hostname), int(parts.port or 0)


@pytest.fixture(scope="module")
def reach(running_emulators: Any) -> Iterator[Reach]:
    """The clients, closed in the end."""
    with ExitStack() as stack:
        yield Reach(dict(running_emulators.connections), stack)


def _select(query: str) -> Probe:
    return lambda reach: list(reach.items.query_items(query, partition_key="p"))


def _patch(reach: Reach) -> None:
    reach.items.patch_item(
        "a", "p", [{"op": "incr", "path": "/n", "value": 1}], filter_predicate="from c where c.n > 0"
    )


def _query_plan(reach: Reach) -> None:
    plan = reach.cosmos.client_connection._GetQueryPlanThroughGateway(
        "SELECT * FROM c ORDER BY c.n", reach.items.container_link
    )
    assert plan["queryInfo"]["orderBy"] == ["Ascending"]


def _physical_partitions(reach: Reach) -> None:
    divided = reach.database.create_container("divided", PartitionKey("/pk"), offer_throughput=12_000)
    assert len(list(divided.read_feed_ranges())) == 2


def _computed(reach: Reach) -> None:
    made = reach.database.create_container(
        "computed",
        PartitionKey("/pk"),
        computed_properties=[{"name": "low", "query": "SELECT VALUE LOWER(c.t) FROM c"}],
    )
    made.create_item({"id": "a", "pk": "p", "t": "X"})
    assert list(made.query_items("SELECT VALUE c.low FROM c", partition_key="p")) == ["x"]


def _users(reach: Reach) -> None:
    user = reach.database.create_user({"id": "u"})
    user.create_permission({"id": "r", "permissionMode": "Read", "resource": reach.items.container_link})


def _query_metrics(reach: Reach) -> None:
    list(reach.items.query_items("SELECT * FROM c", partition_key="p", populate_query_metrics=True))
    assert "x-ms-documentdb-query-metrics" in reach.items.client_connection.last_response_headers


def _charge(reach: Reach) -> None:
    reach.items.read_item("a", "p")
    assert float(reach.items.client_connection.last_response_headers["x-ms-request-charge"]) >= 1


def _one_region(reach: Reach) -> None:
    account = reach.cosmos.get_database_account()
    assert len(account.WritableLocations) == len(account.ReadableLocations) == 1


def _entra_at_cosmos(reach: Reach) -> Refusal:
    answer = httpx.get(reach.cosmos_url, headers={"authorization": quote("type=aad&ver=1.0&sig=x")})
    return answer.status_code, answer.text


_COSMOS: dict[str, list[Probe]] = {
    "Databases": [lambda reach: list(reach.cosmos.query_databases("SELECT * FROM d"))],
    "Containers": [lambda reach: reach.database.replace_container(reach.items, PartitionKey("/pk"), default_ttl=-1)],
    "Items": [lambda reach: reach.items.upsert_item({"id": "b", "pk": "p"})],
    "Patch": [_patch],
    "Transactional batch": [lambda reach: reach.items.execute_item_batch([("upsert", ({"id": "b", "pk": "p"},))], "p")],
    "Delete by partition key": [lambda reach: reach.items.delete_all_items_by_partition_key("gone")],
    "Query language": [_select("SELECT c.n, COUNT(1) AS many FROM c WHERE EXISTS (SELECT VALUE 1) GROUP BY c.n")],
    "Query plan": [_query_plan],
    "Physical partitions": [_physical_partitions],
    "Computed properties": [_computed],
    "Users": [_users],
    "Change feed, latest versions": [lambda reach: list(reach.items.query_items_change_feed(start_time="Beginning"))],
    "Offers": [lambda reach: reach.items.replace_throughput(500)],
    "Query and index metrics": [_query_metrics],
    "Request charge": [_charge],
    "Conflicts": [lambda reach: list(reach.items.list_conflicts())],
    "Change feed, all versions and deletes": [
        lambda reach: list(reach.items.query_items_change_feed(mode="AllVersionsAndDeletes", start_time="Now"))
    ],
    "Stored procedures": [
        lambda reach: reach.items.scripts.create_stored_procedure({"id": "s", "body": ""}),
        lambda reach: reach.items.scripts.execute_stored_procedure("s", partition_key="p"),
    ],
    "Triggers": [
        lambda reach: list(reach.items.scripts.list_triggers()),
        lambda reach: reach.items.create_item({"id": "c", "pk": "p"}, pre_trigger_include="t"),
        lambda reach: reach.items.replace_item("a", {"id": "a", "pk": "p"}, post_trigger_include="t"),
    ],
    "User-defined functions": [
        lambda reach: list(reach.items.scripts.list_user_defined_functions()),
        _select("SELECT VALUE udf.f(c.n) FROM c"),
    ],
    "Attachments": [lambda reach: reach.signed("attachments", "dbs/documented/colls/c/docs/a")],
    "Client encryption keys": [lambda reach: reach.signed("clientencryptionkeys", "dbs/documented")],
    "Newer functions": [
        _select("SELECT VALUE LASTINDEXOF(c.t, 'x') FROM c"),
        _select("SELECT c.n, MAKELIST(c.t) AS texts FROM c GROUP BY c.n"),
    ],
    "Spatial functions": [_select("SELECT VALUE ST_DISTANCE(c.a, c.b) FROM c")],
    "Vector search": [_select("SELECT TOP 1 c.id FROM c ORDER BY VectorDistance(c.v, [1, 2])")],
    "Full-text search": [_select("SELECT * FROM c WHERE FullTextContains(c.t, 'x')")],
    "Hybrid search": [_select("SELECT TOP 1 * FROM c ORDER BY RANK RRF(FullTextScore(c.t, 'x'), c.n)")],
    "Entra tokens": [_entra_at_cosmos],
    "Several regions": [],
}  # fmt: skip


def _paths(reach: Reach) -> None:
    file = reach.files.create_file("d/file")
    file.append_data(b"xy", 0)
    file.flush_data(2)
    file.rename_file("documented/d/renamed").delete_file()
    reach.files.delete_directory("d")


def _block_blob(reach: Reach) -> None:
    blob = reach.container.get_blob_client("blocks")
    blob.stage_block("x", b"x")
    blob.commit_block_list([BlobBlock("x")])


def _append_blob(reach: Reach) -> None:
    blob = reach.container.get_blob_client("appended")
    blob.create_append_blob()
    blob.append_block(b"x")
    blob.seal_append_blob()


def _copy(reach: Reach) -> None:
    reach.container.get_blob_client("copied").start_copy_from_url(f"{reach.container.url}/a")


def _policy(reach: Reach) -> None:
    blob = reach.container.upload_blob("held", b"x", overwrite=True)
    blob.set_legal_hold(True)
    blob.set_legal_hold(False)


def _service_properties(reach: Reach) -> None:
    reach.blobs.set_service_properties(cors=[])
    reach.blobs.get_service_properties()


def _keyed(reach: Reach) -> Refusal:
    key = base64.b64encode(bytes(32)).decode()
    headers = {
        "x-ms-blob-type": "BlockBlob",
        "x-ms-encryption-key": key,
        "x-ms-encryption-algorithm": "AES256",
    }
    return reach.stored("timeout=9", "PUT", "/documented/keyed", headers, b"x")


def _bearer(reach: Reach) -> Refusal:
    answer = httpx.get(
        f"{reach.container.url}/a", headers={"authorization": "Bearer x", "x-ms-version": "2025-01-05"}
    )
    return answer.status_code, answer.text


def _turn_on_soft_delete(reach: Reach) -> Refusal:
    body = (
        b"<StorageServiceProperties><DeleteRetentionPolicy><Enabled>true</Enabled><Days>1</Days>"
        b"</DeleteRetentionPolicy></StorageServiceProperties>"
    )
    return reach.stored("restype=service&comp=properties", "PUT", "/", None, body)


def _blob(reach: Reach) -> Any:
    return reach.container.get_blob_client("a")


_LAKE: dict[str, list[Probe]] = {
    "Containers": [lambda reach: list(reach.blobs.list_containers())],
    "Paths": [_paths],
    "Block blobs": [_block_blob],
    "Append blobs": [_append_blob],
    "Metadata, properties": [lambda reach: _blob(reach).set_blob_metadata({"k": "v"})],
    "Leases": [lambda reach: _blob(reach).acquire_lease().release()],
    "Copy Blob": [_copy],
    "Access tiers": [lambda reach: _blob(reach).set_standard_blob_tier("Cool")],
    "Immutability policies": [_policy],
    "Blob batches": [lambda reach: reach.container.delete_blobs("copied")],
    "Shared key": [lambda reach: _blob(reach).download_blob().readall()],
    "Shared access signatures": [lambda reach: _is_read(reach.stored("comp=", path="/documented/a"))],
    "Service properties": [_service_properties],
    "Encryption scopes": [lambda reach: _blob(reach).get_blob_properties().encryption_scope],
    "Blob events": [],
    "Access control lists": [
        lambda reach: reach.files.get_file_client("a").get_access_control(),
        lambda reach: reach.files.get_file_client("a").set_access_control(acl="user::rwx"),
        lambda reach: reach.files.get_directory_client("x").set_access_control_recursive("user::rwx"),
        lambda reach: reach.files.create_file("new", acl="user::rwx"),
    ],
    "POSIX permissions": [lambda reach: reach.files.create_file("new", permissions="0777", umask="0000")],
    "Snapshots": [
        lambda reach: _blob(reach).create_snapshot(),
        lambda reach: reach.container.get_blob_client(
            "a", snapshot="2020-01-01T00:00:00.0000000Z"
        ).download_blob(),
    ],
    "Versions": [
        lambda reach: _blob(reach).download_blob(version_id="2020-01-01T00:00:00.0000000Z"),
    ],
    "Soft delete": [
        lambda reach: _blob(reach).undelete_blob(),
        _turn_on_soft_delete,
    ],
    "Page blobs": [lambda reach: reach.container.get_blob_client("page").create_page_blob(512)],
    "Blob tags": [
        lambda reach: _blob(reach).set_blob_tags({"a": "b"}),
        lambda reach: _blob(reach).get_blob_tags(),
        lambda reach: reach.container.upload_blob("tagged", b"x", tags={"a": "b"}),
        lambda reach: _blob(reach).get_blob_properties(if_tags_match_condition="a='b'"),
        lambda reach: list(reach.blobs.find_blobs_by_tags("a='b'")),
    ],
    "Blob queries": [lambda reach: _blob(reach).query_blob("SELECT * from BlobStorage")],
    "Service statistics": [lambda reach: reach.stored("restype=service&comp=stats", path="/")],
    "Customer-provided keys": [_keyed],
    "Entra tokens": [_bearer],
    "User delegation keys": [
        lambda reach: reach.stored("restype=service&comp=userdelegationkey", "POST", "/", None, b"<KeyInfo/>")
    ],
}


def _is_read(answer: Refusal) -> None:
    assert answer[0] == 200


def _send_batch(reach: Reach) -> None:
    with reach.producer() as producer:
        producer.send_batch([EventData("x")], partition_key="k")
        producer.send_event(EventData("y"), partition_id="0")


def _properties(reach: Reach) -> None:
    with reach.producer() as producer:
        assert producer.get_eventhub_properties()["partition_ids"]


def _receive(reach: Reach) -> None:
    consumer = EventHubConsumerClient.from_connection_string(reach.hubs, "$default", eventhub_name=_HUB)
    told: list[Any] = []

    def take(context: Any, event: Any) -> None:
        told.append(context.last_enqueued_event_properties)
        consumer.close()

    with consumer:
        consumer.receive(
            take,
            partition_id="0",
            starting_position="-1",
            owner_level=1,
            track_last_enqueued_event_properties=True,
        )
    assert told[0]["sequence_number"] >= 0


def _websocket(reach: Reach) -> None:
    host, port = reach.hub_address()
    fields = {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with httpx.stream("GET", f"http://{host}:{port}/$servicebus/websocket", headers=fields) as answer:
        assert answer.status_code == 101


class _Entra:
    """A credential of Entra, as the SDKs take it."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        """Returns a token that no emulator reads."""
        return AccessToken("token", 2**31)


def _entra_at_hubs(reach: Reach) -> Refusal:
    producer = reach.producer()
    producer._credential = _Entra()
    with producer, pytest.raises(EventHubError) as refused:
        producer.get_eventhub_properties()
    return 401, str(refused.value)


def _answer_to(first: bytes) -> Probe:
    """What comes back to a client of another protocol: at most AMQP's header, then the end."""

    def ask(reach: Reach) -> Refusal:
        with socket.create_connection(reach.hub_address(), timeout=PATIENCE_S) as connection:
            connection.sendall(first)
            connection.shutdown(socket.SHUT_WR)
            told = b"".join(iter(lambda: connection.recv(100), b""))
        assert not told.removeprefix(b"AMQP\x03\x01\x00\x00")
        return 0, ""

    return ask


_HUBS: dict[str, list[Probe]] = {
    "SASL and claims": [_properties],
    "Management": [_properties],
    "Send": [_send_batch],
    "Receive": [_receive],
    "Consumer groups": [_receive],
    "Last enqueued properties": [_receive],
    "Retention": [],
    "Server busy": [],
    "AMQP over WebSockets": [_websocket],
    "Entra tokens": [_entra_at_hubs],
    "TLS": [_answer_to(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03")],
    "Kafka": [_answer_to(b"\x00\x00\x00\x14\x00\x12\x00\x03\x00\x00\x00\x01\x00\x04test")],
}

PROBES = {COSMOS: _COSMOS, LAKE: _LAKE, HUBS: _HUBS}
# What needs a request of its own kind, or an option at the start, has tests of its own.
ELSEWHERE = {
    (LAKE, "Blob events"): "tests/emulators/datalake/test_events.py",
    (HUBS, "Retention"): "tests/emulators/eventhubs/test_log.py",
    (HUBS, "Server busy"): "tests/emulators/eventhubs/test_refusals.py",
}
# How a row is refused that says so; 0 is a connection that ends.
OTHERWISE = {(HUBS, "Entra tokens"): 401, (HUBS, "TLS"): 0, (HUBS, "Kafka"): 0}
ROWS = documented_operations()


def test_every_row_is_asked_and_nothing_is_asked_that_has_no_row() -> None:
    assert {row.state for row in ROWS} == {"full", "partial", "absent"}
    assert [(row.emulator, row.operation) for row in ROWS] == [
        (emulator, operation) for emulator, probes in PROBES.items() for operation in probes
    ]


@pytest.mark.parametrize("row", [row for row in ROWS if row.state != "absent"], ids=lambda row: row.operation)
def test_what_is_there_answers(reach: Reach, row: Documented) -> None:
    probes = PROBES[row.emulator][row.operation]
    assert probes or (row.emulator, row.operation) in ELSEWHERE
    for probe in probes:
        probe(reach)


def test_an_account_has_one_region(reach: Reach) -> None:
    _one_region(reach)


@pytest.mark.parametrize("row", [row for row in ROWS if row.state == "absent"], ids=lambda row: row.operation)
def test_what_is_absent_says_so_by_name(reach: Reach, row: Documented) -> None:
    status = OTHERWISE.get((row.emulator, row.operation), 501)
    for probe in PROBES[row.emulator][row.operation]:
        given, said = _refused(probe, reach)
        assert given == status, said
        # The answer to a HEAD has no room for a name.
        assert not said or _names(said, row.operation), said


def _refused(probe: Probe, reach: Reach) -> Refusal:
    try:
        answer = probe(reach)
    except HttpResponseError as refused:
        is_head = refused.response is not None and refused.response.request.method == "HEAD"
        return int(refused.status_code or 0), "" if is_head else str(refused)
    assert isinstance(answer, tuple), "it was not refused"
    return answer


def _names(said: str, operation: str) -> bool:
    """Whether a refusal names an operation: by its last word at least, as in `snapshots and versions`."""
    last = operation.rsplit(maxsplit=1)[-1].rstrip("s")
    return operation.lower() in said.lower() or last.lower() in said.lower()
