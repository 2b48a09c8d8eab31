"""The host's administration paths, the same on the real host.

`POST /admin/functions/{name}` with `{"input": …}` starts a function and answers 202 at once, `GET /admin/host/status`
and `GET /admin/functions` tell what runs
(https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http; azure-functions-host
`HostController`, `FunctionsController`). They want the master key unless there is none and the caller is on this
machine, as `func start` has it.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
from collections.abc import Mapping
from typing import Any

from local.callers import Callers
from local.host.blobs import read_blob_input
from local.host.engine import FunctionDefinition
from local.host.http_trigger import BodyTooLarge, Receive, Scope, Send, read_body, respond
from local.host.invoker import Invoker
from local.host.manual import manual_input

log = logging.getLogger("host")

REASON = "This function was programmatically called via the host APIs."
MASTER_KEY = "GALEN_HOST_MASTER_KEY"
"""The setting with the key that `x-functions-key` must carry."""
_JSON = ((b"content-type", b"application/json; charset=utf-8"),)


class Admin:
    """Answers below `/admin/`."""

    def __init__(
        self,
        functions: Mapping[str, FunctionDefinition],
        invoker: Invoker,
        engine_name: str,
        callers: Callers,
    ) -> None:
        self._functions = {name.lower(): function for name, function in functions.items()}
        self._invoker = invoker
        self._engine_name = engine_name
        self._callers = callers
        self._started: set[asyncio.Task[Any]] = set()

    async def handle(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; the path comes without its first slash."""
        if not self._authorised(scope):
            await respond(send, 401)
            return
        parts = path.lower().rstrip("/").split("/")
        method = scope["method"]
        if parts[1:] == ["host", "status"] and method == "GET":
            await _respond_json(send, self._status())
        elif parts[1:] == ["host", "ping"] and method in ("GET", "POST"):
            await respond(send, 200)
        elif parts[1:] == ["functions"] and method == "GET":
            await _respond_json(send, [_described(function) for function in self._functions.values()])
        elif len(parts) == 3 and parts[1] == "functions" and parts[2] in self._functions:
            await self._function(self._functions[parts[2]], method, scope, receive, send)
        else:
            await respond(send, 404)

    async def _function(
        self, function: FunctionDefinition, method: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if method == "GET":
            await _respond_json(send, _described(function))
            return
        if method != "POST":
            await respond(send, 404)
            return
        try:
            text = _input_of(await read_body(scope, receive))
        except BodyTooLarge:
            await respond(send, 413)
            return
        except ValueError:
            await respond(send, 400)
            return
        task = asyncio.get_running_loop().create_task(self._run(function, text))
        self._started.add(task)
        task.add_done_callback(self._ended)
        await respond(send, 202)

    async def _run(self, function: FunctionDefinition, text: str) -> None:
        """The function with what its trigger makes of the text; for a blob trigger that is the blob's path."""
        if function.trigger_type == "blobTrigger":
            found = await asyncio.to_thread(read_blob_input, function, text)
            if found is None:
                return
        else:
            found = manual_input(function, text)
        await self._invoker.invoke(function, *found, REASON)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._started.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("A function started by hand did not run (%s)", type(error).__name__)

    def _authorised(self, scope: Scope) -> bool:
        key = os.environ.get(MASTER_KEY, "")
        if not key:
            return self._callers.local_only and self._callers.admit_raw(scope["headers"])
        given = next((value for name, value in scope["headers"] if name == b"x-functions-key"), b"")
        return hmac.compare_digest(given, key.encode())

    def _status(self) -> dict[str, Any]:
        return {
            "id": "galen-local",
            "state": "Stopping" if self._invoker.stopping else "Running",
            "version": self._engine_name,
            "versionDetails": f"local host, indexed and invoked by {self._engine_name}",
            "processId": os.getpid(),
            "functionCount": len(self._functions),
        }


def _input_of(body: bytes) -> str:
    """The `input` of the request as text; ValueError where the body is not a JSON object."""
    content = json.loads(body) if body else {}
    if not isinstance(content, dict):
        raise ValueError("the body must be a JSON object with 'input'")  # noqa: TRY004 - a value of a request
    value = content.get("input", "")
    return value if isinstance(value, str) else json.dumps(value)


def _described(function: FunctionDefinition) -> dict[str, Any]:
    return {
        "name": function.name,
        "language": "python",
        "isDisabled": False,
        "config": {"bindings": list(function.bindings)},
    }


async def _respond_json(send: Send, content: Any) -> None:
    await respond(send, 200, _JSON, json.dumps(content).encode())
