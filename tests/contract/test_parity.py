"""The same recorded input through both stacks gives the same records, histories, alerts, dead letters and rows of tables.

Azure's on its emulators, AWS's on moto through Kinesis, the readers of shards and the handlers of Lambda. Identifiers and
contents are equal; versions hold the sequence of their stream, which each cloud counts in its own way, so of them the order.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from azure.cosmos import ContainerProxy

from functions.aws.landing import receive as receive_file
from functions.aws.reactions import follow
from functions.aws.streams import receive
from functions.needs import Access, Thing
from infra.components.aws.function_plan import plans
from infra.components.aws.rights import ACTIONS
from local.demo import vitals
from local.lambdas.shards import KinesisSource, TableSource
from shared import names
from shared.adapters.aws.connections import client
from shared.adapters.azure.connections import blob_service
from shared.adapters.azure.lake import DataLake
from shared.adapters.azure.records import CosmosRecords
from shared.adapters.memory.clock import MemoryClock, SeededRandomness
from shared.adapters.memory.streams import MemoryStreams
from shared.adapters.process.jobs import ProcessJobs
from shared.bootstrap import Adapters, Services, aws_adapters
from shared.domain.fhir import json as fhir
from shared.domain.fhir.validation.validator import R4Validator
from shared.domain.ingest.chain import unpack
from shared.domain.ingest.raw_line import sha256_hex
from shared.domain.ingest.stream_record import StreamRecord
from shared.domain.records import Item, Kind
from shared.ports.records import Query
from shared.services.chain_walk import walk_chains
from shared.settings import Settings
from spark.plain.current import keep_newest, table_rows
from spark.schemas.silver import SILVER
from spark.transforms.expand_files import FILE as FILE_ROW
from spark.transforms.expand_files import RESOURCE as RESOURCE_ROW
from spark.transforms.expand_files import rows_of_files
from spark.transforms.expand_lines import BatchContext
from tests.delivery.world import caller, observation, patient, synthea_bundles
from tests.emulators.aws_server import AwsServer
from tests.unit.aws.events import object_created

TENANT = "default"
OF_ITS_STREAM = ("version", "source_version", "raw_path", "sequence")
VERSION = re.compile(r'/_history/[0-9a-f]{16}|"versionId":"[0-9a-f]{16}"')
COMPARED = (Kind.CURRENT, Kind.HISTORY, Kind.ALERT, Kind.POINTER)


class Stack(Services):
    """One platform with a clock that stands and chance that repeats itself."""

    def __init__(self, settings: Settings, adapters: Adapters) -> None:
        self.moving = MemoryClock()
        fixed = Adapters(
            **{
                **vars(adapters),
                "clock": self.moving,
                "randomness": SeededRandomness(7),
                "jobs": ProcessJobs(""),
                "validator": R4Validator(best_practice=False),
            }
        )
        super().__init__(settings, fixed)


@pytest.fixture
def azure(cosmos_container: ContainerProxy, lake_emulator: Any) -> Iterator[Stack]:
    with blob_service(Settings(lake=lake_emulator.connection_string)) as service:
        lakes = [DataLake(service.create_container(f"lake-{uuid.uuid4().hex}")) for _ in range(2)]
        made = Adapters(
            records=CosmosRecords(cosmos_container),
            lake=lakes[0],
            dropped=lakes[1],
            streams=MemoryStreams(),
            jobs=ProcessJobs(""),
            validator=R4Validator(best_practice=False),
            clock=MemoryClock(),
            randomness=SeededRandomness(),
        )
        yield Stack(Settings(link_key="k" * 32, default_tenant=TENANT), made)


@pytest.fixture
def amazon(aws_settings: Settings) -> Stack:
    settings = replace(aws_settings, default_tenant=TENANT)
    return Stack(settings, aws_adapters(settings))


def clinical_events() -> Iterator[tuple[str, bytes]]:
    """Keys and bodies: real patients, corrections, late and repeated arrivals, a deletion, and what nobody can read."""
    for number, bundle in enumerate(synthea_bundles()[:2]):
        yield f"b{number}", fhir.encode({**bundle, "type": "collection"}).encode()
    versions = [
        ("female", "2026-01-02"),
        ("male", "2026-01-03"),
        ("other", "2026-01-01"),
        ("male", "2026-01-03"),
    ]
    for gender, day in versions:
        resource = patient("p-1", gender=gender, meta={"lastUpdated": f"{day}T00:00:00Z"})
        yield "p-1", fhir.encode(resource).encode()
    yield "p-2", b"{not json"
    yield "p-2", fhir.encode(observation("Patient/p-1", "o-1", status="wrong")).encode()
    yield "p-2", fhir.encode(patient("p-3", meta={"lastUpdated": "2031-01-01T00:00:00Z"})).encode()
    yield "p-4", fhir.encode(patient("p-4")).encode()
    entry = {"request": {"method": "DELETE", "url": "Patient/p-4"}}
    yield "p-4", fhir.encode({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).encode()


FILE = b"".join(fhir.encode(patient(f"f-{number}")).encode() + b"\n" for number in range(12)) + b"{bad\n"


def put_events(stack: Stack, aws: AwsServer, events: dict[str, list[tuple[str, bytes]]]) -> None:
    streams = client("kinesis", aws.place)
    for hub, sent in events.items():
        for key, body in sent:
            streams.put_record(StreamName=stack.settings.streams[hub], PartitionKey=key, Data=body)
    streams.close()


def recorded(stack: Stack, aws: AwsServer, hub: str) -> Iterator[list[dict[str, Any]]]:
    """The batches of each shard as Lambda hands them over, all at the instant at which the clock stands."""
    streams = client("kinesis", aws.place)
    source = KinesisSource(streams, aws.place.region, stack.settings.streams[hub])
    at = stack.moving.now().timestamp()
    for shard in source.shards():
        read, _ = source.read(source.iterator(shard, ""), 1000)
        records = [source.record(shard, each) for each in read]
        for record in records:
            record["kinesis"]["approximateArrivalTimestamp"] = at
        for start in range(0, len(records), 3):
            yield records[start : start + 3]
    streams.close()


def as_event_hubs_has_them(stack: Stack, hub: str, batches: list[list[dict[str, Any]]]) -> None:
    """The same events in the same partitions, counted from nought without gaps."""
    from functions.aws.batches import kinesis_records

    counts: dict[str, int] = defaultdict(int)
    for batch in batches:
        shard, records = kinesis_records(batch)
        partition = shard.rpartition("-")[2].lstrip("0") or "0"
        renumbered = []
        for record in records:
            renumbered.append(StreamRecord(record.body, counts[partition], record.enqueued_at, record.key))
            counts[partition] += 1
        stack.stream_door.receive(hub, partition, renumbered)


def react_azure(stack: Stack, container: ContainerProxy) -> None:
    told: set[str] = set()
    while True:
        changes = list(container.query_items_change_feed(start_time="Beginning"))
        fresh = [each for each in changes if each["_etag"] not in told]
        if not fresh:
            return
        told |= {each["_etag"] for each in fresh}
        stack.reactions.react(fresh)


def react_aws(stack: Stack, aws: AwsServer) -> None:
    tables, changes = client("dynamodb", aws.place), client("dynamodbstreams", aws.place)
    arn = tables.describe_table(TableName=stack.settings.table)["Table"]["LatestStreamArn"]
    source = TableSource(changes, aws.place.region, arn)
    (shard,) = source.shards()
    place, quiet = source.iterator(shard, ""), threading.Event()
    while not quiet.is_set():
        read, place = source.read(place, 100)
        records = [record for each in read if (record := source.record(shard, each))]
        if records:
            event = json.loads(json.dumps({"Records": records}))
            assert follow(stack, event) == {"batchItemFailures": []}
        elif not read:
            quiet.set()
    tables.close()
    changes.close()


def committed(stack: Stack) -> None:
    """What partners do by HTTP."""
    made = stack.interactions.create(caller(tenant=TENANT), patient())
    stack.interactions.create(caller(tenant=TENANT), observation(f"Patient/{made.stored.key.id}"))


def content(stack: Stack, item: Item) -> str:
    """A body, of which the names of versions are no part: a score refers to the versions of the readings that it took."""
    return sha256_hex(VERSION.sub("", stack.bodies.text(item)).encode())


def picture(stack: Stack) -> dict[str, Any]:
    """What there is, without what each cloud counts in its own way."""
    found: dict[str, Any] = {}
    versions: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for kind in COMPARED:
        for item in stack.records.query(Query(kind, None)):
            name = f"{item['tenant']} {item['home']} {item['id'].partition('~')[0]}"
            if kind in (Kind.CURRENT, Kind.HISTORY):
                versions[name].append(
                    (item["sv"], f"{kind} {content(stack, item)} {item['deleted']} {item['lastUpdated']}")
                )
            elif kind is Kind.ALERT:
                found[f"{kind} {name}"] = {k: v for k, v in item["alert"].items() if k != "version"}
            else:
                found[f"{kind} {name}"] = item.get("target") or item.get("to") or ""
    for name, each in versions.items():
        found[f"versions {name}"] = [what for _, what in sorted(each)]
    return found


def letters(stack: Stack) -> list[tuple[Any, ...]]:
    return sorted(
        (
            each.tenant,
            each.door,
            each.stage,
            each.error,
            each.raw.line,
            each.raw.entry,
            json.dumps(each.outcome),
        )
        for each in stack.dead_letters.list()
    )


def raw(stack: Stack) -> dict[str, list[str]]:
    """The hashes of what was landed, in order, of each partition."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in stack.lake.list("raw"):
        if file.path.endswith(".gz") and "/commits/" not in file.path:
            for line in unpack(stack.lake.read(file.path)):
                partition = line.partition.rpartition("-")[2].lstrip("0") or "0"
                found["file" if line.door == "file" else f"{line.stream} {partition}"].append(line.sha256)
    return found


def commits(stack: Stack) -> int:
    return sum(int(file.metadata["count"]) for file in stack.lake.list("raw/commits"))


def bronze(stack: Stack) -> list[tuple[str, ...]]:
    """The rows that the bronze job makes of the raw files, as far as no sequence is in them."""
    at = stack.moving.now()
    files = [(f"/{file.path}", stack.lake.read(file.path)) for file in stack.lake.list("raw")]
    rows = rows_of_files(files, BatchContext("/raw", 1, at), stack.adapters.validator.validate)
    columns = ("kind", "reason", "tenant", "type", "id", "home", "deleted", "zone")
    return sorted(tuple(str(row.get(name)) for name in columns) for row in rows if row["kind"] != FILE_ROW)


def silver(stack: Stack) -> dict[str, list[str]]:
    """The rows of the silver tables as their views' Python engine makes them, without what names a sequence or a file."""
    at = stack.moving.now()
    files = [(f"/{file.path}", stack.lake.read(file.path)) for file in stack.lake.list("raw")]
    rows = rows_of_files(files, BatchContext("/raw", 1, at), stack.adapters.validator.validate)
    newest: dict[str, dict[tuple[str, str], Any]] = defaultdict(dict)
    versions = [row for row in rows if row["kind"] == RESOURCE_ROW]
    for row in versions:
        keep_newest(newest[row["type"]], row)
    found = {}
    for table in SILVER:
        made, _ = table_rows(table, list(newest[table.type].values()), versions)
        found[table.name] = sorted(
            json.dumps({k: v for k, v in row.items() if k not in OF_ITS_STREAM}, default=str, sort_keys=True)
            for row in made
        )
    return found


def test_both_stacks_make_the_same_of_the_same_input_and_call_what_they_are_granted(
    azure: Stack, cosmos_container: ContainerProxy, amazon: Stack, aws: AwsServer
) -> None:
    readings = [("p", body) for body in vitals.readings(amazon.moving.now())]
    put_events(
        amazon, aws, {names.HUB_CLINICAL_EVENTS: list(clinical_events()), names.HUB_VITAL_SIGNS: readings}
    )
    aws.forget_calls()
    for hub in (names.HUB_CLINICAL_EVENTS, names.HUB_VITAL_SIGNS):
        batches = list(recorded(amazon, aws, hub))
        for batch in batches:
            assert receive(amazon, hub, {"Records": batch}) == {"batchItemFailures": []}
        as_event_hubs_has_them(azure, hub, batches)
    for stack in (azure, amazon):
        stack.adapters.dropped.put("default/patients.ndjson", FILE)
        committed(stack)
    azure.file_door.receive("default/patients.ndjson")
    receive_file(amazon, object_created("default/patients.ndjson"))
    react_azure(azure, cosmos_container)
    react_aws(amazon, aws)

    calls = set(aws.calls())
    assert raw(amazon) == raw(azure)
    here, there = picture(amazon), picture(azure)
    assert {name for name in here if name.startswith("alert")}
    assert any(len(each) >= 3 for name, each in here.items() if name.startswith("versions"))
    assert here == there
    assert len(letters(amazon)) >= 4
    assert letters(amazon) == letters(azure)
    assert commits(amazon) == commits(azure) == 2
    assert bronze(amazon) == bronze(azure)
    assert sum(row[0] == RESOURCE_ROW for row in bronze(amazon)) > 100
    assert silver(amazon) == silver(azure)
    assert {name for name, rows in silver(amazon).items() if rows} >= {
        "patients",
        "encounters",
        "observations",
    }
    assert not list(walk_chains(amazon.lake, read=True))
    granted = {
        action for plan in plans(40) for need in plan.needs for action in ACTIONS[need.thing, need.access]
    }
    # A transaction is granted by the writes in it; dropping the file was the partner's.
    assert calls - granted <= {"dynamodb:TransactWriteItems", "dynamodb:DescribeTable"}
    writes = set(ACTIONS[Thing.RECORDS, Access.WRITE])
    assert {"dynamodb:Query", "dynamodb:PutItem", "dynamodb:BatchWriteItem"} <= calls & writes
    assert "dynamodb:Scan" not in calls
