"""The SDKs' HTTP transport without what only browsers need: of 1.4 ms of processor time a call, it saves a third.

requests merges proxies, cookies, hooks and redirects into every call, and reads the environment each time. The SDKs set
each header themselves and forbid redirects, so a prepared request goes to the connection pool directly.
https://learn.microsoft.com/python/api/azure-core/azure.core.pipeline.transport.requeststransport
"""

from __future__ import annotations

from typing import Any, Final
from urllib.request import getproxies

from azure.core.pipeline.transport import RequestsTransport
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import requote_uri
from urllib3.util.retry import Retry

CONNECTIONS: Final = 64
"""Kept open for each host: more than the threads of any process of ours, so that none is closed and made anew."""


class DirectSession(Session):
    """Sends bodies of bytes and text straight to the pool; anything else as requests does."""

    def request(self, method: str, url: str, *rest: Any, **options: Any) -> Response:  # type: ignore[override]
        body = options.get("data")
        if isinstance(body, str):
            body = body.encode()
        if (
            rest
            or options.get("files")
            or options.get("params")
            or not (body is None or isinstance(body, bytes))
        ):
            return super().request(method, url, *rest, **options)
        prepared = PreparedRequest()
        prepared.method, prepared.url, prepared.body = method, requote_uri(url), body
        prepared.headers = CaseInsensitiveDict(options.get("headers") or {})
        if body is not None or prepared.method in ("POST", "PUT", "PATCH"):
            prepared.headers["Content-Length"] = str(len(body or b""))
        response = self.get_adapter(prepared.url).send(
            prepared,
            stream=bool(options.get("stream")),
            timeout=options.get("timeout"),
            verify=options.get("verify", True),
            cert=options.get("cert"),
        )
        if not options.get("stream"):
            _ = response.content  # read now, as requests does, so that the connection goes back to the pool
        return response


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
    # `no` names the hosts that no proxy is for: it is not a proxy.
    return RequestsTransport() if getproxies().keys() - {"no"} else DirectTransport()
