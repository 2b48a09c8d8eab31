"""SDK clients: of AWS in a region, or of an emulator that speaks its protocols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

CONNECT_TIMEOUT_S: Final = 5
READ_TIMEOUT_S: Final = 30
TRIES: Final = 4
CONNECTIONS: Final = 64
"""Kept open: more than the threads of any process of ours."""


@dataclass(frozen=True, slots=True)
class AwsPlace:
    """Where the services are: `endpoint` is empty for AWS itself."""

    region: str
    endpoint: str = ""


def client(service: str, place: AwsPlace, *, tries: int = TRIES) -> Any:
    """A client of `dynamodb`, `s3` or `kinesis`, safe for many threads. Credentials are found as boto3 finds them.

    The SDK asks again by itself, `tries` times in all, with pauses that grow.
    https://docs.aws.amazon.com/boto3/latest/guide/retries.html
    """
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": tries},
        s3={"addressing_style": "path" if place.endpoint else "auto"},
    )
    session = boto3.session.Session()
    return session.client(
        service, region_name=place.region, endpoint_url=place.endpoint or None, config=config
    )
