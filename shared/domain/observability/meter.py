"""Counts of one process, and of several added up, as samples."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from shared.domain.observability.catalogue import BUCKETS_S, COUNTERS, GAUGES, HISTOGRAMS
from shared.domain.observability.prometheus import Sample

Labels = tuple[tuple[str, str], ...]
_MICROSECONDS: Final = 1_000_000
"""The sum of a histogram is kept in whole ones: added in another order, fractions could give a little less than before."""
Export = dict[str, Any]
"""All values of a process as a JSON object: `counters`, `gauges`, `histograms`, each a list of name, labels, value."""


class ProcessMeter:
    """The Meter port in memory. `export` carries the counts between processes as plain JSON."""

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
            row[-1] += round(seconds * _MICROSECONDS)

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

    def export(self) -> Export:
        """All values."""
        with self._lock:
            return {
                "counters": [[name, dict(labels), value] for (name, labels), value in self._counters.items()],
                "gauges": [[name, dict(labels), value] for (name, labels), value in self._gauges.items()],
                "histograms": [
                    [name, dict(labels), list(row)] for (name, labels), row in self._buckets.items()
                ],
            }


class Sums:
    """Counters and histograms of several exports added up. Numbers may be exact decimals."""

    def __init__(self) -> None:
        self.counters: dict[tuple[str, Labels], float] = defaultdict(float)
        self.histograms: dict[tuple[str, Labels], list[float]] = {}

    def add(self, export: Export, sign: int = 1) -> None:
        """Add an export, or take it away (`sign` -1)."""
        for name, labels, value in export["counters"]:
            self.counters[name, _labels(labels)] += sign * float(value)
        for name, labels, row in export["histograms"]:
            # Counted by a release with other buckets: that histogram begins anew.
            if len(row) == len(BUCKETS_S) + 2:
                before = self.histograms.get((name, _labels(labels)), [0.0] * len(row))
                sums = [a + sign * float(b) for a, b in zip(before, row, strict=True)]
                self.histograms[name, _labels(labels)] = sums

    def export(self) -> Export:
        """As `ProcessMeter.export`, without gauges: those are not summed."""
        counters = [[name, dict(at), value] for (name, at), value in self.counters.items()]
        histograms = [[name, dict(at), row] for (name, at), row in self.histograms.items()]
        return {"counters": counters, "gauges": [], "histograms": histograms}


def _labels(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def samples_of(sums: Sums, gauges: Iterable[Export]) -> list[Sample]:
    """Sums as samples, and of each gauge the value in the last of some exports."""
    last = {
        (name, _labels(labels)): float(value) for export in gauges for name, labels, value in export["gauges"]
    }
    samples = [
        Sample(name, "counter", COUNTERS.get(name, ""), dict(at), value)
        for (name, at), value in sums.counters.items()
    ]
    samples += [
        Sample(name, "gauge", GAUGES.get(name, ""), dict(at), value) for (name, at), value in last.items()
    ]
    for (name, at), row in sums.histograms.items():
        samples += _histogram(name, dict(at), row)
    return samples


def _histogram(name: str, labels: dict[str, str], row: list[float]) -> list[Sample]:
    text, total, samples = HISTOGRAMS.get(name, ""), 0.0, []
    for bound, number in zip((*BUCKETS_S, float("inf")), row[:-1], strict=True):
        total += number
        le = "+Inf" if bound == float("inf") else f"{bound:g}"
        samples.append(Sample(f"{name}_bucket", "histogram", text, {**labels, "le": le}, total))
    samples.append(Sample(f"{name}_sum", "histogram", text, labels, row[-1] / _MICROSECONDS))
    samples.append(Sample(f"{name}_count", "histogram", text, labels, total))
    return samples
