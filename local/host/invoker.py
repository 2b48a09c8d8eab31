"""Calls functions on behalf of the triggers: identities, retries, log lines, and a clean end at shutdown."""

from __future__ import annotations

import asyncio
import logging
import random
import time
import traceback
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING

from local.host.engine import Datum, Engine, FunctionDefinition, Invocation, InvocationFailed, Outcome
from local.host.retry import RETRIED_TRIGGERS, RetryPolicy

if TYPE_CHECKING:
    from local.host.outputs import Outputs

log = logging.getLogger("host")


class Stopping(Exception):
    """The host stops while a retry policy still holds the batch: nothing may be checkpointed."""


class Invoker:
    """Runs invocations on the event loop; triggers on threads of their own use `invoke_from_thread`."""

    def __init__(self, engine: Engine, outputs: Outputs, default_retry: RetryPolicy | None) -> None:
        self._engine = engine
        self._outputs = outputs
        self._default_retry = default_retry
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._under_way = 0
        self._chance = random.Random()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    async def invoke_once(
        self,
        function: FunctionDefinition,
        data: Datum,
        metadata: Mapping[str, Datum],
        reason: str,
        traceparent: str = "",
    ) -> Outcome:
        """One try, outputs delivered if it succeeded: for triggers whose sender retries by itself."""
        invocation = Invocation(function, data, metadata, str(uuid.uuid4()), traceparent)
        return await self._call(invocation, reason)

    async def invoke(
        self, function: FunctionDefinition, data: Datum, metadata: Mapping[str, Datum], reason: str
    ) -> Outcome:
        """Until it succeeds or its retry policy is exhausted; raises `Stopping` if shutdown ends the waiting.

        The identity stays the same over all tries (webjobs-sdk `FunctionExecutorExtensions`).
        """
        policy = self._policy(function)
        identity = str(uuid.uuid4())
        tries = 0
        while True:
            most = policy.max_retry_count if policy else 0
            invocation = Invocation(
                function, data, metadata, identity, retry_count=tries, max_retry_count=most
            )
            outcome = await self._call(invocation, reason)
            if outcome.succeeded or policy is None or not policy.allows(tries):
                return outcome
            await self._wait(policy.delay_s(tries, self._chance), function)
            tries += 1

    def invoke_from_thread(
        self, function: FunctionDefinition, data: Datum, metadata: Mapping[str, Datum], reason: str
    ) -> Future[Outcome]:
        """The same, for a thread: a concurrent future of the outcome."""
        call = self.invoke(function, data, metadata, reason)
        return asyncio.run_coroutine_threadsafe(call, self._loop)

    async def drain(self, timeout_s: float) -> bool:
        """End all waiting for retries, then wait for what is under way; False if the time was not enough."""
        self._stopping.set()
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def _policy(self, function: FunctionDefinition) -> RetryPolicy | None:
        if function.trigger_type not in RETRIED_TRIGGERS:
            return None
        return function.retry or self._default_retry

    async def _wait(self, delay_s: float, function: FunctionDefinition) -> None:
        log.info(
            "Waiting for `%.1fs` before retrying function execution. Function name: %s",
            delay_s,
            function.name,
        )
        try:
            # a delay of zero still gives way, or an endless policy would hold the event loop
            await asyncio.wait_for(self._stopping.wait(), max(delay_s, 0.001))
        except TimeoutError:
            return
        raise Stopping

    async def _call(self, invocation: Invocation, reason: str) -> Outcome:
        self._under_way += 1
        self._idle.clear()
        started = time.perf_counter()
        try:
            outcome = await self._engine.invoke(invocation)
            if outcome.succeeded and outcome.outputs:
                outcome = await self._outputs.deliver(invocation.function, outcome)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()
        if outcome.error is not None:
            _report(invocation, reason, outcome.error, time.perf_counter() - started)
        elif log.isEnabledFor(logging.DEBUG):
            log.debug(
                "Executed 'Functions.%s' (Succeeded, Id=%s)", invocation.function.name, invocation.identity
            )
        return outcome


def _report(invocation: Invocation, reason: str, error: BaseException, took_s: float) -> None:
    """Function, kind of error and place in the code; the text of an exception may carry what a log must not."""
    log.error(
        "Executed 'Functions.%s' (Failed, Id=%s, Duration=%.0fms) Reason='%s' Try=%d Error=%s",
        invocation.function.name,
        invocation.identity,
        took_s * 1000,
        reason,
        invocation.retry_count + 1,
        _kind_and_place(error),
    )


def _kind_and_place(error: BaseException) -> str:
    if isinstance(error, InvocationFailed):
        return str(error.args[0]).split("(", 1)[0]
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
