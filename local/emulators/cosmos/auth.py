"""The master key signature on every request.

https://learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import unquote

from .errors import unauthorized

# Microsoft's emulators have this key too; it opens nothing but a server on one's own machine.
WELL_KNOWN_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="


class Signatures:
    """Checks signatures made with one key."""

    def __init__(self, key: str) -> None:
        self._mac = hmac.new(base64.b64decode(key), digestmod=hashlib.sha256)

    def check(
        self, method: str, segments: list[str], date: str, authorization: str, rid: str | None = None
    ) -> None:
        """Raises 401 where the header was not made with the key for this resource at this date.

        `rid` is what is signed in place of the path where the address is made of resource ids.
        """
        token = unquote(authorization)
        given = token.rpartition("sig=")[2].encode()
        if token.startswith("type=master&"):
            for kind, link in _signed_resources(segments):
                mac = self._mac.copy()
                mac.update(
                    f"{method.lower()}\n{kind}\n{link if rid is None else rid}\n{date.lower()}\n\n".encode()
                )
                if hmac.compare_digest(given, base64.b64encode(mac.digest())):
                    return
        raise unauthorized()


def _signed_resources(segments: list[str]) -> list[tuple[str, str]]:
    """Returns what a client may have signed; for operations on a container clients differ."""
    if not segments:
        return [("", "")]
    if len(segments) > 4 and segments[4] == "operations":
        link = "/".join(segments[:4])
        return [("colls", link), ("partitionkey", link)]
    if len(segments) % 2:
        return [(segments[-1].lower(), "/".join(segments[:-1]))]
    if segments[0] == "offers":
        # The only resource that clients address, and so sign, by its resource id.
        return [("offers", segments[1].lower())]
    return [(segments[-2].lower(), "/".join(segments))]
