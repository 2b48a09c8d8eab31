"""Whether every door works: each dependency is asked something small, side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Final

PATIENCE_S: Final = 3.0
"""A dependency that has not answered after so long is unavailable."""
KEPT_S: Final = 1.0
"""An answer is good for so long: probes of many instances must not become a load of their own."""

_SILENT: Final[dict[str, Any]] = {
    "status": "unavailable",
    "detail": "no answer",
    "latency_ms": 1000 * PATIENCE_S,
}


class Health:
    """Asks the dependencies by name."""

    def __init__(self, probes: Mapping[str, Callable[[], object]]) -> None:
        self._probes = dict(probes)
        self._pool = ThreadPoolExecutor(len(self._probes) or 1, thread_name_prefix="health")
        self._asking = threading.Lock()
        self._answer: dict[str, dict[str, Any]] = {}
        self._answered_at = float("-inf")

    def check(self) -> dict[str, dict[str, Any]]:
        """Name → `status` (`ok` or `unavailable`), `detail`, `latency_ms`."""
        with self._asking:  # one round of questions at a time, however many want to know
            if time.monotonic() - self._answered_at > KEPT_S:
                asked = {name: self._pool.submit(_ask, probe) for name, probe in self._probes.items()}
                wait(asked.values(), timeout=PATIENCE_S)
                self._answer = {
                    name: each.result() if each.done() else _SILENT for name, each in asked.items()
                }
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
