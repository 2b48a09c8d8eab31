"""Alarms as Azure Monitor has them: Prometheus rules over the metrics workspace, and what the platform itself keeps.

https://learn.microsoft.com/azure/azure-monitor/metrics/prometheus-rule-groups
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from infra.alerts.prometheus import expression, told_by
from infra.alerts.rule import ActivityLog, Alarm, Highest, PlatformMetric, Priority

SEVERITY: Final = {Priority.P1: 0, Priority.P2: 2, Priority.P3: 3}


def rule_group(alarms: Iterable[Alarm]) -> list[dict[str, Any]]:
    """The rules of a Prometheus rule group: of every alarm that the platform does not keep itself."""
    return [
        {
            "alert": alarm.name,
            "enabled": True,
            "expression": expression(alarm.prometheus),
            "for_": f"PT{alarm.prometheus.for_min}M",
            "severity": SEVERITY[alarm.priority],
            "labels": {"priority": str(alarm.priority)},
            "annotations": dict(told_by(alarm)),
        }
        for alarm in alarms
        if alarm.azure is None
    ]


def platform_criteria(metric: PlatformMetric) -> dict[str, Any]:
    """The criteria of an alert over a service's own metric."""
    bound = metric.bound
    assert isinstance(bound.signal, Highest), "services keep the highest value of a window"
    criterion = {
        "name": "bound",
        "criterion_type": "StaticThresholdCriterion",
        "metric_name": bound.signal.metric.name,
        "operator": "GreaterThan" if bound.above else "LessThan",
        "threshold": bound.threshold,
        "time_aggregation": "Maximum",
    }
    return {
        "odata_type": "Microsoft.Azure.Monitor.MultipleResourceMultipleMetricCriteria",
        "all_of": [criterion],
    }


def activity_condition(log: ActivityLog) -> dict[str, Any]:
    """The condition over an entry of the activity log."""
    field = "properties.currentHealthStatus" if log.category == "ResourceHealth" else "level"
    values = ["Error" if status == "Failed" else status for status in log.statuses]
    return {
        "all_of": [
            {"field": "category", "equals": log.category},
            {"any_of": [{"field": field, "equals": value} for value in values]},
        ]
    }
