"""The HTTP trigger as the classic (not streaming) binding of the Functions host hands requests to Python.

What it does to a request is in azure-functions-host `GrpcMessageConversionExtensions.ToRpcHttp`: values of one query
parameter are joined by commas and empty ones left out, a header has one value, a body without a Content-Length (that is,
a chunked one) does not arrive, the URL is rebuilt from the decoded path but the query stays as it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from local.host.engine import Datum, FunctionDefinition, Outcome
from local.host.invoker import Invoker

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

BODY_LIMIT_BYTES = 104_857_600
"""`FUNCTIONS_REQUEST_BODY_SIZE_LIMIT` of the real host: 100 MB."""
_HOST = re.compile(r"(?:[A-Za-z0-9!$&'()\-._~]*|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
_LAST_PORT = 65_535
_PLAIN_PATH = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/]*")
_ESCAPED_SLASH = re.compile(r"(%2[Ff])")
_SAFE = "-._~!$&'()*+,;=:@/"


class BodyTooLarge(Exception):
    """More than the host takes: 413 before any function runs."""


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body, at most `BODY_LIMIT_BYTES`."""
    declared = next((int(v) for k, v in scope["headers"] if k == b"content-length" and v.isdigit()), 0)
    if declared > BODY_LIMIT_BYTES:
        raise BodyTooLarge
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    pieces, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > BODY_LIMIT_BYTES:
            raise BodyTooLarge
    return b"".join(pieces)


def has_length(headers: Headers) -> bool:
    """`request.ContentLength > 0`: without it the classic binding takes no body."""
    return any(name == b"content-length" and value.strip() not in (b"", b"0") for name, value in headers)


def has_valid_host(headers: Headers) -> bool:
    """At most one Host, of a name or an address and a port (aspnetcore `HttpUtilities.IsHostHeaderValid`).

    The URL that a function gets begins with it: a Host with a slash would choose the path.
    """
    given = [value.decode("latin-1") for name, value in headers if name == b"host"]
    found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
    return not given or (found is not None and int(found[1] or 0) <= _LAST_PORT)


def rebuilt_path(raw_path: str) -> str:
    """The path as Kestrel decodes it and `PathString.ToUriComponent` writes it again.

    Dot segments are resolved, `%2F` stays, and what looks like an escape after decoding stays as it is: `%2541` arrives
    as `%41`.
    """
    if _PLAIN_PATH.fullmatch(raw_path) and "/." not in raw_path:
        return raw_path
    decoded = "".join(
        piece if _ESCAPED_SLASH.fullmatch(piece) else _decoded(piece)
        for piece in _ESCAPED_SLASH.split(raw_path)
    )
    if "/." in decoded:
        decoded = _without_dot_segments(decoded)
    return re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", quote(decoded, safe=_SAFE + "%"))


def _decoded(piece: str) -> str:
    try:
        return unquote_to_bytes(piece).decode()
    except UnicodeDecodeError:
        return piece


def _without_dot_segments(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for position, segment in enumerate(segments):
        if segment == "..":
            kept = kept[:-1] if len(kept) > 1 else kept
        elif segment != ".":
            kept.append(segment)
        if segment in (".", "..") and position == len(segments) - 1:
            kept.append("")
    return "/".join(kept)


def query_parameters(query: str) -> dict[str, Datum]:
    """One value per name, names without regard to case (`StringValues.ToString` leaves out empty values)."""
    if not query:
        return {}
    values: dict[str, list[str]] = {}
    spelled: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
        spelling = spelled.setdefault(name.lower(), name)
        values.setdefault(spelling, []).append(value)
    joined = {name: ",".join(filter(None, found)) for name, found in values.items()}
    return {name: Datum(value, "string") for name, value in joined.items() if value}


def request_datum(scope: Scope, parameters: Mapping[str, str], body: bytes) -> Datum:
    """The request as `RpcHttp` carries it."""
    headers: dict[str, Datum] = {}
    host = "localhost"
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers:
            headers[name].value += "," + value
        else:
            headers[name] = Datum(value, "string")
        if name == "host":
            host = value
    query = scope["query_string"].decode("latin-1")
    path = rebuilt_path(scope["raw_path"].decode("latin-1"))
    url = f"{scope['scheme']}://{host}{path}{'?' + query if query else ''}"
    return Datum(
        {
            "method": Datum(scope["method"], "string"),
            "url": Datum(url, "string"),
            "headers": headers,
            "body": Datum(body, "bytes"),
            "params": {name: Datum(value, "string") for name, value in parameters.items()},
            "query": query_parameters(query),
        },
        "http",
    )


class HttpTrigger:
    """Turns a routed request into an invocation and its outcome into the answer."""

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker

    async def handle(
        self,
        function: FunctionDefinition,
        parameters: Mapping[str, str],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer one request; an exception in the function is a 500 without a body, as on the real host."""
        try:
            body = await read_body(scope, receive)
        except BodyTooLarge:
            await respond(send, 413)
            return
        if body and not has_length(scope["headers"]):
            body = b""
        traceparent = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"traceparent"), "")
        data = request_datum(scope, parameters, body)
        outcome = await self._invoker.invoke_once(
            function, data, {}, "This function was called by HTTP", traceparent
        )
        status, headers, content = answer_of(outcome)
        await respond(send, status, headers, content, keep_length=scope["method"] == "HEAD")


def answer_of(outcome: Outcome) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body of an outcome's return value."""
    if not outcome.succeeded:
        return 500, [], b""
    returned = outcome.returned
    if returned is None or returned.type is None:
        return 204, [], b""
    if returned.type != "http":
        text = returned.value if isinstance(returned.value, bytes) else str(returned.value).encode()
        return 200, [(b"content-type", b"text/plain; charset=utf-8")], text
    value = returned.value
    headers = [
        (name.encode("latin-1"), header.value.encode("latin-1")) for name, header in value["headers"].items()
    ]
    for cookie in value.get("cookies") or ():
        headers += [(b"set-cookie", morsel.OutputString().encode("latin-1")) for morsel in cookie.values()]
    content = value["body"].value
    return (
        int(value["status_code"].value),
        headers,
        content if isinstance(content, bytes) else str(content).encode(),
    )


async def respond(
    send: Send,
    status: int,
    headers: Iterable[tuple[bytes, bytes]] = (),
    body: bytes = b"",
    *,
    keep_length: bool = False,
) -> None:
    """One whole answer with its length; `keep_length` leaves the app's own length (an answer to HEAD)."""
    kept = [(name.lower(), value) for name, value in headers]
    kept = [(name, value) for name, value in kept if name != b"transfer-encoding"]
    has_own = any(name == b"content-length" for name, _ in kept)
    if not (keep_length and has_own):
        kept = [(name, value) for name, value in kept if name != b"content-length"]
        if status >= 200 and status not in (204, 304):
            kept.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": kept})
    await send({"type": "http.response.body", "body": b"" if status in (204, 304) else body})
