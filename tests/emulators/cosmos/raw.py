"""Signed requests without the SDK, for bodies that it would not send."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

import httpx
from azure.cosmos import ContainerProxy

from local.emulators.cosmos.auth import WELL_KNOWN_KEY

from .conftest import Emulator


def send(
    emulator: Emulator, method: str, path: str, link: str, body: Any, headers: dict[str, str]
) -> httpx.Response:
    """Sends a signed request about documents."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.request(
        method, emulator.url + path, content=content, headers=signed(method, "docs", link) | headers
    )


def signed(method: str, kind: str, link: str) -> dict[str, str]:
    """Returns the headers that sign a request about resources of a kind below, or at, a link."""
    date = formatdate(usegmt=True)
    text = f"{method.lower()}\n{kind}\n{link}\n{date.lower()}\n\n"
    digest = hmac.new(base64.b64decode(WELL_KNOWN_KEY), text.encode(), hashlib.sha256).digest()
    token = quote(f"type=master&ver=1.0&sig={base64.b64encode(digest).decode()}")
    return {"x-ms-date": date, "authorization": token}


def post(
    emulator: Emulator,
    container: ContainerProxy,
    body: Any,
    key: list[Any],
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Posts a body to the items of a container."""
    link = f"dbs/tests/colls/{container.id}"
    with_key = {"x-ms-documentdb-partitionkey": json.dumps(key), **(headers or {})}
    return send(emulator, "POST", f"{link}/docs", link, body, with_key)


def get(emulator: Emulator, container: ContainerProxy, item_id: str, key: list[Any]) -> httpx.Response:
    """Reads an item's text."""
    link = f"dbs/tests/colls/{container.id}/docs/{item_id}"
    return send(emulator, "GET", link, link, b"", {"x-ms-documentdb-partitionkey": json.dumps(key)})
