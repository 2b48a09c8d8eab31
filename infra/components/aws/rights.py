"""The statements that answer a need on AWS: the actions that the adapters call, on the one thing, and its key.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import pulumi

from functions.needs import Access, Need, Thing
from infra.components.aws.documents import Statement, allow
from infra.config import ConfigurationError
from shared import names

_MEASURES: Final = (
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
)
LISTS: Final = "s3:ListBucket"
"""Of the bucket, never of a path: only to who may list a bucket S3 says that a file is not there, else that it may not be
asked for, and a condition on what is listed takes that away too."""
_READS: Final = ("s3:GetObject", LISTS)
_WRITES: Final = (*_READS, "s3:PutObject")
ACTIONS: Final = {
    (Thing.STREAM, Access.ASK): ("kinesis:DescribeStreamSummary",),
    (Thing.STREAM, Access.READ): _MEASURES,
    # The service itself reads the stream under the function's role, and asks in the older way.
    (Thing.STREAM, Access.RECEIVE): ("kinesis:DescribeStream", *_MEASURES),
    (Thing.RECORDS, Access.READ): ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"),
    (Thing.RECORDS, Access.WRITE): (
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
    ),
    (Thing.RECORDS, Access.FOLLOW): (
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    ),
    (Thing.FILES, Access.READ): _READS,
    (Thing.FILES, Access.ADD): ("s3:PutObject",),
    (Thing.FILES, Access.WRITE): _WRITES,
    (Thing.FILES, Access.REPLACE): (*_WRITES, "s3:AbortMultipartUpload", "s3:DeleteObject"),
    (Thing.SECRET, Access.READ): ("secretsmanager:GetSecretValue",),
    # Metrics are lines in the log, which the service itself writes.
    (Thing.TELEMETRY, Access.SEND): ("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    (Thing.LIVE_UPDATES, Access.SEND): ("execute-api:ManageConnections",),
    (Thing.CONNECTIONS, Access.ADD): ("dynamodb:PutItem",),
    # Who is gone is forgotten by whoever finds that out.
    (Thing.CONNECTIONS, Access.READ): ("dynamodb:DeleteItem", "dynamodb:Query"),
    (Thing.CONNECTIONS, Access.WRITE): ("dynamodb:DeleteItem", "dynamodb:PutItem"),
    (Thing.IMAGES, Access.READ): ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
}
_ONLY: Final = {
    (Thing.CONNECTIONS, Access.ADD): {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{names.TICKETS_SHOWN}*"]}
    },
}
"""Of a table some keys alone: who takes tickets makes nobody a listener.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""
_BY_TABLES: Final = {"StringLike": {"kms:ViaService": "dynamodb.*.amazonaws.com"}}
_ENCRYPTS: Final = ("kms:Decrypt", "kms:GenerateDataKey")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thing is: its ARNs, and the key that encrypts it."""

    arns: tuple[pulumi.Input[str], ...]
    key: pulumi.Output[str] | None = None


Places = Mapping[tuple[Thing, Access | None, str], Place]
"""By thing, access (None: any) and name."""


def place_of(need: Need, places: Places) -> Place:
    """Where a need is answered. Raises ConfigurationError where the stack has no such thing."""
    for access in (need.access, None):
        if found := places.get((need.thing, access, need.name)):
            return found
    message = f"a function needs to {need}, which the stack does not have"
    raise ConfigurationError(message)


def statements(needs: Iterable[Need], places: Places) -> list[Statement]:
    """What a role may do: for each need its actions on its place, and the use of the place's key."""
    found: list[Statement] = []
    ordered = sorted(needs)
    for name in dict.fromkeys(need.name for need in ordered if need.thing is Thing.FILES):
        found += _files([need for need in ordered if (need.thing, need.name) == (Thing.FILES, name)], places)
    for need in ordered:
        if need.thing is Thing.FILES:
            continue
        actions = ACTIONS[need.thing, need.access]
        if need.thing is Thing.TELEMETRY:
            found.append(allow(actions, "*"))  # they know no resource
            continue
        place = place_of(need, places)
        only = _ONLY.get((need.thing, need.access))
        found.append(allow(actions, *place.arns, **({"Condition": only} if only else {})))
        if place.key is not None:
            writes = need.access in (Access.ADD, Access.WRITE, Access.REPLACE, Access.SEND)
            by = {"Condition": _BY_TABLES} if need.thing is Thing.CONNECTIONS else {}
            found.append(allow(_ENCRYPTS if writes else _ENCRYPTS[:1], place.key, **by))
    return found


def _files(needs: list[Need], places: Places) -> list[Statement]:
    """Of one bucket: its listing, and each action on the paths for which it is needed."""
    place = place_of(needs[0], places)
    (bucket,) = place.arns
    paths: dict[str, list[str]] = {}
    for need in needs:
        for action in ACTIONS[need.thing, need.access]:
            paths.setdefault(action, []).append(need.path or "*")
    found = [allow([LISTS], bucket)] if paths.pop(LISTS, None) else []
    for action, of in paths.items():
        found.append(allow([action], *(pulumi.Output.concat(bucket, f"/{path}") for path in of)))
    if place.key is not None:
        encrypts = _ENCRYPTS[1:] if "s3:PutObject" in paths else ()
        found.append(allow((*(_ENCRYPTS[:1] if "s3:GetObject" in paths else ()), *encrypts), place.key))
    return found


def buckets(
    need_name: str, arn: pulumi.Output[str], key: pulumi.Output[str] | None
) -> tuple[tuple[Thing, Access | None, str], Place]:
    """The place of a bucket."""
    return (Thing.FILES, None, need_name), Place((arn,), key)
