"""Alarms as CloudWatch has them: the arguments of a metric alarm, with metric math where two metrics meet.

Labels are dimensions, each with one value: a metric alarm asks for one series.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

from typing import Any

from infra.alerts.rule import Alarm, Highest, Increase, Metric, Percent, Quantile, Until, Used


def alarm_arguments(alarm: Alarm) -> dict[str, Any]:
    """What a metric alarm takes beside its name, topic and tags."""
    bound = alarm.cloudwatch
    period_s = 60 * bound.window_min
    # A window of an hour already says "for long".
    times = max(1, bound.for_min // bound.window_min)
    common = {
        "comparison_operator": "GreaterThanThreshold" if bound.above else "LessThanThreshold",
        "threshold": bound.threshold,
        "evaluation_periods": times,
        "datapoints_to_alarm": times,
        "treat_missing_data": "notBreaching",
        "alarm_description": f"{alarm.priority}: {alarm.says}. {alarm.act}.",
    }
    match bound.signal:
        case Percent(part, whole):
            sums = [_query("part", part, "Sum", period_s), _query("whole", whole, "Sum", period_s)]
            return {**common, "metric_queries": [_math("100*part/whole"), *sums]}
        case Used(metric, limit):
            used = _query("used", metric, "Maximum", period_s)
            if isinstance(limit, Metric):
                most = _query("whole", limit, "Maximum", period_s)
                return {**common, "metric_queries": [_math("100*used/whole"), used, most]}
            return {**common, "metric_queries": [_math(f"100*used/{limit:g}"), used]}
        case Quantile(metric, quantile):
            return {**common, **_single(metric, period_s), "extended_statistic": f"p{100 * quantile:g}"}
        case Increase(metric):
            return {**common, **_single(metric, period_s), "statistic": "Sum"}
        case Highest(metric):
            return {**common, **_single(metric, period_s), "statistic": "Maximum"}
        case Until(metric):
            return {**common, **_single(metric, period_s), "statistic": "Minimum"}


def _single(metric: Metric, period_s: int) -> dict[str, Any]:
    named = {"metric_name": metric.name, "namespace": metric.namespace, "period": period_s}
    return {**named, "dimensions": dict(metric.labels)} if metric.labels else named


def _query(id_: str, metric: Metric, stat: str, period_s: int) -> dict[str, Any]:
    shown = {"metric_name": metric.name, "namespace": metric.namespace, "period": period_s, "stat": stat}
    return {"id": id_, "metric": shown, "return_data": False}


def _math(expression: str) -> dict[str, Any]:
    return {"id": "result", "expression": expression, "label": "percent", "return_data": True}
