"""What CloudWatch is told of the app's metrics: lines of JSON in a function's log, from which it makes metrics itself.

No call, no right and no endpoint is needed for that. Told is what an alarm asks for, because CloudWatch bills by metric:
counts as what was added since the last line, gauges as they are.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from shared.domain.observability.prometheus import Sample
from shared.names import METRICS_NAMESPACE

MOST_VALUES: Final = 100
"""Of one metric in a line."""


@dataclass(frozen=True, slots=True)
class Told:
    """A metric that CloudWatch has: by which label apart (empty: all series as one), and which values of labels count."""

    dimension: str = ""
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def counts(self, labels: Mapping[str, str]) -> bool:
        """Whether a series is told."""
        return all(labels.get(name) in values for name, values in self.only.items())


TOLD: Final = {
    "galen_chain_faults": Told(),
    "galen_dead_letters_open": Told("stage"),
    "galen_dead_letters_total": Told(),
    "galen_expectations_unmet": Told(),
    "galen_freshness_seconds": Told("layer"),
    "galen_lines_total": Told(),
    "galen_model_out_of_bounds": Told(),
    "galen_models_refused_total": Told(),
    "galen_policy_violations": Told(),
    "galen_rebuild_differences": Told(),
    # Who is asked to wait is no intruder.
    "galen_refused_total": Told(only={"status": frozenset({"401", "403"})}),
}


class EmbeddedMetrics:
    """The lines of one process."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def counts(self, counters: Iterable[tuple[str, Mapping[str, str], float]], now: datetime) -> list[str]:
        """What was added to counters since the last call; no line where nothing was."""
        added: dict[tuple[str, str], list[float]] = defaultdict(list)
        for name, labels, value in counters:
            told = TOLD.get(name)
            if told is None or not told.counts(labels):
                continue
            series = name, tuple(sorted(labels.items()))
            more = value - self._before.get(series, 0.0)
            self._before[series] = value
            if more:
                added[name, labels.get(told.dimension, "")].append(more)
        return list(_lines({key: [sum(values)] for key, values in added.items()}, now))


def gauges(samples: Iterable[Sample], now: datetime) -> list[str]:
    """The gauges of the whole platform as they are."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for sample in samples:
        told = TOLD.get(sample.name)
        if told is not None and sample.kind == "gauge" and told.counts(sample.labels):
            found[sample.name, sample.labels.get(told.dimension, "")].append(sample.value)
    return list(_lines(found, now))


def _lines(values: Mapping[tuple[str, str], list[float]], now: datetime) -> Iterator[str]:
    """A line for those without a dimension, and one for each value of a dimension."""
    lines: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(dict)
    for (name, value), numbers in values.items():
        lines[TOLD[name].dimension, value][name] = sorted(numbers)[-MOST_VALUES:]
    for (dimension, value), metrics in lines.items():
        directive: dict[str, Any] = {
            "Namespace": METRICS_NAMESPACE,
            "Dimensions": [[dimension] if dimension else []],
            "Metrics": [{"Name": name} for name in metrics],
        }
        about = {"Timestamp": int(1000 * now.timestamp()), "CloudWatchMetrics": [directive]}
        yield json.dumps({"_aws": about, **({dimension: value} if dimension else {}), **metrics})
