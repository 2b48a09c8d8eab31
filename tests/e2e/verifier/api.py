"""The public API with the standard library alone."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

TRIES = 60


class Api:
    """GETs with a token; an answer that does not come is asked for again."""

    def __init__(self, url: str, token: str, page: int = 1000) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._page = page
        self._headers = {"Authorization": f"Bearer {token}"}
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> Any:
        """The JSON of an answer. Raises OSError where none comes."""
        for _ in range(TRIES):
            try:
                if self._connection is None:
                    self._connection = http.client.HTTPConnection(self._host, self._port, timeout=60)
                self._connection.request("GET", path, headers=self._headers)
                response = self._connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException):
                self._connection = None
                time.sleep(0.5)
                continue
            if response.status == 200:
                # Digits stay text: 1.10 is not 1.1.
                return json.loads(body, parse_float=str)
            if response.status not in (429, 500, 502, 503):
                raise OSError(f"{path.partition('?')[0]} was answered with {response.status}")
            time.sleep(0.5)
        raise OSError("no answer")

    def all(self, type_: str) -> Iterator[Any]:
        """Every resource of a type, page by page."""
        path = f"/fhir/{type_}?_count={self._page}&_total=none"
        while path:
            page = self.get(path)
            yield from (entry["resource"] for entry in page.get("entry", ()))
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            parts = urlsplit(following[0]) if following else None
            path = f"{parts.path}?{parts.query}" if parts else ""
