"""The SDKs' HTTP transport without what only browsers need (docs/decisions/015-direct-transport.md).

requests and urllib3 merge proxies, cookies, hooks and redirects into every call and read headers with the parser of mails:
half a millisecond of processor time for a call of one millisecond. The SDKs set each header themselves, forbid redirects
and retry by policies of their own, so a request goes straight to a connection of the pool.
https://learn.microsoft.com/python/api/azure-core/azure.core.pipeline.transport.requeststransport
"""

from __future__ import annotations

import ssl
import threading
from collections import defaultdict
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

import certifi
from azure.core.pipeline.transport import RequestsTransport
from azure.core.settings import settings
from requests import ConnectionError as RequestsConnectionError
from requests import ConnectTimeout, ReadTimeout, Response, Session
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import requote_uri
from urllib3.exceptions import ProtocolError
from urllib3.util.retry import Retry
from urllib3.util.wait import wait_for_read

from shared.adapters.azure.http_connection import Answer, Broken, Connection, NotSent

CONNECTIONS: Final = 64
"""Kept open for each host: more than the threads of any process of ours, so that none is closed and made anew."""
_Place = tuple[str, str, bool | str]


class ConnectionPool:
    """Idle connections by place; the one used last goes out first."""

    def __init__(self) -> None:
        self._idle: dict[_Place, list[Connection]] = defaultdict(list)
        self._contexts: dict[bool | str, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def take(self, address: SplitResult, verify: bool | str, connect_timeout_s: float | None) -> Connection:
        """An open connection. Raises TimeoutError and NotSent."""
        place = (address.scheme, address.netloc, verify)
        while True:
            with self._lock:
                idle = self._idle[place]
                connection = idle.pop() if idle else None
            if connection is None:
                return Connection(
                    address, self._context(verify) if address.scheme == "https" else None, connect_timeout_s
                )
            # The service closes what was idle for long: a request written there would be lost.
            if not wait_for_read(connection.socket, timeout=0.0):
                return connection
            connection.close()

    def give_back(self, address: SplitResult, verify: bool | str, connection: Connection) -> None:
        """Keep it for the next request, if nothing went wrong and the service keeps it too."""
        with self._lock:
            idle = self._idle[address.scheme, address.netloc, verify]
            if connection.is_reusable and len(idle) < CONNECTIONS:
                idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            connections = [each for idle in self._idle.values() for each in idle]
            self._idle.clear()
        for connection in connections:
            connection.close()

    def _context(self, verify: bool | str) -> ssl.SSLContext:
        with self._lock:
            if verify not in self._contexts:
                context = ssl.create_default_context(
                    cafile=verify if isinstance(verify, str) else certifi.where()
                )
                if verify is False:
                    context.check_hostname = False
                    context.verify_mode = ssl.CERT_NONE
                self._contexts[verify] = context
            return self._contexts[verify]


class DirectSession(Session):
    """Sends bodies of bytes and text over its own connections; anything else as requests does."""

    def __init__(self) -> None:
        super().__init__()
        self._pool = ConnectionPool()

    def request(self, method: str, url: str, *rest: Any, **options: Any) -> Response:  # type: ignore[override]
        body = options.get("data")
        if isinstance(body, str):
            body = body.encode()
        if rest or not (body is None or isinstance(body, bytes)) or any(map(options.get, _UNUSUAL)):
            return super().request(method, url, *rest, **options)
        return self._send(method, url, body or b"", options)

    def _send(self, method: str, url: str, body: bytes, options: dict[str, Any]) -> Response:
        address = urlsplit(requote_uri(url))
        verify = options.get("verify", True)
        connect_timeout_s, read_timeout_s = options.get("timeout") or (None, None)
        try:
            connection = self._pool.take(address, verify, connect_timeout_s)
        except TimeoutError as failure:
            raise ConnectTimeout(failure) from failure
        except NotSent as failure:
            raise RequestsConnectionError(failure.__cause__) from failure
        target = f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"
        try:
            answer = connection.exchange(method, target, options.get("headers") or {}, body, read_timeout_s)
        except TimeoutError as failure:
            raise ReadTimeout(failure) from failure
        except Broken as failure:
            raise RequestsConnectionError(
                ProtocolError("Connection aborted.", failure.__cause__)
            ) from failure
        finally:
            self._pool.give_back(address, verify, connection)
        return _Read(url, answer)

    def close(self) -> None:
        super().close()
        self._pool.close()


_UNUSUAL: Final = ("files", "params", "stream", "cert", "auth", "json", "cookies", "hooks")


class _Read(Response):
    """A response that was read whole; a jar of cookies is made for nobody."""

    _next = None
    encoding = None
    elapsed = timedelta()
    cookies = RequestsCookieJar()

    def __init__(self, url: str, answer: Answer) -> None:
        self.status_code = answer.status
        self.reason = answer.reason
        self.url = url
        self.headers = CaseInsensitiveDict(answer.headers)
        self.raw = SimpleNamespace()  # the transport sets a flag of urllib3 on it
        self.history = []
        self._content = answer.body
        self._content_consumed = True


class DirectTransport(RequestsTransport):  # type: ignore[misc]  # the library has no types
    """A transport whose session is a `DirectSession`."""

    def open(self) -> None:
        if not self._has_been_opened and self.session is None:
            session = DirectSession()
            never = Retry(total=False, redirect=False, raise_on_status=False)  # the SDK's policies retry
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS, max_retries=never))
            self.session: Session | None = session
        super().open()


def transport() -> RequestsTransport:
    """A new transport: the direct one, unless the environment names a proxy."""
    # Asked for each call, the environment is searched for it four times.
    settings.tracing_enabled = settings.tracing_enabled()
    # `no` names the hosts that no proxy is for: it is not a proxy.
    return RequestsTransport() if getproxies().keys() - {"no"} else DirectTransport()
