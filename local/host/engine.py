"""What the host needs from whoever indexes and invokes a function app; two engines stand behind it.

`engine_runtime` drives Microsoft's worker library (`azure-functions-runtime`), `engine_library` the registry of
`azure-functions` alone. Data crosses in `Datum` objects, the type both libraries decode from and encode to.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from local.host.retry import RetryPolicy

ENGINE_NAMES = ("auto", "runtime", "library")


class AppRejected(Exception):
    """The app cannot be indexed; the message is for the developer. One bad function empties the whole app."""


class Datum:
    """A value and the name of its wire type, as `TypedData` carries it between host and worker."""

    __slots__ = ("type", "value")

    def __init__(self, value: Any, type: str | None) -> None:  # noqa: A002 - the name both libraries read
        self.value = value
        self.type = type

    @property
    def python_value(self) -> Any:
        """The value as plain Python, which is what apps read from an event's metadata."""
        if self.type == "json":
            import json

            return json.loads(self.value)
        if self.type is not None and self.type.startswith("collection_"):
            return list(getattr(self.value, self.type.removeprefix("collection_")))
        return self.value

    def __repr__(self) -> str:
        return f"<Datum {self.type}>"


class Collection:
    """The collections of `TypedData`; the libraries read only the attribute named like the wire type."""

    __slots__ = ("bytes", "sint64", "string")

    def __init__(
        self, *, bytes_: Sequence[bytes] = (), string: Sequence[str] = (), sint64: Sequence[int] = ()
    ) -> None:
        self.bytes = bytes_
        self.string = string
        self.sint64 = sint64


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """One indexed function: its raw bindings as Microsoft's library writes them, trigger apart."""

    name: str
    identity: str
    bindings: tuple[Mapping[str, Any], ...]
    trigger: Mapping[str, Any]
    is_async: bool
    retry: RetryPolicy | None = None

    @property
    def trigger_type(self) -> str:
        return str(self.trigger["type"])

    @property
    def outputs(self) -> tuple[Mapping[str, Any], ...]:
        """Output bindings other than the answer of an HTTP function."""
        return tuple(b for b in self.bindings if b["direction"] == "OUT" and b["type"] != "http")


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of one function: what the trigger hands over and the metadata beside it."""

    function: FunctionDefinition
    data: Datum
    metadata: Mapping[str, Datum] = field(default_factory=dict)
    identity: str = ""
    traceparent: str = ""
    tracestate: str = ""
    retry_count: int = 0
    max_retry_count: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended: the encoded return value and outputs, or the exception that ended it.

    A failed outcome has no outputs: the worker sends none with an exception
    (`handle_event.invocation_request` builds the failure response without `output_data`).
    """

    returned: Any = None
    outputs: Sequence[tuple[str, Any]] = ()
    error: BaseException | None = None

    @property
    def succeeded(self) -> bool:
        return self.error is None


class InvocationFailed(Exception):
    """Stands for the exception of a function where the engine only tells its text; never logged with it."""


class Engine(Protocol):
    """Indexes one app and invokes its functions on the running event loop."""

    @property
    def name(self) -> str:
        """The library and its version, for the start message."""
        ...

    async def index(self, app_directory: Path) -> Sequence[FunctionDefinition]:
        """Import `function_app` and return its functions; raises `AppRejected` where the real host refuses."""
        ...

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Decode, call and encode. Never raises for what the app does; cancellation passes through."""
        ...

    def close(self) -> None:
        """Stop the thread pool of synchronous functions, after those under way."""
        ...


def runtime_available() -> bool:
    """Whether Microsoft's worker library can be imported; it declares Python 3.13 and later."""
    return sys.version_info >= (3, 13) and importlib.util.find_spec("azure_functions_runtime") is not None


def choose_engine(name: str) -> Engine:
    """The engine of that name; `auto` takes Microsoft's worker library where it can be had."""
    if name == "runtime" or (name == "auto" and runtime_available()):
        if not runtime_available():
            raise AppRejected(
                "engine 'runtime' needs Python 3.13 or later with azure-functions-runtime installed; "
                f"this is Python {sys.version_info.major}.{sys.version_info.minor}. Use --engine library."
            )
        from local.host.engine_runtime import RuntimeEngine

        return RuntimeEngine()
    from local.host.engine_library import LibraryEngine

    return LibraryEngine()
