"""What runs in containers: the models' answers, and the scraper that brings the app's metrics to the metrics workspace.

https://learn.microsoft.com/azure/container-apps/networking and
https://learn.microsoft.com/azure/azure-monitor/metrics/prometheus-remote-write-managed-identity
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_azure_native import app, monitor

from functions.needs import ANSWERS, TELLS, Access, Need, Thing, without_included
from infra.components.azure.data_lake import DataLake
from infra.components.azure.identity import Identity, IdentityArgs
from infra.components.azure.model_registry import ModelRegistry
from infra.components.azure.records import Records
from infra.components.azure.roles import Role
from infra.components.azure.secrets import Secrets, SecretsArgs
from infra.components.azure.surroundings import Surroundings
from infra.config import Classification
from infra.scaling import scaling
from shared.names import INFERENCE_APP, SECRET_LINK_KEY, SECRET_SETTINGS

PORT: Final = 8080
_PULLS: Final = Need(Thing.IMAGES, Access.READ, "images")
INFERENCE_NEEDS: Final = frozenset({_PULLS, *without_included(ANSWERS)})
"""The image is the API without its token endpoint: it believes issuers by their public keys."""
SCRAPER_NEEDS: Final = frozenset({_PULLS})


@dataclass(frozen=True, slots=True)
class InferenceArgs:
    """Where, from which registry, the stores that the API asks and where they are, and what is scraped."""

    around: Surroundings
    registry: ModelRegistry
    lake: DataLake
    records: Records
    settings: Callable[[Identity], Mapping[str, pulumi.Input[str]]]
    """Where the stores are, as an identity opens them."""
    app_host: pulumi.Input[str]


class Inference(pulumi.ComponentResource):
    """An environment inside the network, whose traffic is encrypted, with two apps that only the network reaches."""

    def __init__(self, name: str, args: InferenceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:Inference", name, None, opts)
        self._args = args
        around = args.around
        self._environment = app.ManagedEnvironment(
            f"{name}-environment",
            resource_group_name=around.resource_group,
            location=around.config.location,
            app_logs_configuration={"destination": "azure-monitor"},
            peer_traffic_configuration={"encryption": {"enabled": True}},
            public_network_access="Disabled",
            vnet_configuration={
                "infrastructure_subnet_id": around.network.subnet_id("containers"),
                "internal": True,
            },
            workload_profiles=[{"name": "Consumption", "workload_profile_type": "Consumption"}],
            zone_redundant=around.config.is_production,
            tags=around.config.tags(Classification.OPERATIONAL),
            opts=pulumi.ResourceOptions(parent=self),
        )
        around.observability.watch(f"{name}-environment", self._environment.id)
        serves = self._identity(name, "serves", INFERENCE_NEEDS)
        self._admit(name, serves)
        secrets = self._secrets(serves)
        size = scaling(around.config, "inference")
        self.app = self._app(
            around.config.name(INFERENCE_APP),
            serves,
            image=around.config.inference_image,
            settings={**args.settings(serves), "AZURE_CLIENT_ID": serves.client_id},
            secrets={SECRET_SETTINGS[SECRET_LINK_KEY]: secrets.url(SECRET_LINK_KEY)},
            classification=Classification.PHI,
            scale={
                "min_replicas": size.least,
                "max_replicas": size.most,
                "rules": [{"name": "requests", "http": {"metadata": {"concurrentRequests": "20"}}}],
            },
            ingress={"external": False, "target_port": PORT, "transport": "auto", "allow_insecure": False},
        )
        self._scraper(name)
        serves.check_nothing_is_missing()
        self.register_outputs({"app_id": self.app.id})

    def _admit(self, name: str, serves: Identity) -> None:
        """Grants what the API needs, on each thing."""
        args = self._args
        serves.permit(TELLS.thing, TELLS.name, args.around.observability.insights.id, self)
        for container, scope in args.lake.containers.items():
            serves.permit(Thing.FILES, container, scope, self)
        args.records.admit(f"{name}-serves", serves)

    def _secrets(self, serves: Identity) -> Secrets:
        """A vault of its own: a right on a vault is one on all that lies there, and the app's has the key of tokens."""
        around = self._args.around
        return Secrets(
            around.config.name("kvi"),
            SecretsArgs(
                around.config,
                around.resource_group,
                serves,
                around.network,
                around.observability,
                (SECRET_LINK_KEY,),
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _identity(self, name: str, noun: str, needs: frozenset[Need]) -> Identity:
        around = self._args.around
        identity = Identity(
            f"{name}-{noun}",
            IdentityArgs(around.config, around.resource_group, needs),
            pulumi.ResourceOptions(parent=self),
        )
        identity.permit(_PULLS.thing, _PULLS.name, self._args.registry.id, self)
        return identity

    def _scraper(self, name: str) -> None:
        """Prometheus as an agent, one, all the time; it writes under its identity, by the workspace's rule only."""
        around = self._args.around
        scrapes = self._identity(name, "scrapes", SCRAPER_NEEDS)
        endpoint, rule = self._ingestion(name)
        scrapes.grant(f"{name}-scrapes-writes", Role.METRICS_PUBLISHER, rule.id, self)
        self._app(
            around.config.name("scraper"),
            scrapes,
            image=around.config.scraper_image,
            settings={
                "TARGET": self._args.app_host,
                "INGESTION_ENDPOINT": endpoint.metrics_ingestion.apply(
                    lambda it: (it or {}).get("endpoint", "")
                ),
                "INGESTION_RULE": rule.immutable_id,
                "AZURE_CLIENT_ID": scrapes.client_id,
            },
            scale={"min_replicas": 1, "max_replicas": 1},
            ingress=None,
        )
        scrapes.check_nothing_is_missing()

    def _ingestion(self, name: str) -> tuple[monitor.DataCollectionEndpoint, monitor.DataCollectionRule]:
        """Where metrics are sent, and the rule that puts them into the workspace: whoever writes needs a right on it."""
        around = self._args.around
        common: dict[str, Any] = {
            "resource_group_name": around.resource_group,
            "location": around.config.location,
            "tags": around.config.tags(Classification.OPERATIONAL),
            "opts": pulumi.ResourceOptions(parent=self),
        }
        endpoint = monitor.DataCollectionEndpoint(
            f"{name}-ingests",
            # Without a private link scope of Azure Monitor there is no other way in; each write has an identity.
            network_acls={"public_network_access": "Enabled"},
            **common,
        )
        stream = "Microsoft-PrometheusMetrics"
        workspace = {"account_resource_id": around.observability.metrics.id, "name": "metrics"}
        rule = monitor.DataCollectionRule(
            f"{name}-keeps",
            data_collection_endpoint_id=endpoint.id,
            data_sources={"prometheus_forwarder": [{"name": "scraper", "streams": [stream]}]},
            destinations={"monitoring_accounts": [workspace]},
            data_flows=[{"streams": [stream], "destinations": ["metrics"]}],
            **common,
        )
        return endpoint, rule

    def _app(
        self,
        name: str,
        identity: Identity,
        *,
        image: str,
        settings: dict[str, pulumi.Input[str]],
        scale: dict[str, Any],
        ingress: dict[str, Any] | None,
        secrets: Mapping[str, pulumi.Input[str]] | None = None,
        classification: Classification = Classification.OPERATIONAL,
    ) -> app.ContainerApp:
        around, registry = self._args.around, self._args.registry
        hidden = {setting.lower().replace("_", "-"): setting for setting in sorted(secrets or {})}
        return app.ContainerApp(
            name,
            resource_group_name=around.resource_group,
            location=around.config.location,
            environment_id=self._environment.id,
            workload_profile_name="Consumption",
            identity={"type": "UserAssigned", "user_assigned_identities": [identity.id]},
            configuration={
                "active_revisions_mode": "Single",
                "ingress": ingress,
                "secrets": [
                    {"name": noun, "key_vault_url": (secrets or {})[setting], "identity": identity.id}
                    for noun, setting in hidden.items()
                ],
                "registries": [{"server": registry.login_server, "identity": identity.id}],
            },
            template={
                "containers": [
                    {
                        "name": "main",
                        "image": pulumi.Output.concat(registry.login_server, "/", image),
                        "resources": {"cpu": 0.5, "memory": "1Gi"},
                        "env": [
                            *({"name": key, "value": value} for key, value in sorted(settings.items())),
                            *({"name": setting, "secret_ref": noun} for noun, setting in hidden.items()),
                        ],
                    }
                ],
                "scale": scale,
            },
            tags=around.config.tags(classification),
            opts=pulumi.ResourceOptions(parent=self),
        )
