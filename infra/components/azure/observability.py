"""Logs, traces and metrics: one workspace, Application Insights on it, and diagnostic settings of the others into it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import applicationinsights, dashboard, monitor, operationalinsights

from functions.needs import TELLS
from infra.components.azure.identity import Identity, assign
from infra.components.azure.network import Network
from infra.components.azure.network_plan import Subresource
from infra.components.azure.roles import Role
from infra.config import Classification, StackConfig


@dataclass(frozen=True, slots=True)
class ObservabilityArgs:
    """Where, and who may send."""

    config: StackConfig
    resource_group: pulumi.Input[str]
    identity: Identity
    network: Network


class Observability(pulumi.ComponentResource):
    """Takes telemetry from the app's identity only; neither a key nor an instrumentation key writes."""

    def __init__(
        self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("galen:azure:Observability", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        tags = args.config.tags(Classification.OPERATIONAL)
        self.workspace = operationalinsights.Workspace(
            f"{name}-logs",
            resource_group_name=args.resource_group,
            location=args.config.location,
            retention_in_days=args.config.log_retention_days,
            sku={"name": "PerGB2018"},
            features={"disable_local_auth": True},
            tags=tags,
            opts=child,
        )
        self.insights = applicationinsights.Component(
            f"{name}-insights",
            resource_group_name=args.resource_group,
            location=args.config.location,
            kind="web",
            application_type="web",
            workspace_resource_id=self.workspace.id,
            disable_local_auth=True,
            disable_ip_masking=False,
            tags=tags,
            opts=child,
        )
        args.identity.permit(TELLS.thing, TELLS.name, self.insights.id, self)
        self._args = args
        self.metrics = self._metrics(name)
        self.action_group = self._action_group(name)
        self._grafana(name)
        self.connection_string = self.insights.connection_string
        self.register_outputs(
            {"workspace_id": self.workspace.id, "connection_string": self.connection_string}
        )

    def _metrics(self, name: str) -> monitor.AzureMonitorWorkspace:
        """Where the scraper writes the app's metrics, in the form of Prometheus."""
        return monitor.AzureMonitorWorkspace(
            f"{name}-metrics",
            resource_group_name=self._args.resource_group,
            location=self._args.config.location,
            public_network_access="Disabled",
            tags=self._args.config.tags(Classification.OPERATIONAL),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _action_group(self, name: str) -> monitor.ActionGroup:
        """Who is told: a mail for every alarm, and the pager where one is configured."""
        config = self._args.config
        pager = {"name": "pager", "service_uri": config.pager_webhook, "use_common_alert_schema": True}
        return monitor.ActionGroup(
            f"{name}-told",
            resource_group_name=self._args.resource_group,
            location="Global",
            group_short_name="galen",
            enabled=True,
            email_receivers=[
                {"name": "mail", "email_address": config.alert_email, "use_common_alert_schema": True}
            ],
            webhook_receivers=[pager] if config.pager_webhook else [],
            tags=config.tags(Classification.OPERATIONAL),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _grafana(self, name: str) -> None:
        """Dashboards for operators, signed in with Entra; no key opens its interface."""
        grafana = dashboard.Grafana(
            f"{name}-board",
            # Its name has at most 23 characters.
            workspace_name=self._args.config.name("board"),
            resource_group_name=self._args.resource_group,
            location=self._args.config.location,
            sku={"name": "Standard"},
            identity={"type": "SystemAssigned"},
            properties={
                "api_key": "Disabled",
                "public_network_access": "Disabled",
                "deterministic_outbound_ip": "Disabled",
                "zone_redundancy": "Enabled" if self._args.config.is_production else "Disabled",
                "grafana_integrations": {
                    "azure_monitor_workspace_integrations": [
                        {"azure_monitor_workspace_resource_id": self.metrics.id}
                    ]
                },
            },
            tags=self._args.config.tags(Classification.OPERATIONAL),
            opts=pulumi.ResourceOptions(parent=self),
        )
        dashboard.ManagedPrivateEndpoint(
            f"{name}-board-to-metrics",
            resource_group_name=self._args.resource_group,
            location=self._args.config.location,
            workspace_name=grafana.name,
            managed_private_endpoint_name="metrics",
            private_link_resource_id=self.metrics.id,
            private_link_resource_region=self._args.config.location,
            group_ids=["prometheusMetrics"],
            request_message="Dashboards read metrics",
            tags=self._args.config.tags(Classification.OPERATIONAL),
            opts=pulumi.ResourceOptions(parent=self),
        )
        reader = grafana.identity.principal_id
        assign(f"{name}-board-reads", Role.METRICS_READER, self.metrics.id, reader, self)
        self._args.network.expose(f"{name}-board", grafana.id, Subresource.GRAFANA)
        self.watch(f"{name}-board", grafana.id)

    def watch(self, name: str, resource_id: pulumi.Input[str], *, logs: bool = True) -> None:
        """Sends a resource's metrics and, where it has any, all its logs to the workspace."""
        monitor.DiagnosticSetting(
            f"{name}-diagnostics",
            resource_uri=resource_id,
            workspace_id=self.workspace.id,
            logs=[{"category_group": "allLogs", "enabled": True}] if logs else [],
            metrics=[{"category": "Transaction" if not logs else "AllMetrics", "enabled": True}],
            opts=pulumi.ResourceOptions(parent=self),
        )
