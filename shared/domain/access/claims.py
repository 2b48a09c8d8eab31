"""What a token's claims must say before it is believed.

https://www.rfc-editor.org/rfc/rfc7519#section-4.1
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.access.scopes import Scope, parse_scopes
from shared.domain.fhir.identity import is_valid_tenant
from shared.errors import Unauthenticated

LEEWAY_S: Final = 30
MAX_TOKEN_LIFE_S: Final = 3_600
_SUBJECT: Final = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A verified access token: who, of which tenant, with which scopes, until when (seconds since 1970)."""

    client: str
    tenant: str
    scopes: tuple[Scope, ...]
    expires_at_s: int


def text_claim(claims: dict[str, Any], name: str) -> str:
    """A claim that must be a text of visible characters. Raises Unauthenticated."""
    value = claims.get(name)
    if not isinstance(value, str) or not _SUBJECT.fullmatch(value):
        raise Unauthenticated(f"claim-{name}" if name in ("iss", "sub", "jti") else "claim")
    return value


def check_times(claims: dict[str, Any], now_s: float, *, max_life_s: int) -> int:
    """`exp`, which with `iat` must be whole seconds, at most `max_life_s` apart, around now. Raises Unauthenticated."""
    expires_at, issued_at = _seconds(claims, "exp"), _seconds(claims, "iat")
    not_before = _seconds(claims, "nbf") if "nbf" in claims else issued_at
    if now_s >= expires_at + LEEWAY_S:
        raise Unauthenticated("expired")
    if max(issued_at, not_before) > now_s + LEEWAY_S:
        raise Unauthenticated("not-yet-valid")
    if not 0 < expires_at - issued_at <= max_life_s:
        raise Unauthenticated("lifetime")
    return expires_at


def _seconds(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value < 1 << 40:
        raise Unauthenticated(f"claim-{name}")
    return value


def check_audience(claims: dict[str, Any], accepted: tuple[str, ...]) -> None:
    """`aud` is, or has among its texts, exactly one of those accepted. Raises Unauthenticated."""
    audience = claims.get("aud")
    values = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(value, str) for value in values) or not any(value in accepted for value in values):
        raise Unauthenticated("audience")


def access_token(
    claims: dict[str, Any], *, tenant_claim: str, tenants: tuple[str, ...], expires_at_s: int
) -> AccessToken:
    """Client, tenant and scopes of claims whose signature, issuer, audience and times hold. Raises Unauthenticated.

    `tenants` are those the issuer may speak for; empty: any.
    """
    tenant, scope = claims.get(tenant_claim), claims.get("scope")
    if not isinstance(tenant, str) or not is_valid_tenant(tenant) or (tenants and tenant not in tenants):
        raise Unauthenticated("tenant")
    if not isinstance(scope, str):
        raise Unauthenticated("claim-scope")
    return AccessToken(text_claim(claims, "sub"), tenant, parse_scopes(scope), expires_at_s)
