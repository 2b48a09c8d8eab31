"""Asks cheaply whether a change feed is still quiet, by repeating the SDK's own last empty read.

A read through azure-cosmos costs two to four milliseconds of processor time even when there is nothing to read; ten a
second for each lease would be felt on a laptop. The bare repetition costs a tenth. Only a 304 is believed: whatever else
comes back, the SDK reads.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

TRUST_S = 60.0
"""After this long the SDK reads again: a request's signature is good for fifteen minutes."""
_TIMEOUT_S = 5.0


class FeedProbe:
    """Remembers one request; not for several threads."""

    def __init__(self) -> None:
        self._url = ""
        self._headers: Mapping[str, str] = {}
        self._captured_at = 0.0
        self._connection: http.client.HTTPConnection | None = None

    def capture(self, request: Any) -> None:
        """For the SDK's `raw_request_hook`: keep the request that is being sent."""
        self._url = request.http_request.url
        self._headers = dict(request.http_request.headers)
        self._captured_at = time.monotonic()

    def quiet(self) -> bool:
        """True if the service says that nothing came since the kept request, which must have been an empty read."""
        if not self._url or time.monotonic() - self._captured_at > TRUST_S:
            return False
        try:
            status = self._send()
        except (OSError, http.client.HTTPException):
            self.close()
            return False
        if status != http.client.NOT_MODIFIED:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Forget the request and the connection."""
        self._url = ""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(self) -> int:
        address = urlsplit(self._url)
        if self._connection is None:
            self._connection = _connect(address.scheme, address.hostname or "", address.port)
        target = f"{address.path}?{address.query}" if address.query else address.path
        self._connection.request("GET", target, headers=dict(self._headers))
        answer = self._connection.getresponse()
        if answer.status == http.client.NOT_MODIFIED:
            answer.read()
        return answer.status


def _connect(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
    return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
