"""As much of CloudWatch as the alarms use: statistics of samples, a list for each minute, and metric math of two sums.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

Samples = Mapping[tuple[str, str], Sequence[Sequence[float]]]
"""By namespace, and name with its dimensions: what was measured in each minute."""


def in_alarm(alarm: Mapping[str, Any], recorded: Samples, minute: int) -> bool:
    """Whether enough of the last periods break the threshold; a period without data does not."""
    period = _period_s(alarm) // 60
    times = alarm["evaluation_periods"]
    values = [_value(alarm, recorded, minute - period * back, period) for back in range(times)]
    broken = [
        v > alarm["threshold"]
        if alarm["comparison_operator"] == "GreaterThanThreshold"
        else v < alarm["threshold"]
        for v in values
        if v is not None
    ]
    return sum(broken) >= alarm["datapoints_to_alarm"]


def _period_s(alarm: Mapping[str, Any]) -> int:
    queries = [query["metric"]["period"] for query in alarm.get("metric_queries", ()) if "metric" in query]
    return int(queries[0] if queries else alarm["period"])


def _value(alarm: Mapping[str, Any], recorded: Samples, minute: int, period: int) -> float | None:
    if "metric_queries" not in alarm:
        statistic = alarm.get("statistic") or alarm["extended_statistic"]
        named = " ".join(
            [alarm["metric_name"], *(f"{k}={v}" for k, v in alarm.get("dimensions", {}).items())]
        )
        return _statistic(recorded, alarm["namespace"], named, statistic, minute, period)
    found: dict[str, float | None] = {}
    for query in alarm["metric_queries"]:
        if "metric" in query:
            of = query["metric"]
            found[query["id"]] = _statistic(
                recorded, of["namespace"], of["metric_name"], of["stat"], minute, period
            )
    (math_,) = [query["expression"] for query in alarm["metric_queries"] if "expression" in query]
    factor, part, whole = re.fullmatch(r"(\d+)\*(\w+)/([\w.]+)", math_).groups()  # type: ignore[union-attr]
    above, below = found[part], found[whole] if whole in found else float(whole)
    return None if above is None or not below else float(factor) * above / below


def _statistic(
    recorded: Samples, namespace: str, name: str, statistic: str, minute: int, period: int
) -> float | None:
    samples = recorded.get((namespace, name), ())
    values = [value for one in samples[max(0, minute - period + 1) : minute + 1] for value in one]
    if not values:
        return None
    if statistic.startswith("p"):
        return sorted(values)[math.ceil(float(statistic[1:]) / 100 * len(values)) - 1]
    return {"Sum": math.fsum, "Maximum": max, "Minimum": min}[statistic](values)
