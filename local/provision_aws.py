"""Makes what infra/ makes on AWS, in the emulator: the table, the buckets and the streams that are not there yet."""

from __future__ import annotations

import os
from contextlib import suppress

from shared import names
from shared.adapters.aws.connections import AwsPlace, client
from shared.adapters.aws.table import table_request
from shared.settings import Settings, read_settings


def provision(settings: Settings) -> None:
    """Everything that these settings name."""
    place = AwsPlace(settings.region, settings.endpoint)
    tables = client("dynamodb", place)
    with suppress(tables.exceptions.ResourceInUseException):
        tables.create_table(**table_request(settings.table))
    tables.update_time_to_live(
        TableName=settings.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
    )
    files = client("s3", place)
    for bucket in (settings.lake_bucket, settings.landing_bucket):
        with suppress(files.exceptions.BucketAlreadyOwnedByYou):
            files.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": settings.region}
            )
    streams = client("kinesis", place)
    for stream in settings.streams.values():
        with suppress(streams.exceptions.ResourceInUseException):
            streams.create_stream(StreamName=stream, ShardCount=names.HUB_PARTITIONS)


if __name__ == "__main__":
    provision(read_settings(os.environ))
