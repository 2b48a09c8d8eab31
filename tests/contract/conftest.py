"""Each port on memory, and on the embedded emulators over the wire through the adapters that the product uses."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey

from local.provision_aws import provision
from shared import names
from shared.adapters.aws.connections import client as aws_client
from shared.adapters.aws.lake import S3Lake
from shared.adapters.aws.records import DynamoRecords
from shared.adapters.aws.table import table_request
from shared.adapters.azure.connections import blob_service
from shared.adapters.azure.lake import DataLake
from shared.adapters.azure.records import CosmosRecords
from shared.adapters.memory.faults import FaultyLake, FaultyRecords, Script
from shared.adapters.memory.lake import MemoryLake
from shared.adapters.memory.records import MemoryRecords
from shared.ports.lake import Lake
from shared.ports.records import Records
from shared.settings import AWS, Settings
from tests.emulators.aws_server import REGION, AwsServer
from tests.emulators.cosmos.conftest import Emulator as CosmosEmulator
from tests.emulators.datalake.emulator import Emulator as LakeEmulator
from tests.patience import PATIENCE_S
from tests.unit.api.world import CLIENTS, SIGNING_KEY

# Connection strings of Microsoft's own emulators, or of Azure: then the suites run against them.
OTHER_COSMOS = os.environ.get("GALEN_CONTRACT_COSMOS")
OTHER_LAKE = os.environ.get("GALEN_CONTRACT_LAKE")
OTHER_HUBS = os.environ.get("GALEN_CONTRACT_EVENT_HUBS")
Strike = Callable[..., None]
"""`strike(status, count=…, applied=…)`: the next so many calls fail so."""


def _skip_faults_of(other: str | None) -> None:
    if other:
        pytest.skip("failures on demand were not tested: only the project's own emulators make them")


def ask(port: int, method: str, body: Any = None) -> None:
    """One request to an emulator's fault switch."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request(method, "/_faults", json.dumps(body or {}))
        response = connection.getresponse()
        assert response.status < 300, response.read()
    finally:
        connection.close()


@pytest.fixture(scope="session")
def cosmos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CosmosEmulator]:
    _skip_faults_of(OTHER_COSMOS)
    running = CosmosEmulator(tmp_path_factory.mktemp("cosmos"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest) -> DatabaseProxy:
    if OTHER_COSMOS:
        other = CosmosClient.from_connection_string(OTHER_COSMOS, connection_verify=False)
        return other.create_database_if_not_exists(f"{names.DATABASE}-{uuid.uuid4().hex[:8]}")
    cosmos: CosmosEmulator = request.getfixturevalue("cosmos")
    return cosmos.client(retry_total=1).create_database(names.DATABASE)


@pytest.fixture
def new_container(database: DatabaseProxy) -> Callable[[], ContainerProxy]:
    """Makes an empty container for records."""

    def make() -> ContainerProxy:
        return database.create_container(
            uuid.uuid4().hex,
            PartitionKey(list(names.RECORDS_PARTITION_KEY), kind="MultiHash"),
            indexing_policy=names.RECORDS_INDEXING_POLICY,
            default_ttl=-1,
        )

    return make


@pytest.fixture
def cosmos_container(new_container: Callable[[], ContainerProxy]) -> ContainerProxy:
    return new_container()


@pytest.fixture
def cosmos_records(cosmos_container: ContainerProxy) -> Records:
    return CosmosRecords(cosmos_container)


@pytest.fixture
def memory_script() -> Script:
    return Script()


@pytest.fixture
def memory_records(memory_script: Script) -> Records:
    return FaultyRecords(MemoryRecords(), memory_script)


@pytest.fixture(scope="session")
def lake_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeEmulator]:
    _skip_faults_of(OTHER_LAKE)
    running = LakeEmulator(tmp_path_factory.mktemp("lake"), "--faults")
    yield running
    running.stop()


@pytest.fixture
def azure_lake(request: pytest.FixtureRequest) -> Iterator[Lake]:
    connection = OTHER_LAKE or request.getfixturevalue("lake_emulator").connection_string
    with blob_service(Settings(lake=connection)) as service:
        container = service.create_container(f"lake-{uuid.uuid4().hex}")
        yield DataLake(container)


@pytest.fixture
def memory_lake(memory_script: Script) -> Lake:
    return FaultyLake(MemoryLake(), memory_script)


@pytest.fixture(scope="session")
def aws() -> Iterator[AwsServer]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "contract")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "contract")
        running = AwsServer()
        yield running
        running.stop()


@pytest.fixture(scope="session")
def s3(aws: AwsServer) -> Iterator[Any]:
    client = aws_client("s3", aws.place, tries=2)
    yield client
    client.close()


@pytest.fixture(scope="session")
def kinesis(aws: AwsServer) -> Iterator[Any]:
    client = aws_client("kinesis", aws.place, tries=1)
    yield client
    client.close()


@pytest.fixture
def aws_bucket(s3: Any) -> str:
    bucket = f"lake-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    return bucket


@pytest.fixture
def aws_lake(s3: Any, aws_bucket: str) -> Lake:
    return S3Lake(s3, aws_bucket)


@pytest.fixture(scope="session")
def dynamodb(aws: AwsServer) -> Iterator[Any]:
    client = aws_client("dynamodb", aws.place, tries=2)
    yield client
    client.close()


@pytest.fixture
def dynamo_table(dynamodb: Any) -> Iterator[str]:
    table = f"records-{uuid.uuid4().hex}"
    dynamodb.create_table(**table_request(table))
    yield table
    dynamodb.delete_table(TableName=table)


@pytest.fixture
def dynamo_records(dynamodb: Any, dynamo_table: str, aws_lake: Lake) -> Records:
    return DynamoRecords(dynamodb, dynamo_table, aws_lake)


@pytest.fixture
def aws_settings(aws: AwsServer) -> Settings:
    """Of an empty deployment on moto that nothing else knows; its buckets are named by their file systems."""
    mark = uuid.uuid4().hex[:12]
    made = Settings(
        cloud=AWS,
        region=aws.place.region,
        endpoint=aws.place.endpoint,
        table=f"records-{mark}",
        lake_bucket=f"galen-{mark}",
        landing_bucket=f"landing-{mark}",
        streams={hub: f"{hub}-{mark}" for hub in names.HUBS},
        link_key="k" * 32,
        default_tenant="ward",
        token_signing_key=SIGNING_KEY,
        token_clients=json.dumps(CLIENTS),
    )
    provision(made)
    return made
