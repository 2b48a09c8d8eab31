"""Who may do what: SASL mechanisms and shared access signatures.

https://learn.microsoft.com/azure/event-hubs/authenticate-shared-access-signature
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, unquote_plus, urlsplit

SASL_OK: Final = 0
SASL_AUTH_FAILED: Final = 1
MECHANISMS: Final = ("MSSBCBS", "PLAIN", "ANONYMOUS")
SAS_TOKEN_TYPE: Final = "servicebus.windows.net:sastoken"
_PREFIX = "SharedAccessSignature "


class RefusedError(Exception):
    """Credentials that are not accepted; the text says why and never contains them."""


@dataclass(frozen=True)
class Policy:
    """The one shared access policy of the namespace; it may listen, send and manage."""

    name: str
    key: str

    def accepts_plain(self, response: bytes) -> bool:
        """Whether a SASL PLAIN response (`identity NUL user NUL password`) names this policy and its key."""
        parts = response.split(b"\0")
        return (
            len(parts) == 3
            and hmac.compare_digest(parts[1], self.name.encode())
            and hmac.compare_digest(parts[2], self.key.encode())
        )

    def verify(self, token: str, now_s: float) -> Grant:
        """What a shared access signature grants; raises RefusedError."""
        if not token.startswith(_PREFIX):
            raise RefusedError("InvalidToken: a shared access signature is expected")
        pairs = [part.partition("=") for part in token[len(_PREFIX) :].split("&")]
        fields = {name: value for name, _, value in pairs}
        if missing := {"sr", "sig", "se", "skn"} - fields.keys():
            raise RefusedError(
                f"MalformedToken: the shared access signature lacks {', '.join(sorted(missing))}"
            )
        signed = f"{fields['sr']}\n{fields['se']}".encode()
        expected = base64.b64encode(hmac.new(self.key.encode(), signed, hashlib.sha256).digest())
        name_matches = hmac.compare_digest(unquote_plus(fields["skn"]).encode(), self.name.encode())
        if not hmac.compare_digest(unquote(fields["sig"]).encode(), expected) or not name_matches:
            raise RefusedError("InvalidSignature: the token has an invalid signature")
        if not fields["se"].isdecimal() or int(fields["se"]) <= now_s:
            raise RefusedError("ExpiredToken: the token is expired")
        return Grant(entity_path(unquote_plus(fields["sr"])), int(fields["se"]))


@dataclass(frozen=True)
class Grant:
    """The right to everything at or below a path until an instant (seconds since the epoch)."""

    path: str
    expires_at_s: float

    def covers(self, path: str, now_s: float) -> bool:
        if now_s >= self.expires_at_s:
            return False
        return not self.path or path == self.path or path.startswith(self.path + "/")


@dataclass
class Grants:
    """What one connection has proved so far."""

    _grants: dict[str, Grant] = field(default_factory=dict)

    def add(self, grant: Grant) -> None:
        self._grants[grant.path] = grant

    def cover(self, path: str, now_s: float) -> bool:
        wanted = entity_path(path)
        return any(grant.covers(wanted, now_s) for grant in self._grants.values())


EVERYTHING: Final = Grant("", float("inf"))


def entity_path(address: str) -> str:
    """The path of a link address or token resource, in lower case and without slashes at its ends."""
    path = urlsplit(address).path if "://" in address else address
    return path.strip("/").lower()
