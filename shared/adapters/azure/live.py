"""Live updates by Azure Web PubSub: a tenant is a group, which a connection joins by the token in its address.

https://learn.microsoft.com/rest/api/webpubsub/dataplane/web-pub-sub (2024-01-01)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from shared.adapters.web import ask
from shared.errors import Fault
from shared.names import LIVE_HUB

_VERSION: Final = "2024-01-01"
_MINUTES: Final = 1
PATIENCE_S: Final = 3.0
RINGS_S: Final = 1.0
"""The bell is rung between pages of the change feed, which waits for nobody; who asks for an address waits longer."""
TOLD: Final = json.dumps({"event": "alerts"}).encode()


class WebPubSubLive:
    """`endpoint` is the service's address, `token` gives a bearer token that holds now."""

    def __init__(self, endpoint: str, token: Callable[[], str]) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._token = token

    def address(self, tenant: str) -> str:
        # Without a role a client can neither join another group nor send.
        asked = {"group": tenant, "minutesToExpire": _MINUTES}
        found = self._ask(":generateToken", asked).get("token")
        if not isinstance(found, str):
            raise Fault("Web PubSub gave no token.")
        host = urlsplit(self._endpoint)
        scheme = "ws" if host.scheme == "http" else "wss"
        return f"{scheme}://{host.netloc}/client/hubs/{LIVE_HUB}?{urlencode({'access_token': found})}"

    def ring(self, tenant: str) -> None:
        self._ask(f"groups/{quote(tenant, safe='')}/:send", {}, TOLD, RINGS_S)

    def _ask(
        self,
        path: str,
        parameters: dict[str, Any],
        body: bytes | None = None,
        timeout_s: float = PATIENCE_S,
    ) -> dict[str, Any]:
        query = urlencode({**parameters, "api-version": _VERSION})
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        url = f"{self._endpoint}/api/hubs/{LIVE_HUB}/{path}?{query}"
        return ask("POST", url, headers, body or b"", who="Web PubSub", timeout_s=timeout_s)
