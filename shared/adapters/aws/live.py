"""Live updates by a WebSocket API of API Gateway: who is connected stands in a table, and each is told by a call.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from shared.adapters.aws.connections import AwsPlace, client
from shared.adapters.aws.errors import code_of, status_of, translated
from shared.domain.access.live_tickets import LiveTickets, Shown
from shared.errors import GalenError, Unauthenticated
from shared.names import CONNECTIONS_KEY, TICKETS_SHOWN
from shared.ports.clock import Clock

TOLD: Final = json.dumps({"event": "alerts"}).encode()
GONE: Final = 410
KEPT: Final = timedelta(hours=3)
"""API Gateway ends a connection after two hours: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""
OPENS: Final = timedelta(seconds=30)
"""Until a connection can be told for sure: one that is being opened is answered with 410 as one that is gone."""
MOST: Final = 1_000
"""Connections of a tenant that are told, one after another within a run of the function; who is beyond asks by itself."""
_TENANT, _ID = CONNECTIONS_KEY
_REFUSED: Final = "ConditionalCheckFailedException"


@dataclass(frozen=True, slots=True)
class Connection:
    """One that was opened, and when."""

    id: str
    opened_at: datetime


class LiveConnections:
    """Who is connected, by tenant, and which tickets were shown. `table` is boto3's client for `dynamodb`."""

    def __init__(self, table: Any, name: str, clock: Clock) -> None:
        self._table = table
        self._name = name
        self._clock = clock

    def admit(self, shown: Shown) -> None:
        """Take a ticket for good. Raises Unauthenticated where it was shown before, Busy and Unavailable."""
        ends = int((shown.until + OPENS).timestamp())
        item = {**_key(f"{TICKETS_SHOWN}{shown.tenant}", shown.number), "ttl": {"N": str(ends)}}
        with translated():
            try:
                self._table.put_item(
                    TableName=self._name,
                    Item=item,
                    ConditionExpression="attribute_not_exists(#t)",
                    ExpressionAttributeNames={"#t": _TENANT},
                )
            except ClientError as failure:
                if code_of(failure) != _REFUSED:
                    raise
                raise Unauthenticated("live-ticket") from None

    def add(self, tenant: str, connection: str) -> None:
        """Somebody has connected. Raises Busy and Unavailable."""
        ends = int((self._clock.now() + KEPT).timestamp())
        with translated():
            self._table.put_item(
                TableName=self._name, Item={**_key(tenant, connection), "ttl": {"N": str(ends)}}
            )

    def remove(self, tenant: str, connection: str) -> None:
        """Somebody has left, or is gone; once more is no error. Raises Busy and Unavailable."""
        with translated():
            self._table.delete_item(TableName=self._name, Key=_key(tenant, connection))

    def of(self, tenant: str) -> list[Connection]:
        """Those of a tenant, whoever connected last included, up to MOST. Raises Busy and Unavailable."""
        asked = {
            "TableName": self._name,
            "KeyConditionExpression": "#t = :t",
            "ExpressionAttributeNames": {"#t": _TENANT},
            "ExpressionAttributeValues": {":t": {"S": tenant}},
            "ConsistentRead": True,
        }
        with translated():
            pages = self._table.get_paginator("query").paginate(**asked, PaginationConfig={"MaxItems": MOST})
            return [_connection(item) for page in pages for item in page["Items"]]


@dataclass(frozen=True, slots=True)
class LivePlace:
    """`url` is what clients open, whose host is called too; `key` seals tickets; `table` has who is connected."""

    url: str
    table: str = ""
    key: str = field(default="", repr=False)
    services: AwsPlace = field(default_factory=lambda: AwsPlace(""))


class ApiGatewayLive:
    """What it does not use it does not connect to: who makes addresses needs the key alone."""

    def __init__(self, place: LivePlace, clock: Clock) -> None:
        self._place = place
        self._clock = clock

    def address(self, tenant: str) -> str:
        ticket = LiveTickets(self._place.key.encode()).sell(tenant, self._clock.now(), uuid.uuid4().hex)
        return f"{self._place.url}?ticket={ticket}"

    def ring(self, tenant: str) -> None:
        failures: list[GalenError] = []
        opening = self._clock.now() - OPENS
        for connection in self._connections.of(tenant):
            try:
                if not self._tell(connection.id) and connection.opened_at <= opening:
                    self._connections.remove(tenant, connection.id)
            except GalenError as failure:  # the others are told first
                failures.append(failure)
        if failures:
            raise failures[0]

    def _tell(self, connection: str) -> bool:
        """False where it is gone."""
        with translated():
            try:
                self._client.post_to_connection(ConnectionId=connection, Data=TOLD)
            except ClientError as failure:
                if status_of(failure) != GONE:
                    raise
                return False
        return True

    @cached_property
    def _connections(self) -> LiveConnections:
        return LiveConnections(client("dynamodb", self._place.services), self._place.table, self._clock)

    @cached_property
    def _client(self) -> Any:
        parts = urlsplit(self._place.url)
        scheme = "http" if parts.scheme == "ws" else "https"
        at = AwsPlace(self._place.services.region, f"{scheme}://{parts.netloc}{parts.path}")
        return client("apigatewaymanagementapi", at, tries=2)


def _connection(item: dict[str, Any]) -> Connection:
    ends = datetime.fromtimestamp(int(item["ttl"]["N"]), UTC)
    return Connection(item[_ID]["S"], ends - KEPT)


def _key(tenant: str, connection: str) -> dict[str, Any]:
    return {_TENANT: {"S": tenant}, _ID: {"S": connection}}
