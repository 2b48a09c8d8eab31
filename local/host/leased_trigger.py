"""What the triggers with leases have in common: parts of a stream are shared out between hosts, each read by a thread.

A listener connects in the background until its service answers, shares the parts out through a `Balancer`, and runs a
`Pump` for each part that this host owns. A pump ends when it is stopped, or when its part is lost to another host.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Final

from local.host.engine import Datum, FunctionDefinition
from local.host.invoker import Invoker, Stopping
from local.host.leases import Balancer, OwnershipStore

log = logging.getLogger("host")

_PATIENCE_S: Final = 3
_LONGEST_PAUSE_S: Final = 2.0
_WHILE_INVOKING_S: Final = 10.0


class Pump(ABC):
    """Reads one part and invokes, on a thread of its own, until stopped or lost."""

    def __init__(self, function: FunctionDefinition, invoker: Invoker, part: str) -> None:
        self._function = function
        self._invoker = invoker
        self._part = part
        self._stopping = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{function.name}-{part}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, lost: bool = False) -> None:
        """Ask for the end; after a loss not even what is done is written down, for the new owner is ahead."""
        if lost:
            self._lost.set()
        self._stopping.set()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    @abstractmethod
    def _work(self) -> None:
        """Read and invoke; may return at any time and is called again. An exception is a broken connection."""

    @abstractmethod
    def _end(self) -> None:
        """Write down what was done; called once at the end."""

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._work()
                failures = 0
            except Exception as error:  # noqa: BLE001 - a broken connection must not end the part
                failures += 1
                if failures in (1, 10) or failures % 100 == 0:
                    log.warning(
                        "%s: part %s is not readable (%s)", self._function.name, self._part, kind(error)
                    )
                self._stopping.wait(min(_LONGEST_PAUSE_S, 0.1 * 2 ** min(failures, 6)))
        self._end()

    def _invoked(
        self, data: Datum, metadata: dict[str, Any], reason: str, meanwhile: Callable[[], None]
    ) -> bool:
        """Whether the part may move on: after a failure too, but not while the host stops.

        The real host looks at its cancellation tokens after the invocation, so a batch that was under way at a stop
        comes again, even where it succeeded. `meanwhile` is called every ten seconds until it ends.
        """
        call: Any = self._invoker.invoke_from_thread(self._function, data, metadata, reason)
        while True:
            try:
                call.result(_WHILE_INVOKING_S)
            except FutureTimeout:
                meanwhile()
                continue
            except Stopping:
                self._stopping.set()
                return False
            return not self._stopping.is_set()


class LeasedTrigger(ABC):
    """One function's listener: shares the parts out with other hosts and runs a pump for each owned one."""

    def __init__(self, function: FunctionDefinition, invoker: Invoker, me: str) -> None:
        self._function = function
        self._invoker = invoker
        self._me = me
        self._pumps: dict[str, Pump] = {}
        self._balancer: Balancer | None = None
        self._stopping = threading.Event()
        self._starter = threading.Thread(target=self._start, name=f"start-{function.name}", daemon=True)

    def start(self) -> None:
        """Returns at once; connecting goes on until the service answers."""
        self._starter.start()

    def stop(self, timeout_s: float) -> None:
        """End reading, wait for the batches under way, write down what was done, give the parts up."""
        deadline = time.monotonic() + timeout_s
        self._stopping.set()
        self._starter.join(timeout_s)
        for pump in list(self._pumps.values()):
            pump.stop()
        if self._balancer is not None and self._balancer.started:
            self._balancer.stop()
        for pump in list(self._pumps.values()):
            pump.stop()
            pump.join(max(0.1, deadline - time.monotonic()))
        if self._balancer is not None:
            self._balancer.release_all()

    @abstractmethod
    def _connect(self) -> tuple[OwnershipStore, Callable[[str], Pump]]:
        """The leases of all parts, and what makes the pump of one. Raises while the service does not answer."""

    def _start(self) -> None:
        waited_s, warned = 0.1, False
        while not self._stopping.is_set():
            try:
                leases, pump_of = self._connect()
            except Exception as error:  # noqa: BLE001 - the emulators may still be starting
                if not warned and waited_s > _PATIENCE_S:
                    log.warning("%s: the service is not reachable yet (%s)", self._function.name, kind(error))
                    warned = True
                self._stopping.wait(waited_s)
                waited_s = min(5.0, waited_s * 1.5)
            else:
                self._balancer = self._sharing(leases, pump_of)
                if not self._stopping.is_set():
                    self._balancer.start()
                return

    def _sharing(self, leases: OwnershipStore, pump_of: Callable[[str], Pump]) -> Balancer:
        def start_pump(part: str) -> None:
            pump = self._pumps[part] = pump_of(part)
            pump.start()

        def stop_pump(part: str) -> None:
            pump = self._pumps.pop(part, None)
            if pump is not None:
                pump.stop(lost=True)

        return Balancer(self._function.name, self._me, leases, start_pump, stop_pump)


def kind(error: BaseException) -> str:
    """The class of an error and what its SDK tells beside: the status, or the condition of AMQP."""
    status, condition = getattr(error, "status_code", None), getattr(error, "condition", None)
    said = condition.decode() if isinstance(condition, bytes) else status
    return f"{type(error).__name__} {said}" if said else type(error).__name__
