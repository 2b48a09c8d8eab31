"""Whether every door works: each dependency is asked something small, side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
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
    """Asks the dependencies by name; an answer is good for `kept_s`, and no more than `patience_s` is waited for one."""

    def __init__(
        self,
        probes: Mapping[str, Callable[[], object]],
        *,
        kept_s: float = KEPT_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._probes = dict(probes)
        self._kept_s = kept_s
        self._patience_s = patience_s
        self._pool = ThreadPoolExecutor(len(self._probes) or 1, thread_name_prefix="health")
        self._asking = threading.Lock()
        self._asked: dict[str, Future[dict[str, Any]]] = {}
        self._answer: dict[str, dict[str, Any]] = {}
        self._answered_at = float("-inf")

    def check(self) -> dict[str, dict[str, Any]]:
        """Name → `status` (`ok` or `unavailable`), `detail`, `latency_ms`.

        One asks at a time. Whoever comes meanwhile gets the answer before, and waits only where there was none yet: the
        threads that wait here are those that serve everybody's requests.
        """
        if not self._asking.acquire(blocking=not self._answer):
            return self._answer
        try:
            if time.monotonic() - self._answered_at > self._kept_s:
                self._answer = self._ask_all()
                self._answered_at = time.monotonic()
            return self._answer
        finally:
            self._asking.release()

    def _ask_all(self) -> dict[str, dict[str, Any]]:
        # Who still owes an answer is not asked again: the questions would take the threads of the others.
        owed = {name: each for name, each in self._asked.items() if not each.done()}
        self._asked = {
            name: owed.get(name) or self._pool.submit(_ask, probe) for name, probe in self._probes.items()
        }
        wait(self._asked.values(), timeout=self._patience_s)
        return {name: each.result() if each.done() else _SILENT for name, each in self._asked.items()}


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
