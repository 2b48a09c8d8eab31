"""Whether every door works: each dependency is asked something small, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

KEPT_S: Final = 1.0
"""An answer is good for so long: probes of many instances must not become a load of their own."""


class Health:
    """Asks the dependencies by name."""

    def __init__(self, probes: Mapping[str, Callable[[], object]]) -> None:
        self._probes = dict(probes)
        self._pool = ThreadPoolExecutor(len(self._probes) or 1, thread_name_prefix="health")
        self._answer: dict[str, dict[str, Any]] = {}
        self._answered_at = float("-inf")

    def check(self) -> dict[str, dict[str, Any]]:
        """Name → `status` (`ok` or `unavailable`), `detail`, `latency_ms`."""
        if time.monotonic() - self._answered_at > KEPT_S:
            found = self._pool.map(_ask, self._probes.values())
            self._answer = dict(zip(self._probes, found, strict=True))
            self._answered_at = time.monotonic()
        return self._answer


def _ask(probe: Callable[[], object]) -> dict[str, Any]:
    started = time.perf_counter()
    status, detail = "ok", ""
    try:
        probe()
    except Exception as failure:  # noqa: BLE001 - whatever it is, the dependency does not work
        status, detail = "unavailable", type(failure).__name__
    return {
        "status": status,
        "detail": detail,
        "latency_ms": round(1000 * (time.perf_counter() - started), 1),
    }
