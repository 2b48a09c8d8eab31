"""The extensions' webhooks: Event Grid events and blob notifications, with their handshakes.

azure-sdk-for-net `Microsoft.Azure.WebJobs.Extensions.EventGrid/HttpRequestProcessor.cs` and, for blobs,
`…Extensions.Storage.Blobs/HttpRequestProcessor`: `/runtime/webhooks/eventgrid?functionName=<name>` and
`/runtime/webhooks/blobs?functionName=Host.Functions.<name>`; the header `aeg-event-type` says what the request is.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from local.callers import Callers
from local.host.blobs import read_blob_input
from local.host.engine import Datum, FunctionDefinition
from local.host.http_trigger import BodyTooLarge, Receive, Scope, Send, read_body, respond
from local.host.invoker import Invoker

log = logging.getLogger("host")

BLOB_TRIES = 5
"""`maxDequeueCount` of the storage queue between a blob notification and its function."""
_JSON = ((b"content-type", b"application/json; charset=utf-8"),)


class Webhooks:
    """Answers below `/runtime/webhooks/`."""

    def __init__(
        self,
        functions: Mapping[str, FunctionDefinition],
        invoker: Invoker,
        callers: Callers,
        retry_delay_s: float = 1.0,
    ) -> None:
        self._functions = {name.lower(): function for name, function in functions.items()}
        self._invoker = invoker
        self._callers = callers
        self._retry_delay_s = retry_delay_s
        self._queued: set[asyncio.Task[None]] = set()

    async def handle(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; the path comes without its first slash."""
        if not self._callers.admit_raw(scope["headers"]):
            await respond(send, 401)
            return
        kind = {
            "runtime/webhooks/eventgrid": "eventGridTrigger",
            "runtime/webhooks/blobs": "blobTrigger",
        }.get(path.rstrip("/").lower())
        query = {
            name.lower(): values for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()
        }
        name = query.get("functionname", [""])[0].lower().removeprefix("host.functions.")
        function = self._functions.get(name)
        if kind is None or function is None or function.trigger_type != kind:
            await respond(send, 404)
            return
        if scope["method"] == "OPTIONS":
            await self._allow_origin(scope, send)
            return
        if scope["method"] != "POST":
            await respond(send, 405)
            return
        try:
            events = _events(await read_body(scope, receive))
        except BodyTooLarge:
            await respond(send, 413)
            return
        except ValueError:
            await respond(send, 400)
            return
        await self._post(function, scope, events, send)

    async def _allow_origin(self, scope: Scope, send: Send) -> None:
        """The abuse protection handshake of CloudEvents webhooks (CloudEvents HTTP Webhook 1.0, section 4)."""
        origin = _header(scope, b"webhook-request-origin")
        if not origin:
            await respond(send, 400)
            return
        await respond(send, 200, ((b"webhook-allowed-origin", origin), (b"webhook-allowed-rate", b"*")))

    async def _post(self, function: FunctionDefinition, scope: Scope, events: list[Any], send: Send) -> None:
        event_type = _header(scope, b"aeg-event-type").lower()
        if event_type == b"subscriptionvalidation":
            code = (events[0].get("data") or {}).get("validationCode") if events else None
            if not code:
                await respond(send, 400)
                return
            await respond(send, 200, _JSON, json.dumps({"validationResponse": code}).encode())
        elif event_type == b"notification":
            await self._notify(function, events, send)
        elif event_type == b"unsubscribe":
            await respond(send, 202)
        else:
            await respond(send, 400)

    async def _notify(self, function: FunctionDefinition, events: list[Any], send: Send) -> None:
        """Event Grid functions run before the answer, so that Event Grid sends again what failed; blobs are queued."""
        if function.trigger_type == "blobTrigger":
            for path in filter(None, map(_created_blob, events)):
                task = asyncio.get_running_loop().create_task(self._run_blob(function, path))
                self._queued.add(task)
                task.add_done_callback(self._queued.discard)
            await respond(send, 202)
            return
        calls = [
            self._invoker.invoke_once(
                function, Datum(json.dumps(event), "json"), {}, "EventGrid trigger fired"
            )
            for event in events
        ]
        outcomes = await asyncio.gather(*calls)
        await respond(send, 202 if all(outcome.succeeded for outcome in outcomes) else 500)

    async def _run_blob(self, function: FunctionDefinition, path: str) -> None:
        """Up to five tries, then the message would be in the poison queue."""
        for attempt in range(BLOB_TRIES):
            try:
                found = await asyncio.to_thread(read_blob_input, function, path)
            except Exception as error:  # noqa: BLE001 - an unreachable store is one failed try
                log.warning("%s: a blob could not be read (%s)", function.name, type(error).__name__)
            else:
                if found is None:
                    return
                outcome = await self._invoker.invoke_once(function, *found, "New blob detected")
                if outcome.succeeded:
                    return
            if attempt < BLOB_TRIES - 1:
                await asyncio.sleep(self._retry_delay_s * 2**attempt)
        log.error("%s: a blob failed %d times and is given up (poison)", function.name, BLOB_TRIES)


def _events(body: bytes) -> list[Any]:
    """The events of a list or a single one; ValueError if it is neither."""
    content = json.loads(body)
    events = content if isinstance(content, list) else [content]
    if not all(isinstance(event, dict) for event in events):
        raise ValueError("an event is a JSON object")
    return events


def _created_blob(event: Mapping[str, Any]) -> str | None:
    """`container/name` of a BlobCreated event in either schema, None for other events."""
    kind = event.get("type") or event.get("eventType")
    url = (event.get("data") or {}).get("url") if kind == "Microsoft.Storage.BlobCreated" else None
    if not isinstance(url, str):
        return None
    subject = str(event.get("subject") or "")
    marker, _, rest = subject.partition("/containers/")
    container, found, name = rest.partition("/blobs/")
    if marker and found:
        return f"{container}/{name}"
    return unquote(urlsplit(url).path.lstrip("/"))


def _header(scope: Scope, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")
