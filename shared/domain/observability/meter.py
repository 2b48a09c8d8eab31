"""Counts of one process, and of several added up, as samples."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from shared.domain.observability.catalogue import BUCKETS_S, COUNTERS, GAUGES, HISTOGRAMS
from shared.domain.observability.prometheus import Sample

Labels = tuple[tuple[str, str], ...]


class ProcessMeter:
    """The Meter port in memory. `export` and `load_samples` carry the counts between processes as plain JSON."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, Labels], float] = defaultdict(float)
        self._gauges: dict[tuple[str, Labels], float] = {}
        self._buckets: dict[tuple[str, Labels], list[float]] = {}
        self._lock = threading.Lock()

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        with self._lock:
            self._counters[name, tuple(sorted(labels.items()))] += value

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        key = name, tuple(sorted(labels.items()))
        with self._lock:
            row = self._buckets.setdefault(key, [0.0] * (len(BUCKETS_S) + 2))
            row[bisect_left(BUCKETS_S, seconds)] += 1
            row[-1] += seconds

    def gauge(self, name: str, value: float, **labels: str) -> None:
        with self._lock:
            self._gauges[name, tuple(sorted(labels.items()))] = value

    def span(
        self,
        name: str,  # noqa: ARG002 - the port's face: nothing collects spans here
        parent: str = "",  # noqa: ARG002
        **attributes: str,  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        return nullcontext()

    def export(self) -> dict[str, Any]:
        """All values as a JSON object."""
        with self._lock:
            return {
                "counters": [[name, dict(labels), value] for (name, labels), value in self._counters.items()],
                "gauges": [[name, dict(labels), value] for (name, labels), value in self._gauges.items()],
                "histograms": [
                    [name, dict(labels), list(row)] for (name, labels), row in self._buckets.items()
                ],
            }


def samples_of(exports: list[dict[str, Any]]) -> list[Sample]:
    """The exports of several processes added up; of a gauge the last one counts. Numbers may be exact decimals."""
    counters: dict[tuple[str, Labels], float] = defaultdict(float)
    gauges: dict[tuple[str, Labels], float] = {}
    histograms: dict[tuple[str, Labels], list[float]] = {}
    for export in exports:
        for name, labels, value in export["counters"]:
            counters[name, tuple(sorted(labels.items()))] += float(value)
        for name, labels, value in export["gauges"]:
            gauges[name, tuple(sorted(labels.items()))] = float(value)
        for name, labels, row in export["histograms"]:
            key = name, tuple(sorted(labels.items()))
            histograms[key] = [
                a + float(b) for a, b in zip(histograms.get(key, [0.0] * len(row)), row, strict=True)
            ]
    samples = [
        Sample(name, "counter", COUNTERS.get(name, ""), dict(at), value)
        for (name, at), value in counters.items()
    ]
    samples += [
        Sample(name, "gauge", GAUGES.get(name, ""), dict(at), value) for (name, at), value in gauges.items()
    ]
    for (name, at), row in histograms.items():
        samples += _histogram(name, dict(at), row)
    return samples


def _histogram(name: str, labels: dict[str, str], row: list[float]) -> list[Sample]:
    text, total, samples = HISTOGRAMS.get(name, ""), 0.0, []
    for bound, number in zip((*BUCKETS_S, float("inf")), row[:-1], strict=True):
        total += number
        le = "+Inf" if bound == float("inf") else f"{bound:g}"
        samples.append(Sample(f"{name}_bucket", "histogram", text, {**labels, "le": le}, total))
    samples.append(Sample(f"{name}_sum", "histogram", text, labels, row[-1]))
    samples.append(Sample(f"{name}_count", "histogram", text, labels, total))
    return samples
