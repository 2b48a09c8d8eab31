"""The HTTP side: authorise, find the operation, send its answer; uvicorn and httptools carry it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from local.callers import Callers
from local.emulators import clock
from local.emulators.datalake import access, batches, routes, xml
from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.lake import Lake, refuse_left_out
from local.emulators.datalake.names import parse_place
from local.emulators.datalake.request import (
    ClientGone,
    FileSlice,
    Receive,
    Request,
    Response,
    http_date,
    parse_request,
)
from local.emulators.faults import PATH as FAULTS_PATH
from local.emulators.faults import Faults, Rule

_LOG = logging.getLogger(__name__)
_SEND_BYTES = 512 * 1024
_LATEST_VERSION = "2026-02-06"
_TRANSPORT = "emulator.transport"
_NO_BODY = frozenset({204, 304})
_LARGEST_FAULT = 65536
FAULT_CODES = {
    408: "OperationTimedOut", 409: "OperationConflict", 412: "ConditionNotMet", 429: "TooManyRequests",
    500: "InternalError", 503: "ServerBusy",
}  # fmt: skip

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Protocol(HttpToolsProtocol):
    """uvicorn's, with the case of metadata names kept and the connection within the app's reach."""

    def on_message_begin(self) -> None:
        super().on_message_begin()  # type: ignore[no-untyped-call,unused-ignore]
        self.scope["extensions"] = {_TRANSPORT: self.transport}  # type: ignore[dict-item]

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if name[:10].lower() == b"x-ms-meta-":
            self.headers[-1] = (name, value)


class _CasedName(bytes):
    """A header name that uvicorn, which lowers all names, sends as it is."""

    def lower(self) -> bytes:
        return self


class App:
    """The ASGI application of one storage account."""

    def __init__(self, lake: Lake, faults: Faults | None, callers: Callers) -> None:
        self._lake = lake
        self._faults = faults
        self._callers = callers
        self._prefix = f"/{lake.key.account}"

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        request = parse_request(scope, receive)
        if not self._callers.admit_raw(scope["headers"]):
            await _send(_refusal(request, StorageError("AuthorizationSourceNotAllowed")), request, send)
            return
        if self._faults is not None and request.raw_path == FAULTS_PATH:
            status, body = self._faults.control(request.method, await request.body(_LARGEST_FAULT))
            await _send(Response(status, {"Content-Type": "application/json"}, body), request, send)
            return
        rule = self._struck(request, scope["query_string"].decode("latin-1"))
        try:
            if rule is not None and rule.latency_ms:
                await asyncio.sleep(rule.latency_ms / 1000)
            if rule is not None and rule.refuses:
                response = _refusal(request, _fault(rule)) if rule.status else Response(503)
            else:
                response = await self._answer(request)
        except ClientGone:
            return
        if rule is not None and (rule.applied or rule.status == 0):
            _close_body(response)
            await _hang_up(scope, receive)
            return
        if rule is not None and rule.cut_after is not None:
            await _send(
                response, request, partial(_cut, send, [rule.cut_after], scope["extensions"][_TRANSPORT])
            )
            return
        await _send(response, request, send)

    def _struck(self, request: Request, query: str) -> Rule | None:
        if self._faults is None:
            return None
        return self._faults.pick(f"{request.method} {request.raw_path}?{query}")

    async def _answer(self, request: Request) -> Response:
        try:
            request.is_dfs = routes.is_dfs(request)
            request.place = parse_place(self._path_in_account(request))
            if request.query.get("comp") == "batch" and request.method == "POST":
                return await batches.answer(self._lake, request, self._answer)
            route = routes.find(request)
            access.authorise(self._lake, request, route.letters)
            refuse_left_out(request)
            scope = self._lake.scope_of(request)
            response = await route.operation(self._lake, request)
            if scope:
                response.headers.setdefault("x-ms-encryption-scope", scope)
            return response
        except StorageError as error:
            return _refusal(request, error)
        except ClientGone:
            raise
        except Exception:  # noqa: BLE001
            # The one place that catches all: the client gets a fixed text, the log the traceback.
            _LOG.exception("A request failed inside the emulator.")
            return _refusal(request, StorageError("InternalError"))

    def _path_in_account(self, request: Request) -> str:
        path = request.raw_path
        if path != self._prefix and not path.startswith(self._prefix + "/"):
            if request.is_part:
                # The SDKs name the parts of a batch without the account, whatever the address of the service is.
                return path
            raise StorageError("InvalidUri", f"The path must start with {self._prefix}.")
        return path[len(self._prefix) :]


async def _cut(
    send: Send, left: list[int], transport: asyncio.Transport, message: MutableMapping[str, Any]
) -> None:
    """Send what is left to send of a body that breaks off, then close the connection under the client's hands."""
    if message["type"] == "http.response.start":
        await send(message)
        return
    body = message.get("body", b"")
    await send({**message, "body": body[: left[0]], "more_body": True})
    left[0] -= len(body)
    if left[0] <= 0 or not message.get("more_body"):
        transport.abort()


def _fault(rule: Rule) -> StorageError:
    assert rule.status is not None
    waits = rule.status in (429, 503)
    return StorageError(FAULT_CODES[rule.status], headers={"Retry-After": "1"} if waits else None)


def _refusal(request: Request, error: StorageError) -> Response:
    headers = {"x-ms-error-code": error.code, **error.headers}
    if error.status in _NO_BODY:
        return Response(error.status, headers)
    message = f"{error.message}\nRequestId:{request.id}\nTime:{http_date(clock.now_ns())}"
    if request.is_dfs:
        body = json.dumps({"error": {"code": error.code, "message": message}}).encode()
        return Response(error.status, {**headers, "Content-Type": "application/json"}, body)
    return Response(
        error.status, {**headers, "Content-Type": "application/xml"}, xml.error(error.code, message)
    )


async def _send(response: Response, request: Request, send: Send) -> None:
    headers = {
        "Date": http_date(clock.now_ns()),
        "Server": "Galen-Data-Lake",
        "x-ms-request-id": request.id,
        "x-ms-version": request.header("x-ms-version") or _LATEST_VERSION,
        **response.headers,
    }
    echoed = request.header("x-ms-client-request-id")
    if echoed:
        headers["x-ms-client-request-id"] = echoed
    body = response.body
    if isinstance(body, bytes) and response.status not in _NO_BODY:
        headers.setdefault("Content-Length", str(len(body)))
    raw = [
        (_header_name(name), value.encode("latin-1", "replace")) for name, value in headers.items() if value
    ]
    try:
        await send({"type": "http.response.start", "status": response.status, "headers": raw})
        if isinstance(body, FileSlice):
            await _send_slice(body, send)
        else:
            content = b"" if request.method == "HEAD" else body
            await send({"type": "http.response.body", "body": content})
    finally:
        _close_body(response)


def _header_name(name: str) -> bytes:
    encoded = name.encode("latin-1")
    return _CasedName(encoded) if name.startswith("x-ms-meta-") else encoded


async def _send_slice(part: FileSlice, send: Send) -> None:
    """Send part of a file as the client takes it; `send` waits while its buffer is full."""
    offset, left = part.offset, part.length
    while left:
        data = os.pread(part.descriptor, min(left, _SEND_BYTES), offset)
        if not data:
            # Cut from outside while it was read: an incomplete answer says so.
            return
        offset += len(data)
        left -= len(data)
        await send({"type": "http.response.body", "body": data, "more_body": bool(left)})
    if not part.length:
        await send({"type": "http.response.body", "body": b""})


def _close_body(response: Response) -> None:
    if isinstance(response.body, FileSlice):
        os.close(response.body.descriptor)
        response.body = b""


async def _hang_up(scope: MutableMapping[str, Any], receive: Receive) -> None:
    """Close the connection without a word, and wait until it is closed."""
    transport: asyncio.Transport = scope["extensions"][_TRANSPORT]
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
