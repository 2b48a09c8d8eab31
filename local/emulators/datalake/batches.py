"""Blob batches: up to 256 deletions or changes of tier in one request, each signed and answered by itself.

https://learn.microsoft.com/rest/api/storageservices/blob-batch
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from local.emulators.datalake import access
from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.lake import Lake
from local.emulators.datalake.request import Request, Response, parse_request

_MOST_PARTS = 256
_LARGEST = 4 * 1024 * 1024
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_LINE = re.compile(r"(DELETE|PUT) (\S+) HTTP/1\.1")

Answer = Callable[[Request], Awaitable[Response]]


async def answer(lake: Lake, request: Request, answer_part: Answer) -> Response:
    """Answers each part in turn; the batch itself succeeds whatever they come to."""
    access.authorise(lake, request, "dw")
    boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
    if boundary is None:
        raise StorageError("InvalidHeaderValue", "A batch is multipart/mixed with a boundary.")
    body = (await request.body(_LARGEST)).decode("latin-1")
    parts = [part for part in body.split(f"--{boundary[1]}")[1:] if not part.startswith("--")]
    if not 0 < len(parts) <= _MOST_PARTS:
        raise StorageError("InvalidInput", f"A batch has 1 to {_MOST_PARTS} parts.")
    ours = f"batchresponse_{uuid.uuid4()}"
    answered: list[bytes] = []
    for part in parts:
        number, made = _parse(part)
        if request.place.container and not _is_inside(made.raw_path, request):
            raise StorageError("InvalidInput", "A part of the batch is outside its container.")
        answered.append(_written(ours, number, made, await answer_part(made)))
    document = b"".join([*answered, f"--{ours}--\r\n".encode()])
    return Response(202, {"Content-Type": f"multipart/mixed; boundary={ours}"}, document)


def _parse(part: str) -> tuple[str, Request]:
    """The number and the request in one part of the body."""
    outer, _, rest = part.strip("\r\n").partition("\r\n\r\n")
    line, _, inner = rest.partition("\r\n")
    asked = _LINE.fullmatch(line.strip())
    if asked is None:
        raise StorageError("InvalidInput", "A part of the batch is neither a deletion nor a change of tier.")
    path, _, query = asked[2].partition("?")
    scope: dict[str, Any] = {
        "method": asked[1],
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in _headers(inner)],
    }
    made = parse_request(scope, _nothing_to_receive)
    made.is_part = True
    if made.method == "PUT" and made.query.get("comp") != "tier":
        raise StorageError("InvalidInput", "Of changes a batch takes only those of tiers.")
    return dict(_headers(outer)).get("content-id", ""), made


def _headers(text: str) -> list[tuple[str, str]]:
    lines = [line.partition(":") for line in text.split("\r\n") if ":" in line]
    return [(name.strip().lower(), value.strip()) for name, _, value in lines]


def _is_inside(path: str, request: Request) -> bool:
    return f"/{request.place.container}/" in path


async def _nothing_to_receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b""}


def _written(boundary: str, number: str, made: Request, response: Response) -> bytes:
    body = response.body if isinstance(response.body, bytes) else b""
    headers = {
        **response.headers,
        "x-ms-request-id": made.id,
        "x-ms-version": made.headers.get("x-ms-version", ""),
    }
    if body:
        headers["Content-Length"] = str(len(body))
    lines = [
        f"--{boundary}", "Content-Type: application/http", f"Content-ID: {number}", "",
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        *(f"{name}: {value}" for name, value in headers.items() if value), "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode("latin-1", "replace") + body + b"\r\n"
