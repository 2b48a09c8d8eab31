"""Makes what infra/ makes on AWS, in the emulator: the table, the buckets and the streams. Nothing may be there before."""

from __future__ import annotations

import os

from shared import names
from shared.adapters.aws.connections import AwsPlace, client
from shared.adapters.aws.table import table_request
from shared.settings import Settings, read_settings


def provision(settings: Settings) -> None:
    """Everything that these settings name."""
    place = AwsPlace(settings.region, settings.endpoint)
    table = client("dynamodb", place)
    table.create_table(**table_request(settings.table))
    table.update_time_to_live(
        TableName=settings.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
    )
    files = client("s3", place)
    for bucket in (settings.lake_bucket, settings.landing_bucket):
        files.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": settings.region})
    streams = client("kinesis", place)
    for stream in settings.streams.values():
        streams.create_stream(StreamName=stream, ShardCount=names.HUB_PARTITIONS)


if __name__ == "__main__":
    provision(read_settings(os.environ))
