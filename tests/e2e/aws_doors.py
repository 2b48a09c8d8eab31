"""The stream and file doors of a platform on AWS, as partners use them: Kinesis and S3 by boto3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config

from shared.settings import read_settings
from tests.e2e.platform import Platform


class NotAcknowledged(OSError):
    """A service took a call and refused part of it."""


def is_on_aws(platform: Platform) -> bool:
    """Whether its doors are those of AWS."""
    return platform.settings.get("GALEN_CLOUD") == "aws"


@contextmanager
def _client(platform: Platform, service: str) -> Iterator[Any]:
    """One that tries once: whoever sends here repeats by itself, and counts how often."""
    settings = platform.settings
    client = boto3.client(
        service,
        region_name=settings["AWS_REGION"],
        endpoint_url=settings["AWS_ENDPOINT_URL"],
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, proxies={}),
    )
    try:
        yield client
    finally:
        client.close()


def put_records(platform: Platform, hub: str, bodies: Sequence[bytes], key: str) -> None:
    """Events of one partition key. Raises what boto3 raises, and NotAcknowledged where only some were taken."""
    records = [{"Data": body, "PartitionKey": key} for body in bodies]
    with _client(platform, "kinesis") as kinesis:
        stream = read_settings(platform.settings).streams[hub]
        # An answer that was cut off, as the emulator was killed, has no count: nothing is acknowledged by it.
        if kinesis.put_records(StreamName=stream, Records=records).get("FailedRecordCount", len(records)):
            raise NotAcknowledged


def put_file(platform: Platform, name: str, content: bytes, tenant: str = "default") -> None:
    """Drops a file into the tenant's folder of the landing bucket."""
    bucket = platform.settings["GALEN_LANDING_BUCKET"]
    with _client(platform, "s3") as s3:
        s3.put_object(Bucket=bucket, Key=f"{tenant}/{name}", Body=content)
