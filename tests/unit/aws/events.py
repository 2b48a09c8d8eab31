"""Events as AWS hands them to a function, in the forms of its documentation."""

from __future__ import annotations

import base64
import json
from typing import Any

REGION, ACCOUNT = "eu-central-1", "123456789012"
SHARD = "shardId-000000000006"
FIRST = 49590338271490256608559692538361571095921575989136588898
"""Of a real record, in the documentation of Lambda."""
STEP = 1_208_925_819_614_629_174_706_176
"""Between two records that follow each other at once, as seen in a stream: nothing but gaps."""


def kinesis(*bodies: bytes | dict[str, Any], first: int = FIRST, shard: str = SHARD) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html"""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "p-12",
                    "sequenceNumber": str(first + number * STEP),
                    "data": base64.b64encode(
                        body if isinstance(body, bytes) else json.dumps(body).encode()
                    ).decode(),
                    "approximateArrivalTimestamp": 1774747800.25,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{shard}:{first + number * STEP}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/lambda-role",
                "awsRegion": REGION,
                "eventSourceARN": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/clinical-events",
            }
            for number, body in enumerate(bodies)
        ]
    }


def object_created(key: str, **detail: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": "2026-03-29T01:30:00Z",
        "region": REGION,
        "resources": ["arn:aws:s3:::landing"],
        "detail": {
            "version": "0",
            "bucket": {"name": "landing"},
            "object": {
                "key": key,
                "size": 5,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "sequencer": "00617F08299329D189",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": ACCOUNT,
            "source-ip-address": "192.0.2.1",
            "reason": "PutObject",
            **detail,
        },
    }


def http(
    method: str, path: str, query: str = "", *, body: str | bytes = "", **headers: str
) -> dict[str, Any]:
    """Payload format 2.0; the path comes decoded, the query as it was sent.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    packed = isinstance(body, bytes)
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "host": "api.example.org",
            "x-forwarded-proto": "https",
            "x-forwarded-port": "443",
            **headers,
        },
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "api-id",
            "domainName": "api.example.org",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "agent",
            },
            "requestId": "id",
            "routeKey": "$default",
            "stage": "$default",
            "time": "29/Mar/2026:01:30:00 +0000",
            "timeEpoch": 1774747800000,
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": packed,
    }
