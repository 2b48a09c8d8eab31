"""The whole of Galen on Azure, exactly what the app uses."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import resources

from infra.components.data_lake import DataLake, DataLakeArgs
from infra.components.event_streams import EventStreams, EventStreamsArgs
from infra.components.functions_app import FunctionsApp, FunctionsAppArgs
from infra.components.identity import Identity, IdentityArgs
from infra.components.landing_subscription import LandingSubscription, LandingSubscriptionArgs
from infra.components.network import Network, NetworkArgs
from infra.components.observability import Observability, ObservabilityArgs
from infra.components.records import Records, RecordsArgs
from infra.components.secrets import Secrets, SecretsArgs
from infra.config import Classification, StackConfig
from shared.names import (
    EVENT_HUBS_CONNECTION,
    LAKE_CONNECTION,
    RECORDS_CONNECTION,
    SECRET_LINK_KEY,
    SECRET_TOKEN_CLIENTS,
    SECRET_TOKEN_SIGNING_KEY,
)

SECRETS = {
    "GALEN_TOKEN_SIGNING_KEY": SECRET_TOKEN_SIGNING_KEY,
    "GALEN_TOKEN_CLIENTS": SECRET_TOKEN_CLIENTS,
    "GALEN_LINK_KEY": SECRET_LINK_KEY,
}
"""The app settings that carry a secret, and its name in the vault."""


def provision(config: StackConfig) -> None:
    """Declares every resource of one stack and exports what a deployment needs to know."""
    group = resources.ResourceGroup(
        config.name("group"), location=config.location, tags=config.tags(Classification.OPERATIONAL)
    )
    identity = Identity(config.name("app"), IdentityArgs(config, group.name))
    network = Network(config.name("private"), NetworkArgs(config, group.name))
    observability = Observability(config.name("watch"), ObservabilityArgs(config, group.name, identity))
    common = (config, group.name, identity, network, observability)
    lake = DataLake(config.name("lake"), DataLakeArgs(*common))
    streams = EventStreams(config.name("streams"), EventStreamsArgs(*common))
    records = Records(config.name("records"), RecordsArgs(*common))
    # A vault's name has at most 24 characters, eight of them Pulumi's.
    secrets = Secrets(config.name("kv"), SecretsArgs(*common))
    functions = FunctionsApp(
        config.name("fn"),
        FunctionsAppArgs(*common, settings=connection_settings(identity, lake, streams, records, secrets)),
    )
    LandingSubscription(
        config.name("landing"),
        LandingSubscriptionArgs(config, group.name, lake.account, functions.app, observability),
    )
    pulumi.export("resource_group", group.name)
    pulumi.export("app", functions.app.name)
    pulumi.export("url", pulumi.Output.concat("https://", functions.host_name))


def connection_settings(
    identity: Identity, lake: DataLake, streams: EventStreams, records: Records, secrets: Secrets
) -> dict[str, pulumi.Input[str]]:
    """The app's settings: where each service is, and that the identity, never a key, opens it."""
    settings: dict[str, pulumi.Input[str]] = {
        f"{EVENT_HUBS_CONNECTION}__fullyQualifiedNamespace": streams.host,
        f"{RECORDS_CONNECTION}__accountEndpoint": records.endpoint,
        f"{LAKE_CONNECTION}__blobServiceUri": lake.blob_uri,
        f"{LAKE_CONNECTION}__dfsServiceUri": lake.dfs_uri,
    }
    for connection in (EVENT_HUBS_CONNECTION, RECORDS_CONNECTION, LAKE_CONNECTION):
        settings[f"{connection}__credential"] = "managedidentity"
        settings[f"{connection}__clientId"] = identity.client_id
    for setting, secret in SECRETS.items():
        settings[setting] = secrets.reference(secret)
    return settings
