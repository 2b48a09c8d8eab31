"""What the functions of live updates on AWS are made of: apart from the other use cases, for they reach nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

from shared.adapters.aws.connections import AwsPlace, client
from shared.adapters.aws.live import ApiGatewayLive, LiveConnections, LivePlace
from shared.adapters.system import SystemClock
from shared.bootstrap.secrets import with_secrets
from shared.domain.access.live_tickets import LiveTickets
from shared.services.ring_alerts import RingAlerts
from shared.settings import PREFIX, SettingsError


def admit(ticket: str) -> str:
    """Whose bell a ticket opens, once. Raises Unauthenticated, Busy and Unavailable."""
    shown = _tickets().take(ticket, SystemClock().now())
    connections().admit(shown)
    return shown.tenant


@cache
def _tickets() -> LiveTickets:
    return LiveTickets(_needed(with_secrets(os.environ), "LINK_KEY").encode())


@cache
def connections() -> LiveConnections:
    """Who is connected."""
    table = client("dynamodb", _services())
    return LiveConnections(table, _needed(os.environ, "CONNECTIONS_TABLE"), SystemClock())


@cache
def bell() -> RingAlerts:
    """What rings for a tenant whose alerts changed."""
    url, table = _needed(os.environ, "LIVE_URL"), _needed(os.environ, "CONNECTIONS_TABLE")
    return RingAlerts(ApiGatewayLive(LivePlace(url, table, services=_services()), SystemClock()))


def _services() -> AwsPlace:
    return AwsPlace(os.environ.get("AWS_REGION", ""), os.environ.get("AWS_ENDPOINT_URL", ""))


def _needed(environment: Mapping[str, str], name: str) -> str:
    if not environment.get(f"{PREFIX}{name}"):
        raise SettingsError(f"{PREFIX}{name} is missing: live updates need it")
    return environment[f"{PREFIX}{name}"]
