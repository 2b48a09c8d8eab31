"""Alarms as Prometheus has them: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from infra.alerts.rule import Alarm, Bound, Highest, Increase, Metric, Percent, Quantile, Signal, Until, Used


def expression(bound: Bound) -> str:
    """The expression that has a value while the bound is broken."""
    return f"{_signal(bound.signal, bound.window_min)} {'>' if bound.above else '<'} {bound.threshold:g}"


def _signal(signal: Signal, window_min: int) -> str:
    match signal:
        case Increase(metric):
            return _rise(metric, window_min)
        case Percent(part, whole):
            return f"100 * {_rise(part, window_min)} / {_rise(whole, window_min)}"
        case Quantile(metric, quantile):
            buckets = Metric(f"{metric.name}_bucket", metric.labels)
            return (
                f"histogram_quantile({quantile:g}, sum by (le) (rate({_selector(buckets)}[{window_min}m])))"
            )
        case Highest(metric):
            return f"max({_selector(metric)})"
        case Used(metric, limit):
            most = f"max({_selector(limit)})" if isinstance(limit, Metric) else f"{limit:g}"
            return f"100 * max({_selector(metric)}) / {most}"
        case Until(metric):
            return f"min({_selector(metric)}) - time()"


def _rise(metric: Metric, window_min: int) -> str:
    return f"sum(increase({_selector(metric)}[{window_min}m]))"


def _selector(metric: Metric) -> str:
    labels = ",".join(f'{label}=~"{values}"' for label, values in sorted(metric.labels.items()))
    return f"{metric.name}{{{labels}}}" if labels else metric.name


def rules_file(alarms: Iterable[Alarm]) -> str:
    """The text of a rules file."""
    lines = ["groups:", "  - name: galen", "    rules:"]
    for alarm in alarms:
        lines += [
            f"      - alert: {alarm.name}",
            f"        expr: {json.dumps(expression(alarm.prometheus))}",
            f"        for: {alarm.prometheus.for_min}m",
            "        labels:",
            f"          priority: {alarm.priority}",
            "        annotations:",
        ]
        lines += [f"          {key}: {json.dumps(text)}" for key, text in told_by(alarm).items()]
    return "\n".join([*lines, ""])


def told_by(alarm: Alarm) -> Mapping[str, str]:
    """What an alarm tells whoever it reaches."""
    return {"summary": alarm.says, "action": alarm.act}
