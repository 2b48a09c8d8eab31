"""One request as the operations see it, and the response they give back."""

from __future__ import annotations

import email.utils
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.names import ACCOUNT, Place

Receive = Callable[[], Awaitable[dict[str, Any]]]

_METADATA_PREFIX = "x-ms-meta-"


class ClientGone(Exception):
    """The client closed the connection before its body was complete: nothing may be committed."""


@dataclass(slots=True)
class Request:
    """Header names are lower case, except that metadata keep the case they were sent in.

    `is_part` says that it came in the body of a batch.
    """

    method: str
    raw_path: str
    query: dict[str, str]
    headers: dict[str, str]
    metadata: dict[str, str]
    receive: Receive
    is_dfs: bool = False
    is_part: bool = False
    place: Place = ACCOUNT
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def header(self, name: str) -> str | None:
        """A header's value; an empty one counts as absent."""
        return self.headers.get(name) or None

    @property
    def content_length(self) -> int | None:
        return _natural(self.headers.get("content-length"), "InvalidHeaderValue")

    def number(self, name: str) -> int | None:
        """A query parameter that must be a natural number where it is given."""
        return _natural(self.query.get(name), "InvalidQueryParameterValue")

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() == "true"

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises ClientGone where it ends too early."""
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                return

    async def body(self, limit: int) -> bytes:
        """The whole body, for documents and small blobs; raises RequestBodyTooLarge above the limit."""
        pieces: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                raise StorageError("RequestBodyTooLarge")
            pieces.append(chunk)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@dataclass(slots=True)
class FileSlice:
    """An open file and the part of it to send; whoever sends it closes the descriptor."""

    descriptor: int
    offset: int
    length: int


@dataclass(slots=True)
class Response:
    """What goes back: `body` is bytes or a part of a file, streamed."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | FileSlice = b""


def parse_request(scope: MutableMapping[str, Any], receive: Receive) -> Request:
    """Read an ASGI scope; header values are Latin-1 so that every byte survives both ways."""
    headers: dict[str, str] = {}
    metadata: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1")
        lower = name.lower()
        headers[lower] = raw_value.decode("latin-1").strip()
        if lower.startswith(_METADATA_PREFIX):
            metadata[name[len(_METADATA_PREFIX) :]] = headers[lower]
    query: dict[str, str] = {}
    for pair in scope["query_string"].decode("latin-1").split("&"):
        name, _, value = pair.partition("=")
        if name:
            query[unquote(name)] = unquote(value)
    raw_path = scope["raw_path"].decode("latin-1")
    return Request(scope["method"], raw_path, query, headers, metadata, receive)


def http_date(instant_ns: int) -> str:
    return _http_date(instant_ns // 1_000_000_000)


@lru_cache(maxsize=4096)
def _http_date(instant_s: int) -> str:
    return email.utils.formatdate(instant_s, usegmt=True)


def _natural(text: str | None, code: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise StorageError(code)
    return int(text)
