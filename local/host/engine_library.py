"""The engine for interpreters below 3.13: `azure-functions` decodes and encodes, the checks are restated in `index`."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func
from azure.functions.meta import _ConverterMeta

from local.host.engine import AppRejected, Datum, FunctionDefinition, Invocation, Outcome
from local.host.index import GENERIC, Signature, check_function, import_app
from local.host.retry import RetryPolicy

_LOCALS = threading.local()


class _Out:
    """An `Out` parameter; what is set counts only if the function returns."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        self._value = val

    def get(self) -> Any:
        return self._value


class _GenericConverter:
    """For parameters annotated `str` or `bytes` (`azure_functions_runtime/bindings/generic.py`)."""

    @staticmethod
    def decode(data: Any, *, trigger_metadata: Any) -> Any:  # noqa: ARG004 - the libraries' signature
        if data is not None and data.type not in ("string", "bytes", "json", None):
            raise ValueError(f'unexpected type of data received for the "generic" binding: {data.type!r}')
        return None if data is None or data.type is None else data.value

    @staticmethod
    def encode(obj: Any, *, expected_type: Any) -> Datum:  # noqa: ARG004 - the libraries' signature
        for python_type, wire_type in ((str, "string"), (bytes, "bytes"), (dict, "dict"), (list, "list")):
            if isinstance(obj, python_type):
                return Datum(obj, wire_type)
        raise NotImplementedError(f"a {type(obj).__name__} cannot be encoded")


class _Context(func.Context):
    """The invocation context (https://aka.ms/azfunc-invocation-context)."""

    def __init__(self, invocation: Invocation, directory: str) -> None:
        self._invocation = invocation
        self._directory = directory

    @property
    def invocation_id(self) -> str:
        return self._invocation.identity

    @property
    def thread_local_storage(self) -> Any:
        return _LOCALS

    @property
    def function_name(self) -> str:
        return self._invocation.function.name

    @property
    def function_directory(self) -> str:
        return self._directory

    @property
    def trace_context(self) -> Any:
        parent, state = self._invocation.traceparent, self._invocation.tracestate
        return SimpleNamespace(
            Traceparent=parent,
            Tracestate=state,
            Attributes={},
            trace_parent=parent,
            trace_state=state,
            attributes={},
        )

    @property
    def retry_context(self) -> Any:
        count, most = self._invocation.retry_count, self._invocation.max_retry_count
        return SimpleNamespace(retry_count=count, max_retry_count=most, exception=None)


def thread_count() -> int:
    """Threads for synchronous functions: the real worker's setting, else `ThreadPoolExecutor`'s own default."""
    setting = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    return int(setting) if setting.isdigit() and int(setting) else min(32, (os.cpu_count() or 1) + 4)


class LibraryEngine:
    """Decodes, calls and encodes as `native_invocation` of the worker library does."""

    def __init__(self) -> None:
        self.name = f"azure-functions {version('azure-functions')}"
        self._registry: Any = _ConverterMeta
        self._signatures: dict[str, Signature] = {}
        self._directory = ""
        self._pool = ThreadPoolExecutor(thread_count(), thread_name_prefix="function")

    async def index(self, app_directory: Path) -> Sequence[FunctionDefinition]:
        self._directory = str(app_directory)
        definitions = []
        for function in import_app(app_directory):
            signature = check_function(function, self._registry)
            name = function.get_function_name()
            if name in self._signatures:
                raise AppRejected(f"Function {name} does not have a unique function name.")
            self._signatures[name] = signature
            bindings = tuple(json.loads(raw) for raw in function.get_raw_bindings())
            trigger = next(
                binding for binding in bindings if str(binding["type"]).lower().endswith("trigger")
            )
            settings = function.get_settings_dict("retry_policy")
            retry = RetryPolicy.parse(settings) if settings else None
            definitions.append(FunctionDefinition(name, name, bindings, trigger, signature.is_async, retry))
        return definitions

    async def invoke(self, invocation: Invocation) -> Outcome:
        signature = self._signatures[invocation.function.identity]
        try:
            arguments = self._decode(signature, invocation)
            if signature.is_async:
                result = await signature.call(**arguments)
            else:
                result = await asyncio.get_running_loop().run_in_executor(
                    self._pool,
                    contextvars.copy_context().run,
                    self._call_sync,
                    signature,
                    arguments,
                    invocation.identity,
                )
            return self._encode(signature, invocation, arguments, result)
        except Exception as error:  # noqa: BLE001 - whatever the app raises is its outcome
            return Outcome(error=error)

    def _call_sync(self, signature: Signature, arguments: dict[str, Any], invocation_id: str) -> Any:
        _LOCALS.invocation_id = invocation_id
        try:
            return signature.call(**arguments)
        finally:
            _LOCALS.invocation_id = None

    def _converter(self, kind: str) -> Any:
        return _GenericConverter if kind == GENERIC else self._registry.get(kind) or _GenericConverter

    def _decode(self, signature: Signature, invocation: Invocation) -> dict[str, Any]:
        parameter = invocation.function.trigger["name"]
        converter = self._converter(signature.inputs[parameter])
        arguments = {parameter: converter.decode(invocation.data, trigger_metadata=invocation.metadata)}
        if signature.takes_context:
            arguments["context"] = _Context(invocation, self._directory)
        for name in signature.outputs:
            arguments[name] = _Out()
        return arguments

    def _encode(
        self, signature: Signature, invocation: Invocation, arguments: dict[str, Any], result: Any
    ) -> Outcome:
        if result is not None and signature.returns is None:
            raise RuntimeError(
                f"function {invocation.function.name!r} without a $return binding returned a non-None value"
            )
        outputs = []
        for name, (kind, python_type) in signature.outputs.items():
            value = arguments[name].get()
            if value is not None:
                outputs.append((name, self._converter(kind).encode(value, expected_type=python_type)))
        returned = None
        if signature.returns is not None:
            kind, python_type = signature.returns
            returned = self._converter(kind).encode(result, expected_type=python_type)
        return Outcome(returned=returned, outputs=outputs)

    def close(self) -> None:
        self._pool.shutdown(wait=True)
