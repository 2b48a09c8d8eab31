"""Logs, traces and metrics: one workspace, Application Insights on it, and diagnostic settings of the others into it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import applicationinsights, monitor, operationalinsights

from infra.components.identity import Identity, Role
from infra.config import Classification, StackConfig


@dataclass(frozen=True, slots=True)
class ObservabilityArgs:
    """Where, and who may send."""

    config: StackConfig
    resource_group: pulumi.Input[str]
    identity: Identity


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
        args.identity.grant(f"{name}-sends-telemetry", Role.METRICS_PUBLISHER, self.insights.id, self)
        self.connection_string = self.insights.connection_string
        self.register_outputs(
            {"workspace_id": self.workspace.id, "connection_string": self.connection_string}
        )

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
