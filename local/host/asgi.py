"""The host's HTTP server side: one raw ASGI app that parts the host's own paths from the functions' routes."""

from __future__ import annotations

from local.host.admin import Admin
from local.host.http_trigger import HttpTrigger, Receive, Scope, Send, has_valid_host, respond
from local.host.routes import Routes
from local.host.webhooks import Webhooks

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32_768
"""Kestrel's limits: what is beyond them is a 431 before anything else is looked at."""


class HostApp:
    """`/admin` and `/runtime` belong to the host, whatever routes the functions declare."""

    def __init__(self, routes: Routes, http: HttpTrigger, admin: Admin, webhooks: Webhooks) -> None:
        self._routes = routes
        self._http = http
        self._admin = admin
        self._webhooks = webhooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            # the Functions host upgrades nothing
            await send({"type": "websocket.close", "code": 1000})
            return
        headers = scope["headers"]
        if len(headers) > MAX_HEADERS or sum(len(k) + len(v) for k, v in headers) > MAX_HEADER_BYTES:
            await respond(send, 431)
            return
        if not has_valid_host(headers):
            await respond(send, 400)
            return
        path = scope["raw_path"].decode("latin-1")[1:]
        first = path[:8].lower()
        if first.startswith("admin/"):
            await self._admin.handle(path, scope, receive, send)
            return
        if first == "runtime/":
            await self._webhooks.handle(path, scope, receive, send)
            return
        found = self._routes.find(scope["method"], path)
        if found is None:
            await respond(send, 404)
            return
        function, parameters = found
        await self._http.handle(function, parameters, scope, receive, send)
