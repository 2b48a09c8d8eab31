"""The whole of Galen on Azure, exactly what the app uses."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import resources

from functions.azure import http, landing, reactions, schedules, streams
from functions.needs import Need, together
from infra.components.azure.access import Access
from infra.components.azure.alarms import Alarms, AlarmsArgs
from infra.components.azure.dashboard import Dashboard
from infra.components.azure.data_lake import DataLake
from infra.components.azure.event_streams import EventStreams
from infra.components.azure.front_door import FrontDoor
from infra.components.azure.functions_app import FunctionsApp, FunctionsAppArgs
from infra.components.azure.identity import Identity, IdentityArgs
from infra.components.azure.inference import Inference, InferenceArgs
from infra.components.azure.keys import Keys, KeysArgs
from infra.components.azure.landing_subscription import LandingSubscription, LandingSubscriptionArgs
from infra.components.azure.model_registry import ModelRegistry
from infra.components.azure.network import Network, NetworkArgs
from infra.components.azure.observability import Observability, ObservabilityArgs
from infra.components.azure.records import Records
from infra.components.azure.reports import Reports
from infra.components.azure.secrets import Secrets, SecretsArgs
from infra.components.azure.spark_workspace import SparkWorkspace, SparkWorkspaceArgs
from infra.components.azure.surroundings import Surroundings
from infra.config import Classification, StackConfig
from shared.names import (
    CAPTURE_CONTAINER,
    EVENT_HUBS_CONNECTION,
    LAKE_CONNECTION,
    RECORDS_CONNECTION,
    SECRET_SETTINGS,
)


def app_needs() -> frozenset[Need]:
    """What the functions declare, together: on Azure one app, and so one identity, holds them all."""
    return together(http.NEEDS, landing.NEEDS, reactions.NEEDS, schedules.NEEDS, streams.NEEDS)


def provision(config: StackConfig) -> None:
    """Declares every resource of one stack and exports what a deployment needs to know."""
    config.check()
    group = resources.ResourceGroup(
        config.name("group"), location=config.location, tags=config.tags(Classification.OPERATIONAL)
    )
    around = _surroundings(config, group.name)
    lake = DataLake(config.name("lake"), around)
    streams_ = EventStreams(
        config.name("streams"), around, lake.containers[CAPTURE_CONTAINER], lake.account.id
    )
    records = Records(config.name("records"), around)
    secrets = Secrets(
        config.name("kv"),
        SecretsArgs(
            config, group.name, around.identity, around.network, around.observability, tuple(SECRET_SETTINGS)
        ),
    )
    dashboard = Dashboard(config.name("dashboard"), around)
    Access(config.name("access"), config, dashboard.host)
    front = (
        FrontDoor(config.name("front"), config, group.name, around.observability)
        if config.is_production
        else None
    )
    settings = {
        **connection_settings(around.identity, lake, streams_, records),
        **{setting: secrets.reference(secret) for secret, setting in SECRET_SETTINGS.items()},
        "GALEN_TRUSTED_ISSUERS": config.trusted_issuers,
        "GALEN_LIVE_URL": pulumi.Output.concat("https://", dashboard.live.host_name),
    }
    functions = FunctionsApp(
        config.name("fn"), FunctionsAppArgs(around, settings, front.id if front else None)
    )
    around.identity.check_nothing_is_missing()
    LandingSubscription(
        config.name("landing"),
        LandingSubscriptionArgs(config, group.name, lake.account, functions.app, around.observability),
    )
    Alarms(
        config.name("alarms"),
        AlarmsArgs(
            config,
            group.name,
            group.id,
            around.observability,
            {"cosmosdb:DatabaseAccount": records.account.id},
        ),
    )
    _jobs(around, lake)
    _models(around, functions, lake, streams_, records)
    public = front.lead_to(functions.host_name) if front else functions.host_name
    pulumi.export("resource_group", group.name)
    pulumi.export("app", functions.app.name)
    pulumi.export("dashboard", dashboard.host)
    pulumi.export("url", pulumi.Output.concat("https://", public))


def _jobs(around: Surroundings, lake: DataLake) -> None:
    """What makes tables of the lake."""
    config = around.config
    reports = Reports(config.name("reports"), around)
    SparkWorkspace(
        config.name("spark"),
        SparkWorkspaceArgs(around, lake.account.name, lake.containers, reports.jdbc_url),
    )


def _models(
    around: Surroundings,
    functions: FunctionsApp,
    lake: DataLake,
    streams_: EventStreams,
    records: Records,
) -> None:
    """The API with its models in containers, under the name that the app's tokens are for."""
    config = around.config

    def settings(identity: Identity) -> dict[str, pulumi.Input[str]]:
        return {
            **connection_settings(identity, lake, streams_, records),
            "GALEN_METRICS_ACCESS": config.metrics_access,
            "GALEN_TRUSTED_ISSUERS": config.trusted_issuers,
            "GALEN_STREAMS_ASKED": "false",
            "GALEN_URL": config.url or pulumi.Output.concat("https://", functions.host_name),
        }

    registry = ModelRegistry(config.name("images"), around)
    Inference(
        config.name("models"),
        InferenceArgs(around, registry, lake, records, settings, functions.host_name),
    )


def _surroundings(config: StackConfig, group: pulumi.Input[str]) -> Surroundings:
    identity = Identity(config.name("app"), IdentityArgs(config, group, app_needs()))
    network = Network(config.name("private"), NetworkArgs(config, group))
    observability = Observability(config.name("watch"), ObservabilityArgs(config, group, identity, network))
    # A vault's name has at most 24 characters, eight of them Pulumi's.
    keys = Keys(config.name("keys"), KeysArgs(config, group, network, observability))
    return Surroundings(config, group, identity, network, observability, keys)


def connection_settings(
    identity: Identity, lake: DataLake, streams: EventStreams, records: Records
) -> dict[str, pulumi.Input[str]]:
    """Where each service is, and that an identity, never a key, opens it."""
    settings: dict[str, pulumi.Input[str]] = {
        f"{EVENT_HUBS_CONNECTION}__fullyQualifiedNamespace": streams.host,
        f"{RECORDS_CONNECTION}__accountEndpoint": records.endpoint,
        f"{LAKE_CONNECTION}__blobServiceUri": lake.blob_uri,
        f"{LAKE_CONNECTION}__dfsServiceUri": lake.dfs_uri,
    }
    for connection in (EVENT_HUBS_CONNECTION, RECORDS_CONNECTION, LAKE_CONNECTION):
        settings[f"{connection}__credential"] = "managedidentity"
        settings[f"{connection}__clientId"] = identity.client_id
    return settings
