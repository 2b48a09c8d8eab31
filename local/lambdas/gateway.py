"""API Gateway before a function: an ASGI application that hands requests over in payload format 2.0.

A path arrives decoded, the query as it was sent, equal headers joined by a comma; bodies that are no text in base64. Where
an event or an answer is more than Lambda takes, so is what the client is told.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from local.lambdas.function import Function, FunctionFailed, PayloadTooLarge

BODY_BYTES: Final = 10 << 20
INSTANCES: Final = 8
"""Instances of the function that run at once: each takes one request at a time, on a loop of its own."""
_TEXT: Final = ("text/", "application/json", "application/xml", "application/javascript")


class Gateway:
    """The application. `functions` are listed where the local host of Azure lists its own."""

    def __init__(self, function: Function | None, functions: list[dict[str, Any]]) -> None:
        self._function = function
        self._functions = functions
        self._instances = ThreadPoolExecutor(INSTANCES, "lambda", initializer=self._own_loop)
        self._loops: list[asyncio.AbstractEventLoop] = []

    def _own_loop(self) -> None:
        """Of one instance: Mangum runs each request on its thread's loop."""
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self._loops.append(loop)

    def close(self) -> None:
        """Ends the instances."""
        self._instances.shutdown()
        for loop in self._loops:
            loop.close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, headers, answer = await self._answer(scope, bytes(body))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, scope: Any, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        if scope["path"] == "/admin/functions":
            return 200, _JSON, json.dumps(self._functions).encode()
        if self._function is None:
            return _told(404, "Not Found")
        if len(body) > BODY_BYTES:
            return _told(413, "Request Entity Too Large")
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._instances, self._function, _event(scope, body))
        except PayloadTooLarge:
            return _told(413, "Request Entity Too Large")
        except FunctionFailed:
            return _told(500, "Internal Server Error")
        given = found.get("body") or ""
        answer = base64.b64decode(given) if found.get("isBase64Encoded") else given.encode()
        headers = [
            (name.encode("latin-1"), str(value).encode("latin-1")) for name, value in found["headers"].items()
        ]
        return found["statusCode"], headers, answer


_JSON: Final = [(b"content-type", b"application/json")]


def _told(status: int, message: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    return status, _JSON, json.dumps({"message": message}).encode()


def _event(scope: Any, body: bytes) -> dict[str, Any]:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    headers.setdefault("x-forwarded-proto", "http")
    is_text = headers.get("content-type", "").startswith(_TEXT) and "content-encoding" not in headers
    path, client = scope["path"], scope.get("client") or ("127.0.0.1", 0)
    request = {"method": scope["method"], "path": path, "protocol": "HTTP/1.1", "sourceIp": client[0]}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": scope["query_string"].decode("latin-1"),
        "headers": headers,
        "requestContext": {
            "http": {**request, "userAgent": headers.get("user-agent", "")},
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(1000 * time.time()),
        },
        "body": body.decode() if is_text else base64.b64encode(body).decode(),
        "isBase64Encoded": not is_text,
    }
