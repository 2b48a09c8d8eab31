"""Tokens: signatures checked, tokens signed, and client assertions used once."""

from __future__ import annotations

from typing import Any, Protocol

from shared.domain.access.claims import AccessToken
from shared.domain.access.compact import Envelope
from shared.domain.access.keys import KeySet


class TokenVerifier(Protocol):
    """Believes an access token, or does not."""

    def verify(self, token: str) -> AccessToken:
        """The token's holder. Raises Unauthenticated with a reason for the counters."""
        ...


class SignatureChecker(Protocol):
    """Checks one signature against the one key of a set that fits."""

    def check(self, token: str, keys: KeySet) -> Envelope:
        """The token, taken apart, whose signature holds. Raises Unauthenticated."""
        ...


class TokenSigner(Protocol):
    """Signs with this server's own key."""

    @property
    def keys(self) -> KeySet:
        """The public keys that verify what it signs."""
        ...

    def sign(self, claims: dict[str, Any]) -> str:
        """The claims as a compact token."""
        ...


class UsedAssertions(Protocol):
    """Remembers which client assertions have been used, across every process of the platform."""

    def first_use(self, client_id: str, tenant: str, jti: str, expires_at_s: int) -> bool:
        """Whether this is the first use: of any number of simultaneous calls exactly one answers True.

        Forgotten some time after `expires_at_s`. Raises Busy and Unavailable, and then the assertion must not be honoured.
        """
        ...
