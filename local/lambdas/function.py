"""One function as Lambda runs it: its handler found by name, event and answer through JSON, an error told by its type."""

from __future__ import annotations

import importlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from infra.components.aws.function_plan import FunctionPlan

_log: Final = logging.getLogger("galen.lambda")
PAYLOAD_BYTES: Final = 6 << 20
"""Of an event and of an answer. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


class PayloadTooLarge(Exception):
    """The event or the answer is more than Lambda hands over."""


class FunctionFailed(Exception):
    """The handler raised; the text is the type of its error."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler is told of its invocation."""

    function_name: str
    memory_limit_in_mb: str
    invoked_function_arn: str
    deadline_s: float
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        """Until Lambda would end it."""
        return max(0, int(1000 * (self.deadline_s - time.time())))


class Function:
    """Called from as many threads as there are shards; at most `at_once` of them run."""

    def __init__(self, plan: FunctionPlan, at_once: int | None = None) -> None:
        self.plan = plan
        self._handler: Callable[[Any, Any], Any] | None = None
        self._free = threading.BoundedSemaphore(at_once or plan.at_once)
        self._loading = threading.Lock()

    def __call__(self, event: Any) -> Any:
        """Its answer. Raises FunctionFailed and PayloadTooLarge."""
        text = json.dumps(event)
        if len(text) > PAYLOAD_BYTES:
            raise PayloadTooLarge
        with self._free:
            answer = self._invoke(json.loads(text))
        if len(answer) > PAYLOAD_BYTES:
            raise PayloadTooLarge
        return json.loads(answer)

    def _invoke(self, event: Any) -> str:
        plan = self.plan
        arn = f"arn:aws:lambda:local:000000000000:function:{plan.name}"
        context = Context(plan.name, str(plan.memory_mb), arn, time.time() + plan.timeout_s)
        try:
            return json.dumps(self._loaded()(event, context))
        except Exception as failure:
            _log.error("%s failed: %s", plan.name, type(failure).__name__)
            raise FunctionFailed(type(failure).__name__) from failure

    def _loaded(self) -> Callable[[Any, Any], Any]:
        with self._loading:
            if self._handler is None:
                module, _, name = self.plan.handler.rpartition(".")
                self._handler = getattr(importlib.import_module(module), name)
            return self._handler
