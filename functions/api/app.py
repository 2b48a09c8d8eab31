"""The ASGI application: route, token, scope, format, body, use case, answer, in that order."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import re
import time
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from functions.api.alerts import AlertFeed
from functions.api.authorization import caller_of
from functions.api.body import Patience, may_exceed, read_body, require_known_encoding, unpack
from functions.api.endpoints import endpoints
from functions.api.exchange import ApiRequest
from functions.api.negotiation import require_acceptable, require_content_type
from functions.api.outcomes import error_response, refusal_reason
from functions.api.routing import Endpoint, Routes
from functions.api.services import ApiServices
from shared.domain.access.caller import ANONYMOUS, Caller
from shared.domain.fhir.identity import require_key
from shared.errors import Busy, GalenError, NotFound

THREADS: Final = 32
LARGE_BODY_BYTES: Final = 262_144
LARGE_BODIES: Final = 8
"""So many are decoded side by side: 16 MB of JSON take 300 MB while they are at work, and 32 of them all there is."""
HELD_BODIES: Final = 16
"""So many large ones are in memory at once, from their first byte to the answer; the next is not read meanwhile."""
_PATIENCE: Final = Patience()
_ENDPOINT: Final = "galen.endpoint"
"""Where the scope keeps the endpoint's name for the counters, which are kept whether the request succeeds or not."""
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_SECURITY_HEADERS: Final = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
)


def create_api(
    services: ApiServices, *, streaming: bool = False, poll_s: float = 0.15, patience: Patience = _PATIENCE
) -> Api:
    """The application. `streaming`: whether the server can send a response piece by piece (uvicorn can, Functions
    cannot); `poll_s`: how often waiting clients look for alerts; `patience`: with bodies that come slowly."""
    return Api(services, Routes(endpoints(AlertFeed(streaming, poll_s))), patience)


class Api:
    """One request at a time through the steps above; use cases block and run in a thread pool."""

    def __init__(self, services: ApiServices, routes: Routes, patience: Patience) -> None:
        self._services = services
        self._routes = routes
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="api")
        self._large = asyncio.Semaphore(LARGE_BODIES)
        self._held = asyncio.Semaphore(HELD_BODIES)
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                self._threads.shutdown(wait=False, cancel_futures=True)
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        # Minted here, so that it can stand in a log: a client's own id could hold anything.
        correlation = self._services.randomness.hex(32)
        started = time.perf_counter()
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except Exception as failure:  # noqa: BLE001 - the entry point: every error becomes an answer
            response = error_response(failure, correlation)
            if response.status_code in (401, 403, 429):
                reason = refusal_reason(failure)
                self._services.meter.count(
                    "galen_refused_total", status=str(response.status_code), reason=reason
                )
        name, status = scope.get(_ENDPOINT, "none"), str(response.status_code)
        self._services.meter.count("galen_http_requests_total", endpoint=name, status=status)
        self._services.meter.observe(
            "galen_http_request_seconds", time.perf_counter() - started, endpoint=name
        )
        _stamp(response, request, correlation)
        if request.method == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        endpoint, path, caller = self._admit(request)
        if endpoint.body is None:
            return await self._answer_to(request, endpoint, path, caller, b"")
        require_content_type(request.headers, endpoint.body.content_types)
        require_known_encoding(request)
        async with self._place(request):
            body = await read_body(request, endpoint.body.max_bytes, self._patience)
            return await self._answer_to(request, endpoint, path, caller, body)

    @asynccontextmanager
    async def _place(self, request: Request) -> AsyncIterator[None]:
        """A place among those held, for a body that is or may be large. Raises Busy where none becomes free."""
        if not may_exceed(request, LARGE_BODY_BYTES):
            yield
            return
        try:
            async with asyncio.timeout(self._patience.place_s):
                await self._held.acquire()
        except TimeoutError:
            raise Busy("Too many large bodies are on their way: try again shortly.") from None
        try:
            yield
        finally:
            self._held.release()

    async def _answer_to(
        self, request: Request, endpoint: Endpoint, path: Mapping[str, str], caller: Caller, body: bytes
    ) -> Response:
        asked = ApiRequest(
            method=request.method,
            base_url=self._services.public_url or _base_url(request),
            path=path,
            query_string=request.scope["query_string"],
            headers=request.headers,
            caller=caller,
            body=body,
        )
        if endpoint.wait:
            return await endpoint.wait(self._services, asked, self._in_thread)
        answer: Response
        if len(body) > LARGE_BODY_BYTES or (body and "content-encoding" in request.headers):
            async with self._large:
                answer = await self._in_thread(self._run, endpoint, asked)
        else:
            answer = await self._in_thread(self._run, endpoint, asked)
        return answer

    def _admit(self, request: Request) -> tuple[Endpoint, Mapping[str, str], Caller]:
        """Everything that can be refused before the body is read."""
        try:
            endpoint, path = self._routes.find(request.method, request.scope["path"])
        except GalenError:
            # Whoever shows no token does not learn which addresses exist.
            caller_of(request.headers, self._services.token_verifier)
            raise
        request.scope[_ENDPOINT] = endpoint.name
        if endpoint.public:
            caller = ANONYMOUS
        elif endpoint.admit:
            caller = endpoint.admit(self._services, request.headers)
        else:
            caller = caller_of(request.headers, self._services.token_verifier)
            if "type" in path:
                require_key(path["type"], "x")
            for type_, interaction in endpoint.needs:
                caller.require(path["type"] if type_ == "{type}" else type_, interaction)
        if endpoint.json_only and b"_format=" not in request.scope["query_string"]:
            require_acceptable(request.headers)
        return endpoint, path, caller

    def _run(self, endpoint: Endpoint, asked: ApiRequest) -> Response:
        """In a thread: unpack, hash, and the use case."""
        rule = endpoint.body
        if rule:
            digest = hashlib.sha256(asked.body).hexdigest()
            encoding = asked.headers.get("content-encoding", "identity")
            body = unpack(asked.body, encoding, rule.max_bytes)
            asked = replace(asked, body=body, caller=replace(asked.caller, request_sha256=digest))
        if endpoint.run is None:
            raise NotFound("There is nothing at this address.")
        return endpoint.run(self._services, asked)

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, context.run, function, *arguments
        )


def _base_url(request: Request) -> str:
    """How the client reached this server: the URL's scheme and the Host header, where that is one."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        name, port = request.scope.get("server") or ("localhost", None)
        host = f"{name}:{port}" if port else name
    return f"{request.scope['scheme']}://{host}"


def _stamp(response: Response, request: Request, correlation: str) -> None:
    """Headers that every answer has; appended raw, because looking each up costs more than the rest of a read."""
    headers = response.raw_headers
    headers.append((b"x-correlation-id", correlation.encode()))
    sent = request.headers.get("x-request-id", "")
    if _REQUEST_ID.fullmatch(sent):
        headers.append((b"x-request-id", sent.encode()))
    headers.extend(_SECURITY_HEADERS)
