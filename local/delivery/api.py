"""The public API as a partner uses it: keep-alive connections of the standard library, one a thread, and a bearer token."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from shared.domain.fhir import json

_TIMEOUT_S: Final = 300.0
_TRIES: Final = 40
_BUSY: Final = (429, 503)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of one answer."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        return json.decode_object(self.body) if self.body.startswith(b"{") else {}


class Api:
    """One platform's API. Raises OSError where it does not answer."""

    def __init__(self, url: str, new_token: Callable[[], str]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._new_token = new_token
        self._token = new_token()
        self._local = threading.local()

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON of a GET that must succeed; asked again where the connection broke or the platform was busy."""
        query = f"?{urlencode(parameters, quote_via=quote, safe=',:/|')}" if parameters else ""
        answer = self.send("GET", path + query, repeatable=True)
        if answer.status != 200:
            raise OSError(f"GET {path} was answered with {answer.status}")
        return answer.json()

    def text(self, path: str) -> str:
        """The text of a GET."""
        return self.send("GET", path, repeatable=True).body.decode()

    def total(self, type_: str, **criteria: str) -> int:
        """How many resources of a type meet the criteria: the exact total of a search."""
        return int(self.get(f"/fhir/{type_}", {**criteria, "_summary": "count"})["total"])

    def send(
        self, method: str, path: str, body: bytes | None = None, *, repeatable: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """One request. 429 and 503 are waited out; a broken connection is tried again only if `repeatable`."""
        for number in range(_TRIES):
            try:
                answer, wait_s = self._once(method, path, body, headers or {})
            except (OSError, http.client.HTTPException) as failure:
                self._forget()
                if not repeatable or number == _TRIES - 1:
                    raise OSError(f"{method} {path.partition('?')[0]} was not answered") from failure
                time.sleep(0.25)
                continue
            if answer.status == 401 and number == 0:
                self._token = self._new_token()
            elif answer.status not in _BUSY:
                return answer
            else:
                time.sleep(wait_s)
        return answer

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[Answer, float]:
        connection = self._connection()
        own = {"Authorization": f"Bearer {self._token}", **headers}
        if body is not None:
            own.setdefault("Content-Type", "application/fhir+json")
        connection.request(method, path, body, own)
        response = connection.getresponse()
        answer = Answer(response.status, response.read())
        wait = response.headers.get("Retry-After", "")
        return answer, float(wait) if wait.isdecimal() else 0.5

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if found is None:
            found = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
            self._local.connection = found
        return found

    def _forget(self) -> None:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None
