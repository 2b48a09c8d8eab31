"""The engine that is Microsoft's own: `azure-functions-runtime` indexes, validates, decodes, calls and encodes.

Its gRPC edge is left out: `native_invocation` takes plain objects, and the few protobuf messages that indexing asks
for are stood in by records with the same attribute names.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.host.engine import AppRejected, FunctionDefinition, Invocation, InvocationFailed, Outcome
from local.host.index import check_directory, on_import_path
from local.host.retry import RetryPolicy

_MESSAGES = (
    "WorkerInitResponse",
    "WorkerMetadata",
    "RpcException",
    "FunctionMetadataResponse",
    "FunctionLoadResponse",
    "RpcFunctionMetadata",
    "RpcRetryOptions",
)


class _Record(SimpleNamespace):
    """Takes any field, as a protobuf message takes its own."""


class _StatusResult(_Record):
    Failure, Success, Cancelled = 0, 1, 2


class _BindingInfo(_Record):
    in_, out, inout = 0, 1, 2
    undefined, string, binary, stream = 0, 1, 2, 3


def _protos() -> SimpleNamespace:
    records = {name: type(name, (_Record,), {}) for name in _MESSAGES}
    return SimpleNamespace(StatusResult=_StatusResult, BindingInfo=_BindingInfo, **records)


def _quiet_worker_log() -> None:
    """The library logs an app's exception with its text, which may name a patient; the host logs it without."""
    worker_log = logging.getLogger("azure.functions")
    worker_log.propagate = False
    worker_log.addHandler(logging.NullHandler())


class RuntimeEngine:
    """One per process: the library keeps its registry and thread pool in module globals."""

    def __init__(self) -> None:
        import azure_functions_runtime as runtime
        from azure_functions_runtime import native_invocation

        self._runtime = runtime
        self._call = native_invocation.invocation_request_native
        self._protos = _protos()
        self.name = f"azure-functions-runtime {version('azure-functions-runtime')}"

    def _request(self, **fields: Any) -> SimpleNamespace:
        properties = {"protos": self._protos, "host": "127.0.0.1"}
        return SimpleNamespace(request=SimpleNamespace(**fields), properties=properties)

    async def index(self, app_directory: Path) -> Sequence[FunctionDefinition]:
        check_directory(app_directory)
        _quiet_worker_log()
        self._runtime.start_threadpool_executor()
        init = SimpleNamespace(function_app_directory=str(app_directory), capabilities={})
        with on_import_path(app_directory):
            answer = await self._runtime.worker_init_request(self._request(worker_init_request=init))
        if answer.result.status != _StatusResult.Success:
            raise AppRejected(str(answer.result.exception.message))
        found = await self._runtime.functions_metadata_request(self._request())
        return [self._definition(metadata) for metadata in found.function_metadata_results or ()]

    def _definition(self, metadata: Any) -> FunctionDefinition:
        from azure_functions_runtime.handle_event import _functions

        bindings = tuple(json.loads(raw) for raw in metadata.raw_bindings)
        trigger = next(binding for binding in bindings if str(binding["type"]).lower().endswith("trigger"))
        info = _functions.get_function(metadata.function_id)
        return FunctionDefinition(
            name=metadata.name,
            identity=metadata.function_id,
            bindings=bindings,
            trigger=trigger,
            is_async=inspect.iscoroutinefunction(info.func),
            retry=_retry_policy(metadata.retry_options),
        )

    async def invoke(self, invocation: Invocation) -> Outcome:
        succeeded, returned, outputs, error, _ = await self._call(
            invocation.identity,
            invocation.function.identity,
            [(invocation.function.trigger["name"], invocation.data)],
            invocation.metadata,
            invocation.traceparent,
            invocation.tracestate,
            invocation.retry_count,
            invocation.max_retry_count,
        )
        if not succeeded:
            return Outcome(error=InvocationFailed(error))
        return Outcome(returned=returned, outputs=outputs)

    def close(self) -> None:
        from azure_functions_runtime.utils.threadpool import stop_threadpool_executor

        stop_threadpool_executor()


def _retry_policy(options: Any) -> RetryPolicy | None:
    """The library has already turned the decorator's text into seconds."""
    if options is None:
        return None
    if options.retry_strategy == "fixed_delay":
        delay_s = options.delay_interval.total_seconds()
        return RetryPolicy(options.max_retry_count, True, delay_s, delay_s)
    low, high = options.minimum_interval.total_seconds(), options.maximum_interval.total_seconds()
    return RetryPolicy(options.max_retry_count, False, low, high)
