"""The same events, files and requests on both clouds: the same records, history, alerts, dead letters and bronze rows.

One side has the adapters for Azure on their emulators and hands batches over as Azure Functions does, the other those for
AWS on moto's server, behind the handlers of Lambda. What counts differently in each cloud, sequences and what is
derived from them, is compared by its order.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest
from azure.cosmos import ContainerProxy

from functions.aws import landing as aws_landing
from functions.aws import reactions as aws_reactions
from functions.aws import streams as aws_streams
from shared.adapters.aws.connections import client as aws_client
from shared.adapters.aws.lake import S3Lake
from shared.adapters.azure.connections import blob_service
from shared.adapters.azure.lake import DataLake
from shared.domain.fhir import json as fhir_json
from shared.domain.fhir.identity import ResourceKey
from shared.domain.ingest.stream_record import StreamRecord
from shared.domain.records import Door, Item, Kind, body_of
from shared.names import HUB_CLINICAL_EVENTS
from shared.ports.lake import Lake
from shared.ports.records import Query, Records
from shared.settings import Settings
from spark.transforms.expand_files import rows_of_files
from spark.transforms.expand_lines import BatchContext
from tests.contract.conftest import OTHER_LAKE
from tests.delivery.world import (
    TENANT,
    VITAL_SIGNS,
    Stores,
    World,
    anyone,
    caller,
    entry,
    observation,
    patient,
    real_validator,
    synthea_bundles,
    transaction,
)
from tests.emulators.aws_server import REGION, AwsServer
from tests.unit.aws.events import kinesis, object_created

ENQUEUED_AT = datetime.fromtimestamp(1774747800.25, UTC)
"""When `kinesis` says that its records arrived."""
VITALS = {"9279-1": ("/min", 28), "8867-4": ("/min", 135), "59408-5": ("%", 88), "8310-5": ("Cel", 39.4)}
BAD = [b"nope", b"\xff\xfe", b'{"resourceType":"Patient","gender":7}', b"[" * 100_000, b'{"a":NaN}']
COMPARED = (Kind.CURRENT, Kind.HISTORY, Kind.POINTER, Kind.MOVED, Kind.GUARD, Kind.ALERT, Kind.TOLD)
SYSTEM = ("_etag", "sv", "version", "supersedes", "trace", "from_etag", "intent", "claim")


class Side(Protocol):
    """One cloud, as its functions are called."""

    world: World

    def send(self, *bodies: bytes | dict[str, Any]) -> None:
        """A batch of one partition."""

    def drop(self, path: str, data: bytes) -> None:
        """A dropped file, and the event that tells of it."""

    def react(self) -> None:
        """Hand over what has changed."""


def as_bytes(body: bytes | dict[str, Any]) -> bytes:
    return body if isinstance(body, bytes) else fhir_json.encode(body).encode()


def world(records: Records, lake: Lake, dropped: Lake) -> World:
    stores = Stores()
    stores.records, stores.lake, stores.dropped = records, lake, dropped  # type: ignore[assignment]
    return World(stores, validator=real_validator())


class OnAzure:
    """The stores' emulators, and batches as the triggers of Azure Functions hand them over."""

    def __init__(self, world: World, container: ContainerProxy) -> None:
        self.world = world
        self._container = container
        self._sent = 0

    def send(self, *bodies: bytes | dict[str, Any]) -> None:
        raw = [as_bytes(body) for body in bodies]
        records = [
            StreamRecord(body, self._sent + number, ENQUEUED_AT, "p-12") for number, body in enumerate(raw)
        ]
        self._sent += len(raw)
        self.world.stream_door.receive(HUB_CLINICAL_EVENTS, "0", records)

    def drop(self, path: str, data: bytes) -> None:
        self.world.stores.dropped.put(path, data)
        self.world.file_door.receive(path)

    def react(self) -> None:
        # All of it each time: a feed hands over at least once.
        self.world.reactions.react(list(self._container.query_items_change_feed(start_time="Beginning")))


class OnAws:
    """moto's server, and events as Lambda hands them to the handlers."""

    def __init__(self, world: World, aws: AwsServer, dynamodb: Any, table: str) -> None:
        self.world = world
        self._streams = aws_client("dynamodbstreams", aws.place)
        self._arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        self._first = kinesis(b"")["Records"][0]["kinesis"]["sequenceNumber"]
        self._seen = 0

    def send(self, *bodies: bytes | dict[str, Any]) -> None:
        event = kinesis(*map(as_bytes, bodies), first=int(self._first))
        assert aws_streams.receive(self.world, HUB_CLINICAL_EVENTS, event) == {"batchItemFailures": []}
        self._first = int(event["Records"][-1]["kinesis"]["sequenceNumber"]) + 10**25

    def drop(self, path: str, data: bytes) -> None:
        self.world.stores.dropped.put(path, data)
        aws_landing.receive(self.world, object_created(path))

    def react(self) -> None:
        while records := self._changes():
            self._seen += len(records)
            event = {"Records": json.loads(json.dumps(records, default=_as_lambda))}
            assert aws_reactions.follow(self.world, event) == {"batchItemFailures": []}

    def _changes(self) -> list[Any]:
        (shard,) = self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        first = int(shard["SequenceNumberRange"]["StartingSequenceNumber"]) + self._seen
        place = self._streams.get_shard_iterator(
            StreamArn=self._arn,
            ShardId=shard["ShardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=str(first),
        )["ShardIterator"]
        found: list[Any] = self._streams.get_records(ShardIterator=place, Limit=1_000)["Records"]
        return found

    def close(self) -> None:
        self._streams.close()


def _as_lambda(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value.timestamp()


@pytest.fixture
def azure(
    request: pytest.FixtureRequest, cosmos_records: Records, cosmos_container: ContainerProxy
) -> Iterator[Side]:
    connection = OTHER_LAKE or request.getfixturevalue("lake_emulator").connection_string
    with blob_service(Settings(lake=connection)) as service:
        lake, dropped = (
            DataLake(service.create_container(f"{name}-{cosmos_container.id}")) for name in ("lake", "drop")
        )
        yield OnAzure(world(cosmos_records, lake, dropped), cosmos_container)


@pytest.fixture
def amazon(
    dynamo_records: Records, aws_lake: Lake, aws: AwsServer, dynamodb: Any, dynamo_table: str, s3: Any
) -> Iterator[Side]:
    bucket = f"drop-{dynamo_table}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    side = OnAws(world(dynamo_records, aws_lake, S3Lake(s3, bucket)), aws, dynamodb, dynamo_table)
    yield side
    side.close()


def play(side: Side) -> None:
    """Everything that comes by three doors, with what is bad, late and double in it."""
    here, first = side.world, synthea_bundles()[0]
    side.send(first, *BAD, patient("p", language="v1"))
    side.send(*(vital("p", code, minute) for minute in range(3) for code in VITALS), b"late \xff")
    side.send(first, patient("p", language="v3", meta={"lastUpdated": "2026-03-29T01:20:00Z"}))
    side.send(patient("p", language="v2", meta={"lastUpdated": "2026-03-29T01:10:00Z"}))
    side.react()
    lines = [json.dumps(each).encode() for each in (patient("f"), observation("Patient/f", "of"))]
    side.drop(f"{TENANT}/some.ndjson", b"\n".join([*lines, b"not a line"]))
    here.moving.advance(5)
    here.bundles.bundle(caller(), by_http(), anyone)
    here.moving.advance(5)
    here.interactions.update(caller(), ResourceKey("Patient", "h"), patient("h", language="second"))
    here.interactions.delete(caller(), ResourceKey("Observation", "ho"))
    for _ in range(2):
        identifier = [{"system": "urn:mrn", "value": "7"}]
        here.conditional.create(caller(), patient(identifier=identifier), "identifier=urn:mrn|7")
    side.react()
    side.react()


def by_http() -> dict[str, Any]:
    return transaction(
        entry("PUT", "Patient/h", patient("h", language="first")),
        entry("PUT", "Observation/ho", observation("Patient/h", "ho")),
        entry("POST", "Observation", observation("Patient/h")),
    )


def vital(whose: str, code: str, minute: int) -> dict[str, Any]:
    unit, value = VITALS[code]
    return {
        **observation(f"Patient/{whose}", f"{code}-{minute}"),
        "category": VITAL_SIGNS,
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": f"2026-03-29T01:{minute:02d}:00Z",
        "valueQuantity": {"value": value + minute, "system": "http://unitsofmeasure.org", "code": unit},
    }


def told(side: Side) -> dict[str, list[Any]]:
    """All items by kind: versions named by resource and place in its order, in place of what sequences make of them."""
    records = side.world.stores.records
    items = {kind: list(records.query(Query(kind, TENANT))) for kind in COMPARED}
    names = version_names([*items[Kind.CURRENT], *items[Kind.HISTORY]])
    return {kind.value: sorted(_plain(each, names) for each in found) for kind, found in items.items()}


def version_names(versions: list[Item]) -> dict[str, str]:
    """What each version and source version is to be called: the resource, and how many versions come before it."""
    names, counts = {}, Counter[str]()
    for each in sorted(versions, key=lambda item: (item["type"], item["rid"], item["sv"])):
        key = f"{each['type']}/{each['rid']}"
        names[each["version"]] = names[each["sv"]] = f"{key}#{counts[key]}"
        counts[key] += 1
    return names


def _plain(item: Item, names: dict[str, str]) -> str:
    kept = {name: value for name, value in item.items() if name not in (*SYSTEM, "z", "body")}
    if item.get("door") == Door.SCORE:
        del kept["hash"]  # of a body that names versions, which is compared with their names
    text = json.dumps({**kept, "body": body_of(item)}, sort_keys=True)
    for name, instead in sorted(names.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(name, instead)
    return text


def letters(side: Side) -> Counter[tuple[str, ...]]:
    found = side.world.stores.lake.list("quarantine")
    return Counter(tuple(file.metadata.get(name, "") for name in ("stage", "status")) for file in found)


def bronze(side: Side) -> list[tuple[str, ...]]:
    """What the bronze job makes of the raw files, as far as no sequence is in it."""
    context, lake = BatchContext("/raw", 1, ENQUEUED_AT), side.world.stores.lake
    names = ("kind", "reason", "tenant", "type", "id", "home", "deleted", "content_hash", "zone")
    files = [(f"/{file.path}", lake.read(file.path)) for file in lake.list("raw")]
    rows = rows_of_files(files, context, real_validator().validate)
    return sorted(tuple(str(row.get(name)) for name in names) for row in rows)


def test_both_clouds_make_the_same_of_the_same(azure: Side, amazon: Side) -> None:
    play(azure)
    play(amazon)
    there, here = told(azure), told(amazon)
    assert {kind: len(found) for kind, found in here.items()} == {
        kind: len(found) for kind, found in there.items()
    }
    for kind in COMPARED:
        assert here[kind.value] == there[kind.value], kind
    assert letters(amazon) == letters(azure)
    rows = bronze(amazon)
    assert rows == bronze(azure)
    assert Counter(row[0] for row in rows)["resource"] > 80
    assert len(here["current"]) > 70
    assert here["alert"]
    assert len(here["history"]) >= 4
    # Of the bad bodies one is JSON; one more is late, and one a line of the file.
    assert letters(amazon)["decode", "open"] == len(BAD) - 1 + 2
