"""A running platform as a sender sees it: its API, its hubs, its landing container, its dead letters."""

from __future__ import annotations

from dataclasses import dataclass

from local.delivery.api import Api
from local.delivery.parcels import Packer
from local.keys import CLIENT_ID
from local.run_state import RunState
from local.running import bearer, services_of
from shared.bootstrap import Services
from shared.ports.lake import Lake
from shared.settings import Settings, read_settings

ALL_SCOPES = "system/*.cruds"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send, for one tenant. `dropped` is where files are dropped."""

    tenant: str
    settings: Settings
    services: Services
    api: Api
    dropped: Lake
    packer: Packer


def target_of(state: RunState, tenant: str) -> Target:
    """The platform of a run, with a token for the tenant."""
    settings = read_settings(state.settings)
    services = services_of(state)
    return Target(
        tenant=tenant,
        settings=settings,
        services=services,
        api=Api(state.url, lambda: bearer(services, CLIENT_ID, tenant, ALL_SCOPES)),
        dropped=services.adapters.dropped,
        packer=Packer(tenant, settings.source, services.clock),
    )
