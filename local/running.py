"""The app's own services against a running platform, for commands that look at it from this side."""

from __future__ import annotations

import os

from local.run_state import RunState
from shared.bootstrap import Services, adapters_of
from shared.settings import read_settings


def services_of(state: RunState) -> Services:
    """The use cases on the stores of a running platform."""
    settings = read_settings(state.settings)
    # Where the SDK of AWS looks for credentials.
    os.environ.update({name: value for name, value in state.settings.items() if name.startswith("AWS_")})
    return Services(settings, adapters_of(settings))


def bearer(services: Services, client: str, tenant: str, scopes: str) -> str:
    """A token of the platform's own issuer. Raises ValueError where a scope is malformed."""
    from shared.domain.access.scopes import parse_scope

    parsed = [parse_scope(word) for word in scopes.split()]
    if not parsed or None in parsed:
        raise ValueError("scopes look like system/Observation.rs or system/*.cruds")
    endpoint = services.token_endpoint
    if endpoint is None:
        raise ValueError("this platform has no signing key of its own")
    return endpoint.issue(client, tenant, [scope for scope in parsed if scope]).access_token
