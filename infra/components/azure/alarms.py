"""The alarms on Azure: a rule group over the metrics workspace, and alerts over what the platform itself keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_azure_native import alertsmanagement, monitor

from infra.alerts.alarms import ALARMS
from infra.alerts.azure_monitor import SEVERITY, activity_condition, platform_criteria, rule_group
from infra.alerts.rule import ActivityLog, Alarm, PlatformMetric
from infra.components.azure.observability import Observability
from infra.config import Classification, StackConfig

_TYPES: Final = {"cosmosdb:DatabaseAccount": "Microsoft.DocumentDB/databaseAccounts"}


@dataclass(frozen=True, slots=True)
class AlarmsArgs:
    """Where, whom to tell, the group that the activity log is about, and the resources with metrics of their own."""

    config: StackConfig
    resource_group: pulumi.Input[str]
    resource_group_id: pulumi.Input[str]
    observability: Observability
    watched: Mapping[str, pulumi.Input[str]]


class Alarms(pulumi.ComponentResource):
    """Every alarm, each telling the action group."""

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:Alarms", name, None, opts)
        self._name = name
        self._args = args
        self._common: dict[str, Any] = {
            "resource_group_name": args.resource_group,
            "enabled": True,
            "tags": args.config.tags(Classification.OPERATIONAL),
            "opts": pulumi.ResourceOptions(parent=self),
        }
        told = [{"action_group_id": args.observability.action_group.id}]
        alertsmanagement.PrometheusRuleGroup(
            f"{name}-rules",
            location=args.config.location,
            interval="PT1M",
            scopes=[args.observability.metrics.id],
            rules=[{**rule, "actions": told} for rule in rule_group(ALARMS)],
            **self._common,
        )
        for alarm in ALARMS:
            if isinstance(alarm.azure, PlatformMetric):
                self._metric(alarm, alarm.azure)
            elif isinstance(alarm.azure, ActivityLog):
                self._activity(alarm, alarm.azure)
        self.register_outputs({})

    def _metric(self, alarm: Alarm, metric: PlatformMetric) -> None:
        args = self._args
        monitor.MetricAlert(
            f"{self._name}-{alarm.name}",
            location="Global",
            description=f"{alarm.says}. {alarm.act}.",
            severity=SEVERITY[alarm.priority],
            scopes=[args.watched[metric.resource_type]],
            target_resource_type=_TYPES[metric.resource_type],
            target_resource_region=args.config.location,
            criteria=platform_criteria(metric),
            evaluation_frequency="PT1M",
            window_size=f"PT{metric.bound.window_min}M",
            actions=[{"action_group_id": args.observability.action_group.id}],
            auto_mitigate=True,
            **self._common,
        )

    def _activity(self, alarm: Alarm, log: ActivityLog) -> None:
        args = self._args
        monitor.ActivityLogAlert(
            f"{self._name}-{alarm.name}",
            location="Global",
            description=f"{alarm.says}. {alarm.act}.",
            scopes=[args.resource_group_id],
            condition=activity_condition(log),
            actions={"action_groups": [{"action_group_id": args.observability.action_group.id}]},
            **self._common,
        )
