"""Figures from measured times."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

PERCENTILES = (50, 95, 99)


def percentile(times: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; NaN where nothing was measured."""
    if not times:
        return math.nan
    ordered = sorted(times)
    return ordered[max(0, math.ceil(share / 100 * len(ordered)) - 1)]


def spread(times: Sequence[float]) -> dict[str, float | None]:
    """`p50_ms`, `p95_ms`, `p99_ms` of times in seconds; null where nothing was measured."""
    named = {f"p{share}_ms": percentile(times, share) for share in PERCENTILES}
    return {name: None if math.isnan(at) else round(at * 1000, 1) for name, at in named.items()}


def machine() -> str:
    """How many cores the machine has and how busy it is."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{os.cpu_count()} cores, load averages {load}"
