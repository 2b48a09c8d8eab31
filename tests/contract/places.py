"""Records that several processes open: where they are, and how often the SDK asks again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from azure.cosmos import CosmosClient

from local.emulators.cosmos.auth import WELL_KNOWN_KEY
from shared import names
from shared.adapters.aws.connections import AwsPlace
from shared.adapters.aws.connections import client as aws_client
from shared.adapters.aws.lake import S3Lake
from shared.adapters.aws.records import DynamoRecords
from shared.adapters.azure.records import CosmosRecords
from shared.ports.records import Records


@dataclass(frozen=True)
class CosmosPlace:
    """A container of the Cosmos DB emulator; `port` is its fault switch, `match` finds what writes and reads."""

    port: int
    url: str
    container: str
    match: str = "/docs"

    @contextmanager
    def opened(self) -> Iterator[Records]:
        """The records, on a connection of one's own."""
        with CosmosClient(self.url, WELL_KNOWN_KEY, retry_total=1) as client:
            yield CosmosRecords(
                client.get_database_client(names.DATABASE).get_container_client(self.container)
            )


@dataclass(frozen=True)
class DynamoPlace:
    """A table and a bucket of moto's server."""

    port: int
    aws: AwsPlace
    table: str
    bucket: str
    match: str = "^dynamodb:"

    @contextmanager
    def opened(self) -> Iterator[Records]:
        """The records, on a connection of one's own."""
        client, s3 = aws_client("dynamodb", self.aws, tries=1), aws_client("s3", self.aws)
        try:
            yield DynamoRecords(client, self.table, S3Lake(s3, self.bucket))
        finally:
            client.close(), s3.close()


Place = CosmosPlace | DynamoPlace
