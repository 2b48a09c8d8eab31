"""Each Lambda function calls what it is granted, and is granted what it calls: by action, and of files by path.

One function after another runs over the adapters and moto, which notes the calls. A grant that no call used fails here
unless it stands below with its reason.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, Final

import pytest

from functions.aws.http import gateway
from functions.aws.landing import receive as receive_file
from functions.aws.reactions import follow
from functions.aws.streams import receive
from functions.needs import Access, Thing
from infra.components.aws.function_plan import plans
from infra.components.aws.rights import ACTIONS, LISTS
from local.demo import vitals
from local.lambdas.shards import TableSource
from local.running import bearer
from shared import names
from shared.adapters.aws.connections import client
from shared.adapters.memory.clock import MemoryClock
from shared.adapters.process.jobs import ProcessJobs
from shared.bootstrap import Adapters, Services, aws_adapters
from shared.domain.stays.model_risk import ONSET
from shared.settings import Settings
from tests.delivery.world import Lenient, caller, patient
from tests.emulators.aws_server import AwsServer
from tests.unit.aws.events import http, kinesis, object_created

PLANS: Final = {plan.name: plan for plan in plans(40)}
RUN: Final = (*(hub.replace("-", "_") for hub in names.HUBS), "landing", "react", "sweep", "sweep_files", "watch",
              "inspect", "api")  # fmt: skip
UNUSED: Final = (
    {
        (f"{hub} kinesis:{action}", "the service itself reads the stream under the function's role")
        for hub in ("clinical_events", "vital_signs", "safety_reports")
        for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListShards")
    }
    | {
        (f"{function} s3:ListBucket *", "only to who may list a bucket S3 says that a file is not there")
        for function in ("api", "landing", "react")
    }
    | {
        (
            f"{function} s3:GetObject quarantine/*",
            "read where the same is set aside again, as the hubs do here",
        )
        for function in ("landing", "react", "sweep", "sweep_files")
    }
    | {
        (
            f"react s3:PutObject {names.LIVE_PREDICTIONS}/*",
            "nobody is in intensive care here, whom a model scores",
        ),
        ("inspect s3:GetObject bodies/*", "an open intent may be too long for an item of the table"),
        ("react s3:PutObject bodies/*", "so may a patient's state"),
        ("sweep s3:PutObject bodies/*", "so may what a killed transaction left to be written"),
    }
)
"""Grants that this run does not use, and why they are given."""
ASIDE, OFFLOADED = 400_000, 1_300_000
"""Bytes too many for an item of DynamoDB, and for any item."""
IN_TRANSACTIONS = "dynamodb:DeleteItem"
"""What a transaction does needs the right of each of its writes, and is called `TransactWriteItems`."""
Grant = tuple[str, str, str]
"""Action, file system and path, both empty where no file is meant."""


class Platform(Services):
    """On moto, with a clock an hour ahead, so that what was written just now is old enough to be swept."""

    def __init__(self, settings: Settings) -> None:
        self.moving = MemoryClock(datetime.now(UTC))
        others = {"clock": self.moving, "jobs": ProcessJobs(""), "validator": Lenient()}
        adapters = {**vars(aws_adapters(settings)), **others}
        super().__init__(settings, Adapters(**adapters))


@pytest.fixture
def platform(aws_settings: Settings) -> Platform:
    return Platform(aws_settings)


class Calls:
    """Which grants were used, by function."""

    def __init__(self, aws: AwsServer) -> None:
        self._aws = aws
        self.used: dict[str, set[Grant]] = {name: set() for name in RUN}
        self.refused: set[tuple[str, str]] = set()

    @contextmanager
    def of(self, function: str) -> Iterator[None]:
        """What is called inside is the function's."""
        self._aws.forget_calls()
        yield
        for call in self._aws.calls_of_objects():
            action, _, path = call.partition(" ")
            bucket, _, key = path.partition("/")
            found = {
                grant
                for grant in granted(function)
                if grant[0] == action
                and grant[1] == bucket.partition("-")[0]
                and (action == LISTS or fnmatchcase(key, grant[2]))
            }
            self.used[function] |= found
            if not found and action != "dynamodb:TransactWriteItems":  # granted by the writes in it
                self.refused.add((function, call))


def granted(function: str) -> set[Grant]:
    """What a function is granted, as the test of the stack reads it from the policies."""
    found = set()
    for need in PLANS[function].needs:
        for action in ACTIONS.get((need.thing, need.access), ()):
            if need.thing is Thing.FILES:
                found.add((action, need.name, "*" if action == LISTS else need.path or "*"))
            elif need.thing in (Thing.RECORDS, Thing.STREAM):
                found.add((action, "", ""))
    return found


def large(identity: str, size: int, seed: int) -> dict[str, Any]:
    """A resource that nothing makes smaller."""
    data = base64.b64encode(random.Random(seed).randbytes(size)).decode()
    return {"resourceType": "Binary", "id": identity, "contentType": "image/png", "data": data}


def react(platform: Platform, aws: AwsServer) -> None:
    with (
        closing(client("dynamodb", aws.place)) as tables,
        closing(client("dynamodbstreams", aws.place)) as changes,
    ):
        arn = tables.describe_table(TableName=platform.settings.table)["Table"]["LatestStreamArn"]
        source = TableSource(changes, aws.place.region, arn)
        (shard,) = source.shards()
        read, _ = source.read(source.iterator(shard, ""), 1000)
    records = [record for each in read if (record := source.record(shard, each))]
    damaged = json.loads(json.dumps(records[-1]))
    damaged["dynamodb"]["NewImage"]["x"] = {"S": "{"}
    aws.forget_calls()
    assert follow(platform, {"Records": [*records, damaged]}) == {"batchItemFailures": []}


def ask(platform: Platform) -> None:
    """What partners ask for by API Gateway."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    door = gateway(platform)
    token = bearer(platform, "gateway", "ward", "system/*.cruds")

    def one(method: str, address: str, body: Any = None) -> dict[str, Any]:
        path, _, query = address.partition("?")
        headers = {"authorization": f"Bearer {token}", "content-type": "application/fhir+json"}
        event = http(method, path, query, body=json.dumps(body) if body else "", **headers)
        return dict(door(event, None))

    try:
        assert one("GET", "/health")["statusCode"] == 503  # no timer has beaten
        for seed in (4, 5):
            assert one("PUT", "/fhir/Binary/b-2", large("b-2", ASIDE, seed))["statusCode"] < 300
        assert one("GET", "/fhir/Binary/b-2")["statusCode"] == 200
        made = json.loads(one("POST", "/fhir/Patient", patient())["body"])
        assert one("POST", f"/fhir/Patient/{made['id']}/$risk?model=onset")["statusCode"] < 500
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def fill_every_shard(platform: Platform, aws: AwsServer) -> None:
    """Else each idle shard is asked in eight windows."""
    with closing(client("kinesis", aws.place)) as streams:
        for stream in platform.settings.streams.values():
            records = [
                {"Data": b"{}", "PartitionKey": "p", "ExplicitHashKey": str(number << 126)}
                for number in range(4)
            ]
            streams.put_records(StreamName=stream, Records=records)


def test_every_function_is_granted_what_it_calls_and_calls_what_it_is_granted(
    platform: Platform, aws: AwsServer
) -> None:
    calls, another = Calls(aws), Platform(platform.settings)
    sent = {
        names.HUB_CLINICAL_EVENTS: [patient("p-1"), large("b", ASIDE, 1), b"{not json"],
        names.HUB_VITAL_SIGNS: [
            *islice(vitals.readings(platform.moving.now()), 8),
            large("b", ASIDE, 2),
            b"{not json",
        ],
        names.HUB_SAFETY_REPORTS: [b"{}"],
    }
    for hub, bodies in sent.items():
        with calls.of(hub.replace("-", "_")):
            for process in (platform, another):
                assert receive(process, hub, kinesis(*bodies)) == {"batchItemFailures": []}
    file = (
        b"\n".join(json.dumps(each).encode() for each in (patient("f"), large("b", ASIDE, 3))) + b"\n{bad\n"
    )
    for number, function in enumerate(("landing", "sweep_files")):
        platform.adapters.dropped.put(f"ward/{number}.ndjson", file)
        with calls.of(function):
            if function == "landing":
                receive_file(platform, object_created(f"ward/{number}.ndjson"))
            else:
                platform.moving.advance(120)
                platform.sweep.take_files()
    with calls.of("api"):
        ask(platform)
    platform.moving.advance(120)
    with calls.of("react"):
        react(platform, aws)
        platform.models.model(ONSET.model)
    platform.interactions.create(caller(), large("", OFFLOADED, 6))
    bodies = {file.path for file in platform.lake.list(names.BODIES_FOLDER)}
    platform.interactions.create(caller(), large("", OFFLOADED, 7))
    for file in list(platform.lake.list(names.BODIES_FOLDER)):
        if file.path not in bodies:
            platform.lake.delete(file.path)  # and so this one can never be landed
    platform.moving.advance(600)  # what may still be under way is left alone
    with calls.of("sweep"):
        platform.pulse.beat()
        platform.sweep.run()
        platform.models.model(ONSET.model)
    fill_every_shard(platform, aws)
    with calls.of("watch"):
        platform.watch.look()
    platform.lake.put(f"{names.TABLES['bronze_resources']}/_delta_log/{0:020d}.json", b'{"commitInfo":{}}')
    with calls.of("inspect"):
        platform.watch.inspect()

    assert calls.refused == set()
    unused = {
        f"{function} {action} {path}".strip()
        for function in RUN
        for action, name, path in granted(function) - calls.used[function]
        if not action.startswith("dynamodb:")
    }
    assert unused == {name for name, _ in UNUSED}
    used = {grant for function in RUN for grant in calls.used[function]}
    unused_anywhere = {grant for function in RUN for grant in granted(function)} - used
    actions = {action for action, _, _ in unused_anywhere if action.startswith("dynamodb:")}
    assert actions == {*ACTIONS[Thing.RECORDS, Access.FOLLOW], IN_TRANSACTIONS}
